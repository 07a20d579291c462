//! Query strings of the lists, for both ends.

use paramedic_domain::{AuditKind, Category, FailureId, Timestamp, Validate, Violation, patch::PatchStatus};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// Most items of one page.
pub const LIMIT_MAX: u32 = 500;
/// Items of one page, where the request does not say.
pub const LIMIT_DEFAULT: u32 = 50;

/// `GET /v1/failures`: which failures. Every field given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct FailureQuery {
    /// Of this workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Of this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Decided at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Items of a page, 1 to 500; 50 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Validate for FailureQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_limit(self.limit, pointer, violations);
    }
}

/// `GET /v1/patches`: which patches. Every field given must match the patch's own scope or state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PatchQuery {
    /// Scoped to this scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// Scoped to this workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Scoped to this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Scoped to this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// In this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PatchStatus>,
    /// Wanted by this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Items of a page, 1 to 500; 50 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Validate for PatchQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_limit(self.limit, pointer, violations);
    }
}

/// `GET /v1/savings`: which failures are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SavingsQuery {
    /// Decided at or after this time; 30 days ago where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Of this workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl Validate for SavingsQuery {
    fn validate(&self, _: &str, _: &mut Vec<Violation>) {}
}

/// `GET /v1/right-sizing`: which jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RightSizingQuery {
    /// Of this scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// Of this workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Jobs of a page, 1 to 500; 50 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Validate for RightSizingQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_limit(self.limit, pointer, violations);
    }
}

/// `GET /v1/unclassified`: which groups of unclassified failures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct UnclassifiedQuery {
    /// Count failures decided at or after this time only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Also groups that the rules in force would classify by now; not, where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<bool>,
    /// Items of a page, 1 to 500; 50 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Validate for UnclassifiedQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_limit(self.limit, pointer, violations);
    }
}

/// `GET /v1/audit`: which changes. Every field given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<AuditKind>,
    /// Of the patch, freeze or token of this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// By this actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// That the decision on this failure led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub decision_id: Option<FailureId>,
    /// At or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Items of a page, 1 to 500; 50 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Validate for AuditQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_limit(self.limit, pointer, violations);
    }
}

fn validate_limit(limit: Option<u32>, pointer: &str, violations: &mut Vec<Violation>) {
    if limit.is_some_and(|limit| limit == 0 || limit > LIMIT_MAX) {
        violations.push(Violation::at(format!("{pointer}/limit"), format!("must be 1 to {LIMIT_MAX}")));
    }
}
