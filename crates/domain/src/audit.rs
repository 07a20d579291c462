//! The audit log: who changed what, when and why.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{classification::wire_enum, id::FailureId, time::Timestamp};

wire_enum! {
    /// What was changed.
    AuditKind {
        /// A patch.
        Patch = "patch",
        /// The policy.
        Policy = "policy",
        /// A freeze.
        Freeze = "freeze",
        /// A token.
        Token = "token",
    }
}

/// One change, append-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// What was changed.
    pub kind: AuditKind,
    /// Which one: the id of the patch, freeze or token; `policy`.
    pub subject: String,
    /// Grows with each change of one subject: the version of a patch or of the policy.
    #[schema(minimum = 1)]
    pub number: u64,
    /// What was done: `create`, `put`, `lift`, `rotate`, and what a patch's history names.
    pub change: String,
    /// Who did it; `guard` where a patch paused by itself.
    pub actor: String,
    /// Why, where said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The decision that led to it: its failure's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<FailureId>,
    /// When.
    pub changed_at: Timestamp,
    /// What it was before; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What it was after. A token's secret and its digest are in neither.
    #[schema(value_type = Object)]
    pub after: Value,
}
