//! A rule's pattern: parsed when the rules are loaded, compiled when it is first tried.
//!
//! Most rules of a set are never tried on a log, and compiling is most of what loading would cost, in time and memory.

use std::sync::OnceLock;

use regex::{Match, Regex, RegexBuilder};
use regex_syntax::{
    ParserBuilder,
    hir::{Class, ClassUnicode, Hir, HirKind},
    utf8::Utf8Sequences,
};

use crate::literal::{self, Required};

/// Largest compiled pattern, in bytes. A usual one takes some 20 KiB; `\w{1000}` would take 20 MiB.
const PATTERN_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What a state of the compiled pattern takes at most, in bytes: the regex crate's is 32 and up to two transitions.
const STATE_BYTES: u64 = 56;

/// Why a pattern is none.
#[derive(Debug)]
pub(crate) enum PatternError {
    /// It is written wrongly.
    Syntax(Box<regex_syntax::Error>),
    /// It is too large.
    Compilation(regex::Error),
}

/// A pattern: `^` and `$` are a line's ends, of any line-end style, and `.` stays within a line.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    names: Vec<String>,
    required: Required,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// What is wrong with the pattern, if anything is, is told here and not when it is compiled.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let parsed = ParserBuilder::new().multi_line(true).crlf(true).build().parse(text);
        let hir = parsed.map_err(|error| PatternError::Syntax(Box::new(error)))?;
        let regex = OnceLock::new();
        if states_max(&hir).saturating_mul(STATE_BYTES) > PATTERN_BYTES_MAX as u64 {
            let compiled = compile(text).map_err(PatternError::Compilation)?;
            regex.get_or_init(|| Some(compiled));
        }
        let mut names = Vec::new();
        collect_names(&hir, &mut names);
        Ok(Self { text: text.to_owned(), names, required: literal::required_by(&hir), regex })
    }

    /// As its author wrote it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its groups, in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where it can match.
    pub(crate) const fn required(&self) -> &Required {
        &self.required
    }

    /// The compiled pattern. A pattern that was parsed compiles: what might be too large was tried at once.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compile(&self.text).ok()).as_ref()
    }

    /// The first match.
    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        self.regex()?.find(text)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

/// `^` and `$` are a line's ends, of any line-end style, and `.` stays within a line.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).multi_line(true).crlf(true).size_limit(PATTERN_BYTES_MAX).build()
}

/// A bound for the states of the compiled pattern.
fn states_max(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64 + 1,
        HirKind::Class(Class::Unicode(class)) => class_states_max(class),
        HirKind::Capture(capture) => states_max(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(1, |sum, part| sum.saturating_add(states_max(part)))
        }
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min).max(1));
            states_max(&repetition.sub).saturating_add(1).saturating_mul(times).saturating_add(2)
        }
    }
}

/// Each range of characters becomes rows of byte ranges, of up to four.
fn class_states_max(class: &ClassUnicode) -> u64 {
    let of_range = |start: char, end: char| {
        if end.is_ascii() { 1 } else { Utf8Sequences::new(start, end).map(|row| row.len() as u64).sum() }
    };
    class.ranges().iter().map(|range| of_range(range.start(), range.end())).sum::<u64>() + 1
}

fn collect_names(hir: &Hir, names: &mut Vec<String>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            names.extend(capture.name.as_deref().map(str::to_owned));
            collect_names(&capture.sub, names);
        }
        HirKind::Repetition(repetition) => collect_names(&repetition.sub, names),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            for part in parts {
                collect_names(part, names);
            }
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_large_pattern_is_refused_at_once() {
        let too_large = PatternError::Compilation(regex::Error::CompiledTooBig(PATTERN_BYTES_MAX));
        assert_eq!(format!("{:?}", Pattern::parse(r"\w{1000}").unwrap_err()), format!("{too_large:?}"));
        assert!(matches!(Pattern::parse("(").unwrap_err(), PatternError::Syntax(_)));
    }

    #[test]
    fn a_usual_pattern_is_compiled_when_it_is_tried() {
        let pattern = Pattern::parse(r"(?<key>spark\.\w+)(?:=(?<value>\S{1,40}))?").unwrap();
        assert!(pattern.regex.get().is_none());
        assert_eq!(pattern.names(), ["key", "value"]);
        assert!(pattern.is_match("spark.memory=1g") && !pattern.is_match("memory"));
    }

    proptest! {
        /// What is parsed and not compiled at once never fails later.
        #[test]
        fn what_is_not_tried_at_once_compiles(
            part in proptest::sample::select(vec![r"\w", ".", "(?s:.)", r"\pL", "[a-z]", "(?i)k", "(a|b)", r"\b", "é"]),
            times in 0_u32..3_000,
            more in 0_u32..40,
        ) {
            let text = format!("x(?:{part}{{{times},{}}})y", times + more);
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert!(pattern.regex().is_some(), "{}", text);
            }
        }
    }
}
