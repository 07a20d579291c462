//! Who may do what.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::classification::wire_enum;

wire_enum! {
    /// The role of a token.
    Role {
        /// Reports failures and outcomes, mutates configurations.
        Scheduler = "scheduler",
        /// Posts host samples.
        Agent = "agent",
        /// Reloads rules.
        RuleAuthor = "rule_author",
        /// Everything.
        Operator = "operator",
        /// Reads.
        Viewer = "viewer",
    }
}
