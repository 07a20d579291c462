//! A failure with everything that followed from it.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    attempt::{AttemptRecord, AttemptStatus},
    classification::wire_enum,
    failure::{Action, Decision},
    patch::Patch,
};

wire_enum! {
    /// What became of a failure.
    LedgerOutcome {
        /// The retry succeeded with the recommended configuration.
        Healed = "healed",
        /// The retry succeeded, without it.
        Succeeded = "succeeded",
        /// The retry failed.
        FailedAgain = "failed_again",
        /// It was not retried, as decided.
        NotRetried = "not_retried",
        /// Nothing is known of a retry yet.
        Pending = "pending",
    }
}

/// `GET /v1/failures/{id}/ledger`: the failure, the verdict on it, the recommendation, the patches, the retry and its
/// outcome, joined by the failure's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LedgerLine {
    /// The verdict, the recommendation and what was decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// How the failed attempt ended: its configuration, its evidence, its cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptRecord>,
    /// The patch for the run's next attempts, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_patch: Option<Patch>,
    /// The patch for the whole job that it was widened to, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_patch: Option<Patch>,
    /// How the next attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<AttemptRecord>,
    /// What became of it.
    pub outcome: LedgerOutcome,
}

impl LedgerLine {
    /// What became of a failure, by the decision and the retry.
    pub fn outcome_of(decision: &Decision, retry: Option<&AttemptRecord>) -> LedgerOutcome {
        let recommended = decision.recommendation.as_ref().map(|recommendation| recommendation.recommendation_id);
        match retry {
            Some(retry) if retry.status == AttemptStatus::Failed => LedgerOutcome::FailedAgain,
            Some(retry) if retry.recommendation_id.is_some() && retry.recommendation_id == recommended => {
                LedgerOutcome::Healed
            }
            // What needed no patch: right sizing that was taken back.
            Some(_) if decision.action == Action::RetryWithConfig && decision.patch.is_none() => LedgerOutcome::Healed,
            Some(_) => LedgerOutcome::Succeeded,
            None if decision.action == Action::DoNotRetry => LedgerOutcome::NotRetried,
            None => LedgerOutcome::Pending,
        }
    }
}
