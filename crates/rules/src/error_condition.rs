//! Spark's error conditions and SQLSTATEs in a text: `[TABLE_OR_VIEW_NOT_FOUND] … SQLSTATE: 42P01`.

use std::sync::LazyLock;

use regex::Regex;

/// Most conditions that are read in one block.
const CONDITIONS_MAX: usize = 64;
/// How far behind its condition a SQLSTATE may stand, in bytes: Spark's messages suggest names in between.
const SQL_STATE_REACH_BYTES: usize = 8 * 1024;

/// Conditions are upper case with sub-conditions after a dot; SQLSTATEs have five letters or digits.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\[(?<condition>[A-Z][A-Z0-9_]{2,}(?:\.[A-Z0-9_]+)*)\]|(?i:SQLSTATE)[:=\[] ?(?<state>[0-9A-Z]{5})\b")
        .expect("the pattern is constant")
});

/// A condition, or a SQLSTATE that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorCondition<'t> {
    /// `MAIN` or `MAIN.SUB`.
    pub(crate) condition: Option<&'t str>,
    pub(crate) sql_state: Option<&'t str>,
    /// Where it stands in the text, in bytes.
    pub(crate) start: usize,
}

/// The conditions of a text, in order.
pub(crate) fn error_conditions(text: &str) -> Vec<ErrorCondition<'_>> {
    let mut found: Vec<ErrorCondition<'_>> = Vec::new();
    for token in TOKEN.captures_iter(text) {
        let start = token.get(0).map_or(0, |whole| whole.start());
        if let Some(condition) = token.name("condition") {
            found.push(ErrorCondition { condition: Some(condition.as_str()), sql_state: None, start });
        } else if let Some(state) = token.name("state").map(|state| state.as_str()) {
            match found.last_mut() {
                Some(open) if open.sql_state.is_none() && start - open.start <= SQL_STATE_REACH_BYTES => {
                    open.sql_state = Some(state);
                }
                _ => found.push(ErrorCondition { condition: None, sql_state: Some(state), start }),
            }
        }
        if found.len() >= CONDITIONS_MAX {
            break;
        }
    }
    found
}

impl ErrorCondition<'_> {
    /// Is it one of these: `MAIN` (with any sub-condition) or `MAIN.SUB`?
    pub(crate) fn is_one_of(&self, names: &[String]) -> bool {
        let Some(condition) = self.condition else { return false };
        let main = condition.split('.').next().unwrap_or(condition);
        names.iter().any(|name| name == condition || name == main)
    }

    /// Is its SQLSTATE one of these: `42P01`, or a class such as `22*`?
    pub(crate) fn has_state_of(&self, patterns: &[String]) -> bool {
        let Some(state) = self.sql_state else { return false };
        patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => state.starts_with(start),
            None => state == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_condition_is_read_with_its_state() {
        let text =
            "AnalysisException: [INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA] Cannot write `a`. SQLSTATE: KD000";
        let found = error_conditions(text);
        assert_eq!(found.len(), 1);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(found[0].is_one_of(&names(&["INCOMPATIBLE_DATA_FOR_TABLE"])));
        assert!(found[0].is_one_of(&names(&["INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA"])));
        assert!(!found[0].is_one_of(&names(&["INCOMPATIBLE_DATA_FOR_TABLE.OTHER", "INCOMPATIBLE"])));
        assert!(found[0].has_state_of(&names(&["22*", "KD000"])) && !found[0].has_state_of(&names(&["KD001", "2*"])));
    }

    #[test]
    fn a_state_may_stand_alone_and_none_is_taken_twice() {
        let found = error_conditions("[DIVIDE_BY_ZERO] x SQLSTATE: 22012\nSQLSTATE: 42P01\n[OTHER_ONE] y");
        let read: Vec<_> = found.iter().map(|found| (found.condition, found.sql_state)).collect();
        assert_eq!(read, [(Some("DIVIDE_BY_ZERO"), Some("22012")), (None, Some("42P01")), (Some("OTHER_ONE"), None)]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|\\[A_B\\]|SQLSTATE: 22012){0,60}") {
            for found in error_conditions(&text) {
                prop_assert!(text.is_char_boundary(found.start));
            }
        }
    }
}
