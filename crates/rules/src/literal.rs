//! The literals that a pattern cannot match without, so that most patterns are never tried on most blocks.

use regex_syntax::{
    ParserBuilder,
    hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition},
};

use crate::rarity;

/// Most literals of one pattern, and shortest useful one, in bytes.
const LITERALS_MAX: usize = 64;
const LITERAL_BYTES_MIN: usize = 3;
/// Most texts that a part of a pattern is spelled out to (`[13][47]` to four), and their greatest length, in bytes.
const SPELLED_MAX: usize = 16;
const SPELLED_BYTES_MAX: usize = 200;
/// Most repetitions that are spelled out.
const TIMES_MAX: u32 = 8;
/// Shorter ones are looked for at every byte, which is slower.
pub(crate) const LITERAL_BYTES_FAST: usize = 7;

/// A text that stands in a match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal {
    /// The text; its ASCII letters in lower case where their case does not matter.
    pub text: String,
    /// May its ASCII letters stand in any case?
    pub any_case: bool,
}

/// What a pattern tells of where it can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// Of these, every match contains at least one. `None`: there are none that would narrow the search.
    pub literals: Option<Vec<Literal>>,
    /// Does every match lie within one line, whatever the lines around it?
    pub(crate) one_line: bool,
}

/// What `pattern` tells of where it can match.
pub fn required(pattern: &str) -> Required {
    match ParserBuilder::new().multi_line(true).crlf(true).build().parse(pattern) {
        Ok(hir) => required_by(&hir),
        Err(_) => Required { literals: None, one_line: false },
    }
}

/// What a parsed pattern tells of where it can match.
pub(crate) fn required_by(hir: &Hir) -> Required {
    let literals =
        Part::of(hir).best().filter(|best| best.iter().all(|literal| literal.text.len() >= LITERAL_BYTES_MIN));
    let folded = |literal: Literal| {
        if literal.any_case { Literal { text: literal.text.to_ascii_lowercase(), ..literal } } else { literal }
    };
    let literals = literals.map(|best| best.into_iter().map(folded).collect());
    Required { literals, one_line: is_one_line(hir) }
}

/// Nothing in the pattern takes a line feed in, or asks for the text's start or end.
fn is_one_line(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => !literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => !class.ranges().iter().any(|r| r.start() <= '\n' && '\n' <= r.end()),
        HirKind::Class(Class::Bytes(class)) => !class.ranges().iter().any(|r| r.start() <= b'\n' && b'\n' <= r.end()),
        HirKind::Look(look) => !matches!(look, Look::Start | Look::End),
        HirKind::Repetition(repetition) => is_one_line(&repetition.sub),
        HirKind::Capture(capture) => is_one_line(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_one_line),
    }
}

/// A few texts.
type Texts = Vec<Literal>;

impl Literal {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), any_case: false }
    }

    fn then(&self, next: &Self) -> Self {
        Self { text: format!("{}{}", self.text, next.text), any_case: self.any_case || next.any_case }
    }
}

/// What is known of every match of a part of a pattern.
#[derive(Clone, Debug)]
struct Part {
    /// It starts with one of these, and ends with one of those. Without any it may start, or end, in any way.
    starts: Texts,
    ends: Texts,
    /// It is one of the starts, which are the ends.
    spelled_out: bool,
    /// It contains one of these: the best choice that is known.
    within: Option<Texts>,
}

