//! Who a job is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::validation::{Validate, Violation, escape_pointer_token, validate_name};

/// Most labels on one job.
pub const LABELS_MAX: usize = 64;

/// One attempt of one run of one job, as the scheduler names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The scheduler that runs the job: `airflow`, `maestro`, `spark-submit`, …
    #[schema(example = "airflow")]
    pub scheduler: String,
    /// The cluster that the job runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The workflow (DAG, pipeline) that the job belongs to.
    #[schema(example = "daily_sales")]
    pub workflow: String,
    /// The job (task, step) within the workflow.
    #[schema(example = "orders_by_region")]
    pub job: String,
    /// The run of the workflow: a date, a run id.
    #[schema(example = "2026-01-31")]
    pub run: String,
    /// The attempt within the run, from 1.
    #[schema(minimum = 1, example = 1)]
    pub attempt: u32,
    /// The user that owns the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Anything else to scope a patch by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Job {
    /// Is it among the share (0 to 1) of jobs that are held out as control? The same answer for every run and attempt of a
    /// job, and yes at a greater share where it is yes at a smaller one.
    pub fn is_control(&self, share: f64) -> bool {
        crate::id::fraction_of_job(&self.scheduler, &self.workflow, &self.job) < share
    }

    /// The tuple that names this attempt.
    pub fn attempt_key(&self) -> AttemptKey {
        AttemptKey {
            scheduler: self.scheduler.clone(),
            workflow: self.workflow.clone(),
            job: self.job.clone(),
            run: self.run.clone(),
            attempt: self.attempt,
        }
    }
}

impl Validate for Job {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        for (field, name) in
            [("scheduler", &self.scheduler), ("workflow", &self.workflow), ("job", &self.job), ("run", &self.run)]
        {
            validate_name(name, &format!("{pointer}/{field}"), violations);
        }
        for (field, name) in [("cluster", &self.cluster), ("user", &self.user)] {
            if let Some(name) = name {
                validate_name(name, &format!("{pointer}/{field}"), violations);
            }
        }
        if self.attempt == 0 {
            violations.push(Violation::at(format!("{pointer}/attempt"), "attempts count from 1"));
        }
        if self.attempt > i32::MAX as u32 {
            violations.push(Violation::at(format!("{pointer}/attempt"), "is larger than any real attempt"));
        }
        validate_labels(&self.labels, &format!("{pointer}/labels"), violations);
    }
}

/// Checks the labels of a job or a scope.
pub(crate) fn validate_labels(labels: &BTreeMap<String, String>, pointer: &str, violations: &mut Vec<Violation>) {
    if labels.len() > LABELS_MAX {
        violations
            .push(Violation::at(pointer, format!("holds {} labels; at most {LABELS_MAX} are allowed", labels.len())));
    }
    for (label, value) in labels {
        let pointer = format!("{pointer}/{}", escape_pointer_token(label));
        validate_name(label, &pointer, violations);
        validate_name(value, &pointer, violations);
    }
}

/// The tuple (scheduler, workflow, job, run, attempt) that names one attempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// See [`Job::scheduler`].
    pub scheduler: String,
    /// See [`Job::workflow`].
    pub workflow: String,
    /// See [`Job::job`].
    pub job: String,
    /// See [`Job::run`].
    pub run: String,
    /// See [`Job::attempt`].
    pub attempt: u32,
}

impl AttemptKey {
    /// Bytes that differ between any two attempts: each part is led by its length.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [&self.scheduler, &self.workflow, &self.job, &self.run] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes.extend_from_slice(&self.attempt.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FailureId;

    fn key(workflow: &str, job: &str) -> AttemptKey {
        AttemptKey { scheduler: "s".into(), workflow: workflow.into(), job: job.into(), run: "r".into(), attempt: 1 }
    }

    #[test]
    fn parts_that_only_join_alike_name_different_failures() {
        assert_ne!(FailureId::of(&key("ab", "c")), FailureId::of(&key("a", "bc")));
        assert_eq!(FailureId::of(&key("a", "b")), FailureId::of(&key("a", "b")));
    }

    #[test]
    fn a_newline_in_a_name_is_refused_and_quotes_are_not() {
        let mut job = Job {
            scheduler: "s".into(),
            cluster: None,
            workflow: "w".into(),
            job: "it's \"quoted\"; drop table".into(),
            run: "r".into(),
            attempt: 1,
            user: None,
            labels: BTreeMap::new(),
        };
        assert_eq!(job.violations(), []);
        job.job = "two\nlines".into();
        assert_eq!(job.violations()[0].pointer, "/job");
        job.attempt = 0;
        assert_eq!(job.violations().len(), 2);
    }
}
