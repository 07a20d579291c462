//! Compiles a rule's patterns, and tells what is wrong with one, where, and how to mend it.

use std::collections::BTreeMap;

use regex_syntax::ast::ErrorKind;
use serde_saphyr::Spanned;

use super::{check::Check, place::in_scalar};
use crate::{
    pattern::{Pattern, PatternError},
    remedy::Remedy,
};

impl Check<'_> {
    pub(super) fn pattern(&mut self, field: &str, pattern: Option<&Spanned<String>>) -> Option<Pattern> {
        let pattern = pattern?;
        if pattern.value.is_empty() {
            self.complain(Some(pattern.referenced), format!("`{field}` is empty; write a pattern or leave it out"));
            return None;
        }
        if self.is_to_do(field, pattern) {
            return None;
        }
        match Pattern::parse(&pattern.value) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                self.complain_of_pattern(field, pattern, &error);
                None
            }
        }
    }

    fn complain_of_pattern(&mut self, field: &str, pattern: &Spanned<String>, error: &PatternError) {
        let at = pattern.referenced;
        let mistake = Mistake::of(error);
        let spot =
            mistake.offset.and_then(|offset| in_scalar(self.text, (at.line(), at.column()), &pattern.value, offset));
        self.complain(Some(at), format!("`{field}` is no pattern: {}", mistake.message));
        if let Some(spot) = spot
            && let Some(error) = self.errors.last_mut()
        {
            (error.line, error.column, error.excerpt) = (spot.line, spot.column, Some(spot.excerpt));
        }
    }

    /// The remedy, compiled; nothing of it where the pattern is wrong, whose groups it names.
    pub(super) fn remedy(&mut self, keys: &BTreeMap<String, Spanned<String>>, regex: Option<&Pattern>) -> Remedy {
        let captures: Vec<_> = regex.into_iter().flat_map(Pattern::names).map(String::as_str).collect();
        let mut remedy = Remedy::default();
        for (key, text) in keys {
            if let Err(message) = remedy.compile(key, &text.value, &captures) {
                self.complain(Some(text.referenced), format!("`remedy: {key}`: {message}"));
            }
        }
        remedy
    }
}

/// What is wrong with a pattern.
struct Mistake {
    message: String,
    /// Where, in bytes; missing where the pattern as a whole is meant.
    offset: Option<usize>,
}

impl Mistake {
    fn of(error: &PatternError) -> Self {
        // The library's own message draws the pattern over several lines; the parser gives the bare facts.
        match error {
            PatternError::Syntax(error) => match &**error {
                regex_syntax::Error::Parse(error) => {
                    let message = format!("{}; {}", error.kind(), mend(error.kind()));
                    Self { message, offset: Some(error.span().start.offset) }
                }
                regex_syntax::Error::Translate(error) => {
                    let message = format!("{}; see https://docs.rs/regex for what is known", error.kind());
                    Self { message, offset: Some(error.span().start.offset) }
                }
                other => Self { message: other.to_string().replace('\n', "\n    "), offset: None },
            },
            PatternError::Compilation(regex::Error::CompiledTooBig(limit)) => {
                let message = format!("it compiles to more than {limit} bytes; lower the counts in `{{n,m}}`");
                Self { message, offset: None }
            }
            PatternError::Compilation(other) => {
                Self { message: other.to_string().replace('\n', "\n    "), offset: None }
            }
        }
    }
}

fn mend(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::GroupUnclosed => "close it with `)`, or write `\\(` for the character",
        ErrorKind::GroupUnopened => "open it with `(`, or write `\\)` for the character",
        ErrorKind::ClassUnclosed => "close it with `]`, or write `\\[` for the character",
        ErrorKind::RepetitionMissing => "write `\\*`, `\\+`, `\\?` or `\\{` for the character",
        ErrorKind::RepetitionCountUnclosed
        | ErrorKind::RepetitionCountDecimalEmpty
        | ErrorKind::RepetitionCountInvalid => "write `{n}` or `{n,m}`, or `\\{` for the character",
        ErrorKind::UnsupportedLookAround => "say what must not stand around a hit in `unless`",
        ErrorKind::UnsupportedBackreference => "patterns are matched in linear time, which cannot refer back",
        ErrorKind::EscapeUnrecognized => "leave the `\\` out, or double it for the character",
        ErrorKind::GroupNameDuplicate { .. } => "give each group a name of its own",
        ErrorKind::GroupNameEmpty | ErrorKind::GroupNameInvalid | ErrorKind::GroupNameUnexpectedEof => {
            "write `(?<name>…)` with letters, digits and `_`"
        }
        _ => "see https://docs.rs/regex for what is known",
    }
}
