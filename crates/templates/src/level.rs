//! The level of a log entry.

/// How far into an entry its level is looked for, in bytes.
const REACH_BYTES: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
    Information,
}

/// The level of a log entry by its first line; what is no entry has none.
pub(crate) fn level_of(first_line: &str) -> Option<Level> {
    let head = &first_line[..first_line.floor_char_boundary(REACH_BYTES)];
    let words = head.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.take(16).find_map(|word| match word {
        "ERROR" | "FATAL" | "CRITICAL" | "SEVERE" => Some(Level::Error),
        "WARN" | "WARNING" => Some(Level::Warning),
        "INFO" | "DEBUG" | "TRACE" => Some(Level::Information),
        _ => None,
    })
}