impl Part {
    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::spelled(vec![Literal::new("")]),
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => Self::spelled(vec![Literal::new(text)]),
                Err(_) => Self::unknown(),
            },
            HirKind::Class(Class::Unicode(class)) => spelled_class(class).map_or_else(Self::unknown, Self::spelled),
            HirKind::Class(Class::Bytes(_)) => Self::unknown(),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => Self::of_repetition(repetition),
            HirKind::Concat(parts) => {
                parts.iter().map(Self::of).fold(Self::spelled(vec![Literal::new("")]), Self::then)
            }
            HirKind::Alternation(choices) => Self::of_choices(choices),
        }
    }

    fn unknown() -> Self {
        Self { starts: Vec::new(), ends: Vec::new(), spelled_out: false, within: None }
    }

    fn spelled(texts: Texts) -> Self {
        Self { starts: texts.clone(), ends: texts, spelled_out: true, within: None }
    }

    fn of_repetition(repetition: &Repetition) -> Self {
        let part = Self::of(&repetition.sub);
        match (repetition.min, repetition.max) {
            (0, Some(1)) if part.spelled_out && part.starts.len() < SPELLED_MAX => {
                let mut texts = part.starts;
                if !texts.contains(&Literal::new("")) {
                    texts.push(Literal::new(""));
                }
                Self::spelled(texts)
            }
            (0, _) => Self::unknown(),
            (1, Some(1)) => part,
            (count, max) => {
                let whole = (1..count.min(TIMES_MAX)).fold(part.clone(), |whole, _| whole.then(part.clone()));
                if max == Some(count) && count <= TIMES_MAX { whole } else { Self { spelled_out: false, ..whole } }
            }
        }
    }

    fn of_choices(choices: &[Hir]) -> Self {
        let parts: Vec<_> = choices.iter().map(Self::of).collect();
        let joined = |texts: fn(&Self) -> &Texts, most: usize| {
            let unknown = parts.iter().any(|part| texts(part).is_empty());
            let mut all: Texts = parts.iter().flat_map(texts).cloned().collect();
            all.sort_unstable();
            all.dedup();
            if unknown || all.len() > most { Vec::new() } else { all }
        };
        let spelled_out = parts.iter().all(|part| part.spelled_out);
        if spelled_out {
            let texts = joined(|part| &part.starts, LITERALS_MAX);
            return if texts.is_empty() { Self::unknown() } else { Self::spelled(texts) };
        }
        let within: Option<Vec<_>> = parts.iter().map(Self::best).collect();
        let within = within.map(|all| all.concat()).filter(|all| all.len() <= LITERALS_MAX);
        let (starts, ends) = (joined(|part| &part.starts, LITERALS_MAX), joined(|part| &part.ends, LITERALS_MAX));
        Self { starts, ends, spelled_out: false, within }
    }

    /// This part, and `next` after it.
    fn then(self, next: Self) -> Self {
        let across = cross(&self.ends, &next.starts);
        let spelled_out = self.spelled_out && next.spelled_out && !across.is_empty();
        if spelled_out {
            return Self::spelled(across);
        }
        let starts = if self.spelled_out && !across.is_empty() { across.clone() } else { self.starts.clone() };
        let ends = if next.spelled_out && !across.is_empty() { across.clone() } else { next.ends.clone() };
        let candidates = [self.within, next.within, Some(across), Some(self.ends), Some(next.starts)];
        Self { starts, ends, spelled_out: false, within: best_of(candidates.into_iter().flatten()) }
    }

    /// The texts of which every match contains one, that cost least to look for.
    fn best(&self) -> Option<Texts> {
        best_of([&self.within].into_iter().flatten().chain([&self.starts, &self.ends]).cloned())
    }
}

fn best_of(candidates: impl Iterator<Item = Texts>) -> Option<Texts> {
    let useful =
        |texts: &Texts| !texts.is_empty() && texts.len() <= LITERALS_MAX && texts.iter().all(|t| !t.text.is_empty());
    candidates.filter(useful).min_by_key(|texts| cost(texts))
}

/// Every text of the first, followed by every one of the second; none where that would be too many or too long.
fn cross(first: &Texts, second: &Texts) -> Texts {
    let longest = |texts: &Texts| texts.iter().map(|literal| literal.text.len()).max().unwrap_or_default();
    // A lone text on either side adds to no count.
    let most = if first.len() == 1 || second.len() == 1 { LITERALS_MAX } else { SPELLED_MAX };
    if first.len() * second.len() > most || longest(first) + longest(second) > SPELLED_BYTES_MAX {
        return Vec::new();
    }
    first.iter().flat_map(|start| second.iter().map(|end| start.then(end))).collect()
}

/// What looking for these costs: the tries in a healthy log, then the shorter the dearer.
fn cost(literals: &[Literal]) -> u64 {
    let one = |literal: &Literal| match (literal.text.len(), literal.any_case) {
        (0..LITERAL_BYTES_MIN, _) => 1 << 40,
        (length, any_case) => {
            let slow = if length < LITERAL_BYTES_FAST { 100 + 300 * u64::from(any_case) } else { 0 };
            16 * rarity::count_of(literal.text.as_bytes()) + 256 / length as u64 + slow
        }
    };
    literals.iter().map(one).sum()
}

