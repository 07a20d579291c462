//! Scoped JSON patches.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::wire_enum,
    configuration::Configuration,
    id::PatchId,
    job::{Job, validate_labels},
    time::Timestamp,
    validation::{Validate, Violation, validate_name},
};

/// Most operations of one patch.
pub const OPERATIONS_MAX: usize = 256;
/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 4_096;

/// Which jobs a patch applies to: every field given equals the job's, and the attempt is greater than `after_attempt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// See [`Job::scheduler`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// See [`Job::cluster`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// See [`Job::workflow`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// See [`Job::job`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// See [`Job::run`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// See [`Job::user`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Labels that the job must have, with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Only attempts after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_attempt: Option<u32>,
}

impl Scope {
    /// The next attempts of the run that `job` is an attempt of.
    pub fn next_attempts_of(job: &Job) -> Self {
        Self {
            scheduler: Some(job.scheduler.clone()),
            workflow: Some(job.workflow.clone()),
            job: Some(job.job.clone()),
            run: Some(job.run.clone()),
            after_attempt: Some(job.attempt),
            ..Self::default()
        }
    }

    /// Does it apply to this attempt?
    pub fn matches(&self, job: &Job) -> bool {
        fn given(wanted: Option<&String>, actual: Option<&String>) -> bool {
            wanted.is_none() || wanted == actual
        }
        given(self.scheduler.as_ref(), Some(&job.scheduler))
            && given(self.cluster.as_ref(), job.cluster.as_ref())
            && given(self.workflow.as_ref(), Some(&job.workflow))
            && given(self.job.as_ref(), Some(&job.job))
            && given(self.run.as_ref(), Some(&job.run))
            && given(self.user.as_ref(), job.user.as_ref())
            && self.labels.iter().all(|(label, value)| job.labels.get(label) == Some(value))
            && self.after_attempt.is_none_or(|after| job.attempt > after)
    }

    /// How specific it is: the number of fields given, a label each.
    pub fn specificity(&self) -> usize {
        [&self.scheduler, &self.cluster, &self.workflow, &self.job, &self.run, &self.user]
            .into_iter()
            .filter(|field| field.is_some())
            .count()
            + self.labels.len()
            + usize::from(self.after_attempt.is_some())
    }

    /// It applies to every job.
    pub fn is_empty(&self) -> bool {
        self.specificity() == 0
    }
}

impl Validate for Scope {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        for (field, name) in [
            ("scheduler", &self.scheduler),
            ("cluster", &self.cluster),
            ("workflow", &self.workflow),
            ("job", &self.job),
            ("run", &self.run),
            ("user", &self.user),
        ] {
            if let Some(name) = name {
                validate_name(name, &format!("{pointer}/{field}"), violations);
            }
        }
        validate_labels(&self.labels, &format!("{pointer}/labels"), violations);
        if self.after_attempt.is_some_and(|attempt| attempt > i32::MAX as u32) {
            violations.push(Violation::at(format!("{pointer}/after_attempt"), "is larger than any real attempt"));
        }
    }
}

/// `POST /v1/patches`: a patch to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPatch {
    /// Which jobs it applies to.
    pub scope: Scope,
    /// The change, RFC 6902, on the flat configuration: `/spark.executor.memory`.
    #[schema(value_type = Vec<Object>, example = json!([{"op": "add", "path": "/spark.executor.memory", "value": "2g"}]))]
    pub patch: json_patch::Patch,
    /// Who wants it: `recommender`, `operator`, a team's name.
    #[schema(example = "recommender")]
    pub source: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Among equally specific scopes the higher priority has the last word.
    #[serde(default)]
    pub priority: i32,
    /// It does not apply from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// It does not apply to more mutate calls than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub max_uses: Option<u32>,
}

impl Validate for NewPatch {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.scope.validate(&format!("{pointer}/scope"), violations);
        validate_name(&self.source, &format!("{pointer}/source"), violations);
        if self.reason.as_ref().is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
            violations.push(Violation::at(format!("{pointer}/reason"), format!("has over {REASON_BYTES_MAX} bytes")));
        }
        if self.max_uses == Some(0) {
            violations.push(Violation::at(format!("{pointer}/max_uses"), "a patch that never applies: give 1 or more"));
        }
        let operations = self.patch.0.len();
        if operations == 0 || operations > OPERATIONS_MAX {
            violations.push(Violation::at(
                format!("{pointer}/patch"),
                format!("holds {operations} operations; 1 to {OPERATIONS_MAX} are allowed"),
            ));
        }
    }
}

wire_enum! {
    /// The life of a patch.
    PatchStatus {
        /// It applies.
        Active = "active",
        /// It does not apply until it is resumed.
        Paused = "paused",
        /// Its time or its uses are over.
        Expired = "expired",
        /// It was taken back; for ever.
        Revoked = "revoked",
    }
}

/// A stored patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Patch {
    /// Its id.
    pub id: PatchId,
    /// Counts its changes, from 1; the entity tag.
    pub version: u32,
    /// Whether it applies.
    pub status: PatchStatus,
    /// What it was created with.
    #[serde(flatten)]
    pub content: NewPatch,
    /// Mutate calls that it applied to (dry runs not counted).
    pub uses: u32,
    /// Who created it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One entry of a patch's history, append-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PatchChange {
    /// The version that this change made.
    pub version: u32,
    /// What was done: `create`, `update`, `pause`, `resume`, `revoke`, `expire`.
    pub change: String,
    /// Who did it.
    pub actor: String,
    /// Why, where said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub changed_at: Timestamp,
    /// The patch after it.
    pub after: Patch,
}

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
    /// Why not.
    pub reason: String,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(attempt: u32) -> Job {
        Job {
            scheduler: "airflow".into(),
            cluster: None,
            workflow: "w".into(),
            job: "j".into(),
            run: "r".into(),
            attempt,
            user: Some("ada".into()),
            labels: BTreeMap::from([("team".into(), "core".into())]),
        }
    }

    #[test]
    fn a_retrys_patch_applies_to_later_attempts_of_the_same_run_only() {
        let scope = Scope::next_attempts_of(&job(1));
        assert!(!scope.matches(&job(1)));
        assert!(scope.matches(&job(2)));
        assert!(!scope.matches(&Job { run: "other".into(), ..job(2) }));
    }

    #[test]
    fn a_field_the_job_lacks_does_not_match() {
        let scope = Scope { cluster: Some("a".into()), ..Scope::default() };
        assert!(!scope.matches(&job(1)));
        assert!(Scope::default().matches(&job(1)));
    }

    proptest! {
        /// Giving one more field can only narrow a scope.
        #[test]
        fn more_specific_scopes_match_fewer_jobs(user in proptest::option::of("[ab]"), team in proptest::option::of("[ab]"), after in proptest::option::of(0_u32..3), attempt in 1_u32..4) {
            let wide = Scope { user, ..Scope::default() };
            let mut narrow = wide.clone();
            narrow.after_attempt = after;
            if let Some(team) = team {
                narrow.labels.insert("team".into(), team);
            }
            prop_assert!(narrow.specificity() >= wide.specificity());
            prop_assert!(!narrow.matches(&job(attempt)) || wide.matches(&job(attempt)));
        }
    }
}
