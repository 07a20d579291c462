//! The switch that stops every patch, for the jobs in a scope.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::FreezeId,
    patch::validate_reason,
    scope::Scope,
    time::Timestamp,
    validation::{Validate, Violation},
};

/// `POST /v1/freezes`: jobs in this scope start with their own configuration from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFreeze {
    /// Which jobs; every job, where it names nothing.
    #[serde(default)]
    pub scope: Scope,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Validate for NewFreeze {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.scope.validate(&format!("{pointer}/scope"), violations);
        validate_reason(self.reason.as_deref(), pointer, violations);
    }
}

/// A freeze, in force until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Freeze {
    /// Its id.
    pub id: FreezeId,
    /// Which jobs.
    pub scope: Scope,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who froze.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Who lifted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted_at: Option<Timestamp>,
}