/// The characters of a small class. (A Kelvin sign, which `(?i)k` includes, counts as a `k`, and so does a long `s`: in a log
/// they are not missed for long, and no rule needs them.)
fn spelled_class(class: &ClassUnicode) -> Option<Texts> {
    let ranges = class.ranges();
    let count: u32 = ranges.iter().map(|range| u32::from(range.end()) - u32::from(range.start()) + 1).sum();
    if count as usize > SPELLED_MAX {
        return None;
    }
    let letters = ranges.iter().flat_map(|range| range.start()..=range.end());
    let letters: Vec<char> = letters.filter(|letter| !matches!(letter, '\u{212A}' | '\u{17F}')).collect();
    let other_case = |letter: char| {
        let other = if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        other != letter && letters.contains(&other)
    };
    let spelled = |&letter: &char| Literal { text: letter.to_ascii_lowercase().to_string(), any_case: true };
    let folded = letters.iter().filter(|letter| letter.is_ascii_lowercase() && other_case(**letter)).map(spelled);
    let exact = letters.iter().filter(|letter| !other_case(**letter)).map(|letter| Literal::new(&letter.to_string()));
    let texts: Texts = folded.chain(exact).collect();
    (!texts.is_empty()).then_some(texts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::RegexBuilder;

    use super::*;

    fn of(pattern: &str) -> Option<Vec<String>> {
        required(pattern).literals.map(|literals| literals.into_iter().map(|literal| literal.text).collect())
    }

    #[test]
    fn a_frequent_part_is_not_taken() {
        assert_eq!(of(r"INFO SecurityManager: \w+ NullPointer"), Some(vec![" NullPointer".to_owned()]));
    }

    #[test]
    fn a_pattern_that_takes_no_line_end_in_stays_in_a_line() {
        for pattern in [r"(?m)^a.*b$", r"a\b\S+[^\n]\w", "(?i)word", r"\d{3}"] {
            assert!(required(pattern).one_line, "{pattern}");
        }
        for pattern in [r"a\sb", "(?s)a.*b", r"\Aword", r"word\z", r"[^x]word", r"\D", "a\nb"] {
            assert!(!required(pattern).one_line, "{pattern}");
        }
    }

    #[test]
    fn the_longest_part_is_taken() {
        assert_eq!(
            of(r"java\.lang\.OutOfMemoryError: \w+ space"),
            Some(vec!["java.lang.OutOfMemoryError: ".to_owned()])
        );
        assert_eq!(of(r"(?i)killed by \d"), Some(vec!["killed by ".to_owned()]));
    }

    #[test]
    fn small_choices_are_spelled_out() {
        let spelled = |pattern: &str, texts: &[&str]| {
            let mut found = of(pattern).unwrap();
            found.sort_unstable();
            assert_eq!(found, texts, "{pattern}");
        };
        spelled(r"\d+ (?:alpha|beta)x?", &[" alpha", " beta"]);
        spelled(r"(?i:exit ?status|exit ?code)\D{0,4}\d", &["exit code", "exit status", "exitcode", "exitstatus"]);
        spelled(r"code -10[34]\b", &["code -103", "code -104"]);
        spelled(r"\[(?:AVRO_TYPE_\w+|UDTF_\w+_END)\]", &["[AVRO_TYPE_", "[UDTF_"]);
        spelled(r"\bEMFILE\b", &["EMFILE"]);
    }

    #[test]
    fn the_case_is_kept_where_it_matters() {
        let exact = |pattern: &str| required(pattern).literals.unwrap().iter().all(|literal| !literal.any_case);
        assert!(exact("Error: x") && exact("Kill(?:ed|ing)") && !exact("[Kk]illed") && !exact("(?i)killed"));
        assert_eq!(of("(?i)KILLED"), Some(vec!["killed".to_owned()]));
    }

    #[test]
    fn an_optional_or_tiny_part_is_none() {
        assert_eq!(of(r"(?:OutOfMemory)?\w+"), None);
        assert_eq!(of(r"(?:OutOfMemory|\d+)"), None);
        assert_eq!(of("ab"), None);
    }

    /// Patterns, from pieces of every kind.
    fn patterns() -> impl Strategy<Value = String> {
        let pieces = ["abc", "d", "[ef]", r"\d", ".", "(?i:Gh)", "", "^", "$", r"\b", "[x-z]", "(?<name>k)"];
        let piece = proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned);
        piece.prop_recursive(5, 40, 5, |inner| {
            let times = proptest::sample::select(vec!["?", "*", "+", "{2}", "{1,3}", "{0,2}", "{3,}"]);
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
                proptest::collection::vec(inner.clone(), 1..5).prop_map(|parts| format!("(?:{})", parts.join("|"))),
                (inner, times).prop_map(|(part, times)| format!("(?:{part}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn every_match_contains_a_literal(pattern in patterns(), text in "[a-hkxyzABCGH01 \n]{0,60}") {
            let Ok(regex) = RegexBuilder::new(&pattern).multi_line(true).crlf(true).size_limit(1 << 20).build() else {
                return Ok(());
            };
            let Some(literals) = required(&pattern).literals else { return Ok(()) };
            for found in regex.find_iter(&text) {
                let (found, lower) = (found.as_str(), found.as_str().to_ascii_lowercase());
                let stands = |literal: &Literal| if literal.any_case { &lower } else { found }.contains(&literal.text);
                prop_assert!(literals.iter().any(stands), "{:?} {:?}", found, literals);
            }
        }
    }
}
