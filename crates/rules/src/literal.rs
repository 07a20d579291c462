//! The literals that a pattern cannot match without, so that most patterns are never tried on most blocks.

use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind, Look},
};

use crate::rarity;

/// Most literals of one pattern, and shortest useful one, in bytes.
const LITERALS_MAX: usize = 64;
const LITERAL_BYTES_MIN: usize = 3;
/// Shorter ones are looked for in a pass of their own, which is slower.
pub(crate) const LITERAL_BYTES_FAST: usize = 7;

/// What a pattern tells of where it can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Required {
    /// Texts in ASCII lower case, of which every match contains at least one, whatever its case. `None`: there are none
    /// that would narrow the search.
    pub(crate) literals: Option<Vec<String>>,
    /// Does every match lie within one line, whatever the lines around it?
    pub(crate) one_line: bool,
}

/// What `pattern` tells of where it can match.
pub(crate) fn required(pattern: &str) -> Required {
    let Ok(hir) = ParserBuilder::new().multi_line(true).crlf(true).build().parse(pattern) else {
        return Required { literals: None, one_line: false };
    };
    let literals = required_of(&hir).filter(|literals| literals.iter().all(|text| text.len() >= LITERAL_BYTES_MIN));
    Required { literals, one_line: is_one_line(&hir) }
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

fn required_of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => literal_text(&literal.0).map(|text| vec![text]),
        HirKind::Capture(capture) => required_of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required_of(&repetition.sub),
        HirKind::Alternation(choices) => required_of_choices(choices),
        HirKind::Concat(parts) => required_of_parts(parts),
        HirKind::Class(class) => cased_letter(class).map(|letter| vec![letter.to_string()]),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn required_of_choices(choices: &[Hir]) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for choice in choices {
        all.extend(required_of(choice)?);
    }
    (all.len() <= LITERALS_MAX).then_some(all)
}

/// The best of the parts, where neighbouring literals (a case-insensitive word is a row of two-letter classes) count as
/// one.
fn required_of_parts(parts: &[Hir]) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    let mut run = String::new();
    let mut consider = |candidate: Vec<String>| {
        if best.as_ref().is_none_or(|best| cost(&candidate) < cost(best)) {
            best = Some(candidate);
        }
    };
    for part in parts {
        let text = match part.kind() {
            HirKind::Literal(literal) => literal_text(&literal.0),
            HirKind::Class(class) => cased_letter(class).map(String::from),
            _ => None,
        };
        if let Some(text) = text {
            run.push_str(&text);
            continue;
        }
        if !run.is_empty() {
            consider(vec![std::mem::take(&mut run)]);
        }
        if let Some(literals) = required_of(part) {
            consider(literals);
        }
    }
    if !run.is_empty() {
        consider(vec![run]);
    }
    best
}

/// What looking for these costs: the tries in a healthy log, then the shorter the dearer.
fn cost(literals: &[String]) -> u64 {
    let one = |literal: &String| {
        let slow = if literal.len() < LITERAL_BYTES_FAST { 400 } else { 0 };
        match literal.len() {
            0..LITERAL_BYTES_MIN => 1 << 40,
            length => 16 * rarity::count_of(literal.as_bytes()) + 256 / length as u64 + slow,
        }
    };
    literals.iter().map(one).sum()
}

fn literal_text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_ascii_lowercase)
}

/// The letter of a class such as `[Aa]`, in lower case. (`[Kk\u{212A}]` counts: a Kelvin sign in a log is not missed for
/// long, and no rule needs it.)
fn cased_letter(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let mut letter = None;
    for range in class.ranges() {
        if range.start() != range.end() {
            return None;
        }
        if range.start().is_ascii() {
            let lower = range.start().to_ascii_lowercase();
            if letter.is_some_and(|letter| letter != lower) {
                return None;
            }
            letter = Some(lower);
        }
    }
    letter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<Vec<String>> {
        required(pattern).literals
    }

    #[test]
    fn a_frequent_part_is_not_taken() {
        assert_eq!(of(r"INFO SecurityManager: \w+ NullPointer"), Some(vec![" nullpointer".to_owned()]));
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
            Some(vec!["java.lang.outofmemoryerror: ".to_owned()])
        );
        assert_eq!(of(r"\d+ (?:alpha|beta)x?"), Some(vec!["alpha".to_owned(), "beta".to_owned()]));
        assert_eq!(of(r"(?i)killed by \d"), Some(vec!["killed by ".to_owned()]));
    }

    #[test]
    fn an_optional_or_tiny_part_is_none() {
        assert_eq!(of(r"(?:OutOfMemory)?\w+"), None);
        assert_eq!(of(r"(?:OutOfMemory|\d+)"), None);
        assert_eq!(of("ab"), None);
    }
}
