//! Rules on the wire: dry runs and reloads.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::Classification,
    configuration::Configuration,
    container::{ContainerEnd, validate_containers},
    log::{LogSource, validate_logs},
    validation::{Validate, Violation},
};

/// `POST /v1/rules/match`: what would the rules say of these logs? Nothing is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchRequest {
    /// The logs.
    pub logs: Vec<LogSource>,
    /// Exit code of the driver's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How the containers ended, where the reporter knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerEnd>,
    /// The configuration the attempt ran with: some rules compute a remedy from it.
    #[serde(default)]
    pub config: Configuration,
}

impl Validate for MatchRequest {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_logs(&self.logs, &format!("{pointer}/logs"), violations);
        validate_containers(&self.containers, &format!("{pointer}/containers"), violations);
        self.config.validate(&format!("{pointer}/config"), violations);
    }
}

/// The answer to a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MatchResponse {
    /// What the rules say.
    pub classification: Classification,
    /// What could not be used: `log_unavailable:<log>`, …
    #[serde(default)]
    pub degraded: Vec<String>,
}

/// How often a rule was used, since the classifier started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleCounts {
    /// Failures that it matched, whichever rule decided.
    pub matched: u64,
    /// Failures that it decided.
    pub decided: u64,
}

/// The rules in force, after `POST /v1/rules/reload`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleSetSummary {
    /// Names the rule set: the same contents have the same version.
    pub version: String,
    /// How many rules it has.
    pub rules: u64,
}
