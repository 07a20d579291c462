//! The literals that a pattern cannot match without, so that most patterns are never tried on most blocks.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Most literals of one pattern, and shortest useful one, in bytes.
const LITERALS_MAX: usize = 64;
const LITERAL_BYTES_MIN: usize = 3;

/// Texts in ASCII lower case, of which every match contains at least one, whatever its case. `None`: there are none that
/// would narrow the search.
pub(crate) fn required(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let literals = required_of(&hir)?;
    (score(&literals) >= LITERAL_BYTES_MIN).then_some(literals)
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
        if best.as_ref().is_none_or(|best| score(&candidate) > score(best)) {
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

/// The shortest literal's length: the longer, the fewer blocks hold one.
fn score(literals: &[String]) -> usize {
    literals.iter().map(String::len).min().unwrap_or(0)
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
        required(pattern)
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
