//! An annotation as GitHub's workflow commands write it: shown in a pull request at the line that it is about.

use std::fmt;

/// One annotation.
pub(super) struct Annotation<'a> {
    /// An error, or a notice.
    pub(super) error: bool,
    /// Path from the repository's root.
    pub(super) file: &'a str,
    /// From 1; 0: the whole file.
    pub(super) line: u64,
    /// From 1; 0: the whole line.
    pub(super) column: u64,
    /// What it is about.
    pub(super) title: &'a str,
    /// What is wrong, and how to mend it.
    pub(super) message: &'a str,
}

impl fmt::Display for Annotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.error { "error" } else { "notice" };
        write!(f, "::{level} file={}", property(self.file))?;
        for (name, number) in [("line", self.line), ("col", self.column)] {
            if number > 0 {
                write!(f, ",{name}={number}")?;
            }
        }
        write!(f, ",title={}::{}", property(self.title), data(self.message))
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
