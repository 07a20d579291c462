//! Who may do what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The role of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reports failures and outcomes, mutates configurations.
    Scheduler,
    /// Posts host samples.
    Agent,
    /// Reloads rules.
    RuleAuthor,
    /// Everything.
    Operator,
    /// Reads.
    Viewer,
}
