//! Failures that no rule classified, grouped by what their logs have in common.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::FailureId, log::LogKind, time::Timestamp};

/// A group of unclassified failures: their telling lines differ in ids, numbers, paths and the like only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnclassifiedGroup {
    /// Names the group: 12 hexadecimal digits derived from the template.
    #[schema(example = "ca978112ca1b")]
    pub group: String,
    /// The telling line with its variable parts masked.
    pub template: String,
    /// How many failures.
    pub failures: u64,
    /// How many jobs they are of.
    pub jobs: u64,
    /// What the failed attempts cost together, as far as it is known.
    pub cost_usd: f64,
    /// When the first was decided on.
    pub first_seen: Timestamp,
    /// When the last was decided on.
    pub last_seen: Timestamp,
    /// The rule that would classify its newest failure now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now_matched_by: Option<String>,
}

/// One failure of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnclassifiedSample {
    /// The failure.
    pub failure_id: FailureId,
    /// Its workflow.
    pub workflow: String,
    /// Its job.
    pub job: String,
    /// When it was decided on.
    pub decided_at: Timestamp,
    /// What the attempt cost, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The telling line and what stands around it; absent where there were no logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<TellingExcerpt>,
}

/// A telling line, and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TellingExcerpt {
    /// The log it stands in.
    pub log: LogKind,
    /// Number of the telling line within the stored log, from 1.
    #[schema(minimum = 1)]
    pub line: u64,
    /// What the line tells.
    pub telling: String,
    /// The log entry it stands in, at most 8 KiB.
    pub text: String,
}

/// `GET /v1/unclassified/{group}`: one group and its newest failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnclassifiedDetail {
    /// The group.
    #[serde(flatten)]
    pub group: UnclassifiedGroup,
    /// Its newest failures, newest first.
    pub samples: Vec<UnclassifiedSample>,
}

/// A log as it was kept: its head and its tail, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogExcerpt {
    /// The layer that wrote it.
    pub log: LogKind,
    /// What people call it.
    pub name: String,
    /// What is kept of it.
    pub text: String,
}
