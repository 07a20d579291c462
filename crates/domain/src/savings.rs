//! What healing saved, measured against the jobs that were held out as control.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// `GET /v1/savings`: runs that failed in a period, those that were looked after beside the control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SavingsReport {
    /// Failures decided then or later are counted.
    pub since: Timestamp,
    /// Up to when.
    pub until: Timestamp,
    /// Runs that were looked after.
    pub treated: SavingsArm,
    /// Runs of jobs that were held out: retried unchanged, whatever would have been decided.
    pub control: SavingsArm,
    /// Money saved on the treated runs: what their retries would have cost at the control's rate, less what they did cost.
    /// Absent where there is no control to measure against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_usd: Option<Estimate>,
    /// By how much the share of failed runs that ended well is higher than in the control, −1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_share_rise: Option<Estimate>,
    /// The treated failures by class, the most frequent first.
    pub classes: Vec<ClassSavings>,
    /// What limits these numbers.
    pub notes: Vec<String>,
}

/// The failed runs of one arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SavingsArm {
    /// Jobs with a failed run.
    pub jobs: u32,
    /// Runs in which an attempt failed.
    pub failed_runs: u32,
    /// Of those, ended with a success.
    pub recovered_runs: u32,
    /// Of those, not over yet; left out of the estimates.
    pub pending_runs: u32,
    /// Failures whose retry succeeded with a recommended configuration.
    pub healed: u32,
    /// Failures that were not retried, as decided.
    pub not_retried: u32,
    /// Attempts after a failure.
    pub retries: u32,
    /// Cost of the first failed attempts.
    pub failed_usd: f64,
    /// Cost of the attempts after them.
    pub retry_usd: f64,
}

/// An estimate with its 95 % interval, which knows that the runs of a job are alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The treated failures of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassSavings {
    /// The class.
    pub class: String,
    /// Failures.
    pub failures: u32,
    /// Healed.
    pub healed: u32,
    /// Not retried.
    pub not_retried: u32,
}
