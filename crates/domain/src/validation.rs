//! Checks of what came from outside that a type alone cannot express.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing wrong with a request: where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// JSON pointer to the field, `""` for the whole document.
    #[schema(example = "/job/attempt")]
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Violation {
    /// A violation at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// Something that can be wrong in ways its type allows.
pub trait Validate {
    /// Adds every violation to `violations`; `pointer` is the JSON pointer of this value.
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>);

    /// Every violation of a whole document.
    fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        self.validate("", &mut violations);
        violations
    }
}

/// Longest name (job, workflow, user, label, …), in bytes. Airflow allows 250 characters, Kubernetes 253.
pub const NAME_BYTES_MAX: usize = 512;

/// Checks a name: not empty, not longer than [`NAME_BYTES_MAX`], no control characters (a newline in a name would forge
/// log lines and breaks every table that shows it).
pub fn validate_name(name: &str, pointer: &str, violations: &mut Vec<Violation>) {
    if name.is_empty() {
        violations.push(Violation::at(pointer, "must not be empty"));
    } else if name.len() > NAME_BYTES_MAX {
        violations.push(Violation::at(
            pointer,
            format!("is {} bytes long; at most {NAME_BYTES_MAX} are allowed", name.len()),
        ));
    } else if let Some(control) = name.chars().find(|c| c.is_control()) {
        violations.push(Violation::at(pointer, format!("holds the control character {control:?}; remove it")));
    }
}

/// Escapes one reference token of a JSON pointer (RFC 6901, section 3).
pub fn escape_pointer_token(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
