//! Which jobs a patch, a bound or a freeze is for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    job::{Job, validate_labels},
    validation::{Validate, Violation, validate_name},
};

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

    /// Is every attempt in this scope in `wider` too? Exact but for attempts: each scope names what it asks for.
    pub fn is_within(&self, wider: &Self) -> bool {
        fn narrower(inner: Option<&String>, outer: Option<&String>) -> bool {
            outer.is_none() || inner == outer
        }
        narrower(self.scheduler.as_ref(), wider.scheduler.as_ref())
            && narrower(self.cluster.as_ref(), wider.cluster.as_ref())
            && narrower(self.workflow.as_ref(), wider.workflow.as_ref())
            && narrower(self.job.as_ref(), wider.job.as_ref())
            && narrower(self.run.as_ref(), wider.run.as_ref())
            && narrower(self.user.as_ref(), wider.user.as_ref())
            && wider.labels.iter().all(|(label, value)| self.labels.get(label) == Some(value))
            && wider.after_attempt.unwrap_or(0) <= self.after_attempt.unwrap_or(0)
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
            prop_assert!(narrow.is_within(&wide));
        }

        /// What lies within a scope matches no job that the scope does not.
        #[test]
        fn within_means_fewer_jobs(a in proptest::option::of("[ab]"), b in proptest::option::of("[ab]"), after in proptest::option::of(0_u32..3), other in proptest::option::of(0_u32..3), attempt in 1_u32..4) {
            let inner = Scope { run: a, after_attempt: after, ..Scope::default() };
            let outer = Scope { run: b, after_attempt: other, ..Scope::default() };
            let job = Job { run: "a".into(), ..job(attempt) };
            prop_assert!(!inner.is_within(&outer) || !inner.matches(&job) || outer.matches(&job));
        }
    }
}
