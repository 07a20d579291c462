//! Scoped JSON patches.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::wire_enum,
    configuration::ENTRIES_MAX,
    id::{FailureId, PatchId},
    job::Job,
    scope::Scope,
    time::Timestamp,
    validation::{Validate, Violation, validate_name},
};

/// Most operations of one patch, the keys of its merge patch included.
pub const OPERATIONS_MAX: usize = 256;
/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 4_096;

/// `POST /v1/patches`: a patch to be. What changes the configuration is `patch` (RFC 6902), then `merge` (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPatch {
    /// Which jobs it applies to.
    pub scope: Scope,
    /// The change, RFC 6902, on the flat configuration: `/spark.executor.memory`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, example = json!([{"op": "add", "path": "/spark.executor.memory", "value": "2g"}]))]
    pub patch: json_patch::Patch,
    /// The change, RFC 7396: key to value, null to unset it (no error where it is not set). Laid on after `patch`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Option<String>>, example = json!({"spark.executor.memory": "2g"}))]
    pub merge: BTreeMap<String, Option<String>>,
    /// Who wants it: `recommender`, `rule`, `right-sizing`, a team's name, `operator`. See [`Owner`].
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
    /// What the job's own configuration, before any patch or after those before this one, must hold (null: must not set):
    /// the values that the patch was made for. A job that was edited since is left alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Option<String>>, example = json!({"spark.executor.memory": "1g"}))]
    pub only_if: BTreeMap<String, Option<String>>,
    /// The share of the jobs in scope that get it, in percent; the same jobs at every start. All, where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub rollout_percent: Option<u8>,
    /// Pauses it by itself when its jobs fail more than others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Stored without effect until it is activated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
    /// The patch that this one takes the place of, once it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<PatchId>,
    /// The decision that it came from: its failure's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<FailureId>,
}

impl NewPatch {
    /// Whose wish it is.
    pub fn owner(&self) -> Owner {
        Owner::of_source(&self.source)
    }

    /// Does this job get it, if it is in scope? The same answer for every run and attempt of a job, and yes at a greater
    /// share where it is yes at a smaller one.
    pub fn rolls_out_to(&self, id: PatchId, job: &Job) -> bool {
        self.rollout_percent.is_none_or(|percent| id.bucket_of(&job.scheduler, &job.workflow, &job.job) < percent)
    }
}

impl Validate for NewPatch {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.scope.validate(&format!("{pointer}/scope"), violations);
        validate_name(&self.source, &format!("{pointer}/source"), violations);
        validate_reason(self.reason.as_deref(), pointer, violations);
        let mut refuse =
            |field: &str, detail: String| violations.push(Violation::at(format!("{pointer}/{field}"), detail));
        if self.max_uses == Some(0) {
            refuse("max_uses", "a patch that never applies: give 1 or more".to_owned());
        }
        let operations = self.patch.0.len() + self.merge.len();
        if operations == 0 || operations > OPERATIONS_MAX {
            let detail = format!("holds {operations} operations; 1 to {OPERATIONS_MAX} are allowed");
            refuse("patch", detail);
        }
        if self.only_if.len() > ENTRIES_MAX {
            refuse("only_if", format!("holds {} keys; at most {ENTRIES_MAX} are allowed", self.only_if.len()));
        }
        if self.rollout_percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
            refuse("rollout_percent", "must be 1 to 100".to_owned());
        }
        if let Some(guard) = &self.guard {
            guard.validate(&format!("{pointer}/guard"), violations);
        }
    }
}

/// Checks why something was done.
pub fn validate_reason(reason: Option<&str>, pointer: &str, violations: &mut Vec<Violation>) {
    if reason.is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
        violations.push(Violation::at(format!("{pointer}/reason"), format!("has over {REASON_BYTES_MAX} bytes")));
    }
}

/// When a patch pauses by itself: its attempts fail more often than other attempts of the same jobs, by more than chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// By how much the share of failed attempts may rise, 0 to 1. 0.05: from 10 % to 15 %.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub failure_share_rise_max: f64,
    /// Ended attempts before it is judged.
    #[serde(default = "Guard::attempts_min_default")]
    #[schema(minimum = 1)]
    pub attempts_min: u32,
}

