//! Errors on the wire: RFC 9457 problem documents.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::validation::Violation;

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An RFC 9457 problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// Names the kind of problem: `urn:paramedic:problem:<kind>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and how to mend it.
    pub detail: String,
    /// What is wrong with the request, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
}

impl Problem {
    /// A problem of this kind (a word, such as `invalid_request`).
    pub fn new(kind: &str, status: u16, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:paramedic:problem:{kind}"),
            title: title.into(),
            status,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// The request is well-formed and wrong.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let detail = match violations.as_slice() {
            [one] => format!("{}: {}", if one.pointer.is_empty() { "request" } else { &one.pointer }, one.detail),
            several => format!("{} fields are wrong; `errors` names each", several.len()),
        };
        Self { errors: violations, ..Self::new("invalid_request", 422, "The request is not valid", detail) }
    }
}
