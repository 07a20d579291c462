//! What a job starts with: the mutated configuration, and why it is so.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::wire_enum,
    configuration::Configuration,
    id::{FreezeId, PatchId},
    job::Job,
    patch::Owner,
    scope::Scope,
    time::Timestamp,
    validation::{Validate, Violation},
};

/// `POST /v1/configs/mutate`: what should this job run with?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MutateRequest {
    /// The attempt about to start.
    pub job: Job,
    /// The configuration it would start with.
    pub config: Configuration,
    /// Answer, and count no use.
    #[serde(default)]
    pub dry_run: bool,
}

impl Validate for MutateRequest {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.job.validate(&format!("{pointer}/job"), violations);
        self.config.validate(&format!("{pointer}/config"), violations);
    }
}

/// The mutated configuration and where each change came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MutateResponse {
    /// What the job should start with.
    pub config: Configuration,
    /// Patches that were applied, in order.
    pub applied: Vec<AppliedPatch>,
    /// Patches in scope that were not, and why.
    pub skipped: Vec<SkippedPatch>,
    /// Who set each changed key.
    pub provenance: BTreeMap<String, Provenance>,
    /// What could not be used: `store_unavailable` where the answer comes from memory, a second old or more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// A patch that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedPatch {
    /// The patch.
    pub patch_id: PatchId,
    /// Who wanted it.
    pub source: String,
}

/// A patch in scope that was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkippedPatch {
    /// The patch.
    pub patch_id: PatchId,
    /// Why not, for programs.
    pub code: SkipCode,
    /// Why not, for people.
    pub reason: String,
}

wire_enum! {
    /// Why a patch in scope was not applied.
    SkipCode {
        /// An operation could not be applied: a missing key, a `test` that found another value.
        Failed = "failed",
        /// The job's own configuration is no longer what the patch was made for.
        Precondition = "precondition",
        /// A stronger owner's patch had set the key.
        Owned = "owned",
        /// The policy does not allow it.
        Policy = "policy",
        /// The job is in the share that the rollout has not reached.
        Rollout = "rollout",
        /// A freeze covers the job.
        Frozen = "frozen",
        /// Its uses ended, or it was paused or revoked, meanwhile.
        Gone = "gone",
        /// Its uses are limited and cannot be counted while the store does not answer.
        Uncounted = "uncounted",
        /// More patches fit the job than one call considers.
        TooMany = "too_many",
    }
}

/// The last patch that changed a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// The patch.
    pub patch_id: PatchId,
    /// The value before it; null when the key was not set.
    pub from: Option<String>,
    /// The value after it; null when the key was removed.
    pub to: Option<String>,
}

/// `GET /v1/configs/explain`: what a job would start with, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The attempt that was asked about.
    pub job: Job,
    /// What it would start with.
    pub config: Configuration,
    /// The active patches whose scope the attempt is in, in the order in which they are laid on.
    pub patches: Vec<ExplainedPatch>,
    /// Each key that a patch set or wanted to set.
    pub keys: BTreeMap<String, ExplainedKey>,
    /// The freeze that covers the job: nothing is laid on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_by: Option<FreezeId>,
    /// The version of the policy in force; 0 is the default.
    pub policy_version: u32,
    /// See [`MutateResponse::degraded`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// A patch in an explanation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedPatch {
    /// The patch.
    pub patch_id: PatchId,
    /// Its version.
    pub version: u32,
    /// Who wanted it.
    pub source: String,
    /// How strong a wish that is.
    pub owner: Owner,
    /// Which jobs it is for.
    pub scope: Scope,
    /// The fields that the scope names: the more, the later it is laid on.
    pub specificity: usize,
    /// Among equally specific ones, the higher the later.
    pub priority: i32,
    /// Among those, the newer the later.
    pub created_at: Timestamp,
    /// Its author's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was laid on.
    pub applied: bool,
    /// Why not, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_code: Option<SkipCode>,
    /// Why not, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
}

/// What became of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedKey {
    /// The job's own value; null where it sets none.
    pub own: Option<String>,
    /// The value in the end; null where it is unset.
    pub value: Option<String>,
    /// The patch that set it; null where the job's own value stayed.
    pub set_by: Option<PatchId>,
    /// How strong a wish that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Values that lost, in order, the job's own first where a patch changed it.
    pub lost: Vec<LostValue>,
}

/// A value that a key does not have in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostValue {
    /// The patch that wanted it; null for the job's own.
    pub patch_id: Option<PatchId>,
    /// The value; null where it was to be unset.
    pub value: Option<String>,
    /// Why it lost.
    pub reason: String,
}