impl Guard {
    const fn attempts_min_default() -> u32 {
        5
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self { failure_share_rise_max: 0.0, attempts_min: Self::attempts_min_default() }
    }
}

impl Validate for Guard {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if !(0.0..=1.0).contains(&self.failure_share_rise_max) {
            violations.push(Violation::at(format!("{pointer}/failure_share_rise_max"), "must be 0 to 1"));
        }
        if self.attempts_min == 0 {
            violations.push(Violation::at(format!("{pointer}/attempts_min"), "must be 1 or more"));
        }
    }
}

wire_enum! {
    /// Whose wish a patch is, the weaker first: a weaker owner's patch leaves alone what a stronger one's has set.
    Owner {
        /// The recommender, or a rule's remedy.
        Recommender = "recommender",
        /// Lowering of memory that is not used.
        RightSizing = "right-sizing",
        /// The people whose job it is.
        Team = "team",
        /// The people who run the platform.
        Operator = "operator",
    }
}

impl Owner {
    /// The owner that a patch's `source` names; any other name is a team's.
    pub fn of_source(source: &str) -> Self {
        match source {
            "recommender" | "rule" => Self::Recommender,
            "right-sizing" | "right_sizing" => Self::RightSizing,
            "operator" => Self::Operator,
            _ => Self::Team,
        }
    }
}

wire_enum! {
    /// The life of a patch.
    PatchStatus {
        /// Stored, and never active yet.
        Draft = "draft",
        /// It applies.
        Active = "active",
        /// It does not apply until it is resumed.
        Paused = "paused",
        /// Its time or its uses are over.
        Expired = "expired",
        /// It was taken back; for ever.
        Revoked = "revoked",
        /// Another patch took its place.
        Superseded = "superseded",
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

/// One entry of a patch's history, append-only: the audit entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PatchChange {
    /// The patch.
    pub patch_id: PatchId,
    /// The version that this change made.
    pub version: u32,
    /// What was done: `create`, `activate`, `update`, `renew`, `rollback`, `pause`, `resume`, `supersede`, `revoke`.
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
    /// The patch before it; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Patch>>,
    /// The patch after it.
    pub after: Patch,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(percent: Option<u8>) -> NewPatch {
        NewPatch { rollout_percent: percent, ..NewPatch::default() }
    }

    fn job(name: &str, attempt: u32) -> Job {
        serde_json::from_value(serde_json::json!({
            "scheduler": "airflow", "workflow": "w", "job": name, "run": format!("r{attempt}"), "attempt": attempt
        }))
        .unwrap()
    }

    #[test]
    fn a_rollout_is_sticky_grows_and_is_about_as_large_as_it_says() {
        let id = PatchId::of("rollout");
        let mut reached = 0;
        for number in 0..2_000 {
            let name = format!("j{number}");
            let gets = |percent| patch(percent).rolls_out_to(id, &job(&name, 1));
            assert_eq!(
                gets(Some(30)),
                patch(Some(30)).rolls_out_to(id, &job(&name, 7)),
                "the job decides, not the run"
            );
            assert!(!gets(Some(30)) || gets(Some(31)));
            assert!(gets(Some(100)) && gets(None));
            reached += u32::from(gets(Some(30)));
        }
        assert!((500..700).contains(&reached), "{reached} of 2000");
    }

    #[test]
    fn owners_are_ordered_and_any_other_name_is_a_teams() {
        assert!(Owner::Recommender < Owner::RightSizing && Owner::RightSizing < Owner::Team);
        assert!(Owner::Team < Owner::Operator);
        assert_eq!(
            ["rule", "right_sizing", "payments", "operator"].map(Owner::of_source),
            [Owner::Recommender, Owner::RightSizing, Owner::Team, Owner::Operator]
        );
    }

    #[test]
    fn what_could_never_hold_is_refused() {
        let wrong = serde_json::json!({
            "scope": {}, "source": "s", "max_uses": 0, "rollout_percent": 101,
            "guard": {"failure_share_rise_max": 1.5, "attempts_min": 0}
        });
        let wrong: NewPatch = serde_json::from_value(wrong).unwrap();
        let pointers: Vec<_> = wrong.violations().into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(
            pointers,
            ["/max_uses", "/patch", "/rollout_percent", "/guard/failure_share_rise_max", "/guard/attempts_min"]
        );
    }
}
