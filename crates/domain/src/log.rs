//! Where the logs of an attempt are.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::validation::{Validate, Violation};

/// Most logs in one report: a driver's and some hundred executors'.
pub const LOGS_MAX: usize = 512;

/// The layer that wrote a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum LogKind {
    /// The scheduler's log of the task: Airflow, Maestro, cron.
    #[serde(rename = "scheduler")]
    Scheduler,
    /// The resource manager's: YARN diagnostics, Kubernetes events.
    #[serde(rename = "orchestrator")]
    Orchestrator,
    /// What the driver wrote to standard output.
    #[serde(rename = "driver.stdout")]
    DriverStdout,
    /// What the driver wrote to standard error.
    #[serde(rename = "driver.stderr")]
    DriverStderr,
    /// What an executor wrote to standard output.
    #[serde(rename = "executor.stdout")]
    ExecutorStdout,
    /// What an executor wrote to standard error.
    #[serde(rename = "executor.stderr")]
    ExecutorStderr,
}

impl LogKind {
    /// Every kind, outermost layer first.
    pub const ALL: [Self; 6] = [
        Self::Scheduler,
        Self::Orchestrator,
        Self::DriverStdout,
        Self::DriverStderr,
        Self::ExecutorStdout,
        Self::ExecutorStderr,
    ];

    /// The name on the wire and in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Orchestrator => "orchestrator",
            Self::DriverStdout => "driver.stdout",
            Self::DriverStderr => "driver.stderr",
            Self::ExecutorStdout => "executor.stdout",
            Self::ExecutorStderr => "executor.stderr",
        }
    }
}

impl fmt::Display for LogKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One log of an attempt: its text, or where to fetch it. Exactly one of the two is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSource {
    /// The layer that wrote it.
    pub log: LogKind,
    /// The text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `http:`, `https:`, `file:`, or an object store's (`s3:`, `gs:`, `abfss:`): hosts, folders and buckets that the
    /// classifier's allow lists name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Validate for LogSource {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.text.is_some() == self.url.is_some() {
            violations.push(Violation::at(pointer, "give exactly one of `text` and `url`"));
        }
        if self.url.as_ref().is_some_and(|url| url.len() > 4_096) {
            violations.push(Violation::at(format!("{pointer}/url"), "is longer than 4096 bytes"));
        }
    }
}

/// Checks the logs of a report.
pub(crate) fn validate_logs(logs: &[LogSource], pointer: &str, violations: &mut Vec<Violation>) {
    if logs.len() > LOGS_MAX {
        violations.push(Violation::at(pointer, format!("holds {} logs; at most {LOGS_MAX} are allowed", logs.len())));
    }
    for (index, log) in logs.iter().enumerate() {
        log.validate(&format!("{pointer}/{index}"), violations);
    }
}
