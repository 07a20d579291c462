//! What can be wrong with rule files.

use std::fmt;

use serde::Serialize;

/// One mistake in a rule file: where it is, and how to mend it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct RuleError {
    /// The file's name.
    pub file: String,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: u64,
    /// Column, from 1; 0 where the line as a whole is meant.
    pub column: u64,
    /// The rule's name, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is wrong and how to mend it.
    pub message: String,
    /// The line (or the part of it that matters), and on a second line a mark under the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        match &self.rule {
            Some(rule) => write!(f, ": rule {rule}: {}", self.message)?,
            None => write!(f, ": {}", self.message)?,
        }
        match &self.excerpt {
            Some(excerpt) => write!(f, "\n    {}", excerpt.replace('\n', "\n    ")),
            None => Ok(()),
        }
    }
}

/// Every mistake of a set of rule files, in file and line order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.listed())]
pub struct RuleErrors(pub Vec<RuleError>);

impl RuleErrors {
    fn listed(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}
