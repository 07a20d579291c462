//! Less memory for jobs that succeed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    patch::Patch,
    patch_values::Values,
    validation::{Validate, Violation, validate_name},
};

/// A job that could run with less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RightSizingProposal {
    /// Its scheduler.
    pub scheduler: String,
    /// Its workflow.
    pub workflow: String,
    /// The job.
    pub job: String,
    /// Runs in a row that succeeded as it runs now, and whose peaks are known.
    pub runs: u32,
    /// What would change, in this step.
    pub changes: Vec<RightSizingChange>,
    /// The values that the patch sets.
    #[schema(value_type = std::collections::BTreeMap<String, Option<String>>)]
    pub values: Values,
    /// The greatest of the changes' failure probabilities.
    #[schema(minimum = 0, maximum = 1)]
    pub failure_probability: f64,
    /// The bound that it keeps under.
    #[schema(minimum = 0, maximum = 1)]
    pub failure_probability_max: f64,
    /// What a run costs less, in US dollars, where its duration is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_usd_per_run: Option<f64>,
    /// Why, a sentence each.
    pub explanation: Vec<String>,
}

/// One key, lowered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RightSizingChange {
    /// The key.
    pub key: String,
    /// What it is now, in bytes.
    pub from_bytes: u64,
    /// What it would be after this step.
    pub to_bytes: u64,
    /// Where the steps lead, as far as is known now.
    pub target_bytes: u64,
    /// The most that was used.
    pub peak_bytes: u64,
    /// Probability that the next run fails for it, by the observed peaks and by the model: the greater of both.
    pub failure_probability: f64,
}

/// `POST /v1/right-sizing/apply`: take the next step for the jobs that these name. At least one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightSizingRequest {
    /// Of this scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// Of this workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// This job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl Validate for RightSizingRequest {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        for (field, name) in [("scheduler", &self.scheduler), ("workflow", &self.workflow), ("job", &self.job)] {
            if let Some(name) = name {
                validate_name(name, &format!("{pointer}/{field}"), violations);
            }
        }
        if self.workflow.is_none() && self.job.is_none() {
            violations.push(Violation::at(pointer, "name a workflow or a job: not every job at once"));
        }
    }
}

/// What became of one proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RightSizingApplied {
    /// The proposal.
    pub proposal: RightSizingProposal,
    /// The patch that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
