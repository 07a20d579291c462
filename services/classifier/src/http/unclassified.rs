//! `/v1/unclassified`, and the logs that are kept of failures.

use axum::{Json, extract::State};
use paramedic_domain::{FailureId, LogExcerpt, Page, Problem, Role, UnclassifiedDetail, UnclassifiedGroup};
use paramedic_service::{
    Actor, ApiError, ValidPath, ValidQuery,
    query::{LIMIT_DEFAULT, UnclassifiedQuery},
};

use super::store_error;
use crate::state::Classifier;

/// Groups of failures that no rule classified, those that cost most first.
#[utoipa::path(get, path = "/v1/unclassified", tag = "classifier", params(UnclassifiedQuery),
    responses((status = 200, body = Page<UnclassifiedGroup>), (status = 422, body = Problem)))]
pub(super) async fn list(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidQuery(query): ValidQuery<UnclassifiedQuery>,
) -> Result<Json<Page<UnclassifiedGroup>>, ApiError> {
    actor.require(&[Role::RuleAuthor])?;
    let (limit, matched_too) = (query.limit.unwrap_or(LIMIT_DEFAULT), query.matched.unwrap_or(false));
    let page = classifier.unclassified(query.since, matched_too, limit, query.cursor).await;
    page.map(Json).map_err(store_error)
}

/// One group, with excerpts of the logs of its newest failures.
#[utoipa::path(get, path = "/v1/unclassified/{group}", tag = "classifier", params(("group" = String, Path)),
    responses((status = 200, body = UnclassifiedDetail), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidPath(group): ValidPath<String>,
) -> Result<Json<UnclassifiedDetail>, ApiError> {
    // Not for viewers: logs may hold data.
    actor.require(&[Role::RuleAuthor])?;
    let well_formed = group.len() == 12 && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = if well_formed { classifier.unclassified_group(&group).await.map_err(store_error)? } else { None };
    found.map(Json).ok_or_else(|| ApiError::not_found(format!("there is no group {group:?}")))
}

/// What is kept of the logs of a failure.
#[utoipa::path(get, path = "/v1/failures/{id}/logs", tag = "classifier", params(("id" = FailureId, Path)),
    responses((status = 200, body = Page<LogExcerpt>), (status = 404, body = Problem)))]
pub(super) async fn logs(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidPath(id): ValidPath<FailureId>,
) -> Result<Json<Page<LogExcerpt>>, ApiError> {
    // Not for viewers: logs may hold data.
    actor.require(&[Role::RuleAuthor])?;
    let logs = classifier.store.failure_logs(id).await.map_err(store_error)?;
    let page = logs.map(|items| Json(Page { items, next_cursor: None }));
    page.ok_or_else(|| ApiError::not_found(format!("no logs of a failure {id} are kept")))
}
