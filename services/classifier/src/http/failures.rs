//! `/v1/failures`.

use axum::{Json, extract::State};
use paramedic_domain::{Decision, FailureId, FailureReport, Page, Problem, Role};
use paramedic_service::{Actor, ApiError, FailureQuery, ValidJson, ValidPath, ValidQuery, query::LIMIT_DEFAULT};
use paramedic_store::FailureFilter;

use super::{READERS, store_error};
use crate::{pipeline, state::Classifier};

/// A job failed: what now? The same attempt reported again gets the same answer.
#[utoipa::path(post, path = "/v1/failures", tag = "classifier", request_body = FailureReport,
    responses((status = 200, body = Decision), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn report(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidJson(report): ValidJson<FailureReport>,
) -> Result<Json<Decision>, ApiError> {
    actor.require(&[Role::Scheduler])?;
    actor.require_job(&report.job)?;
    let _admitted = classifier.admit()?;
    pipeline::decide(classifier.clone(), report).await.map(Json).map_err(ApiError::internal)
}

/// The decision on one failure.
#[utoipa::path(get, path = "/v1/failures/{id}", tag = "classifier", params(("id" = FailureId, Path)),
    responses((status = 200, body = Decision), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidPath(id): ValidPath<FailureId>,
) -> Result<Json<Decision>, ApiError> {
    actor.require(READERS)?;
    let decision = classifier.store.decision(id).await.map_err(store_error)?;
    decision.map(Json).ok_or_else(|| ApiError::not_found(format!("no failure {id} is decided")))
}

/// Decisions, newest first.
#[utoipa::path(get, path = "/v1/failures", tag = "classifier", params(FailureQuery),
    responses((status = 200, body = Page<Decision>), (status = 422, body = Problem)))]
pub(super) async fn list(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidQuery(query): ValidQuery<FailureQuery>,
) -> Result<Json<Page<Decision>>, ApiError> {
    actor.require(READERS)?;
    let filter = FailureFilter {
        workflow: query.workflow,
        job: query.job,
        class: query.class,
        category: query.category,
        since: query.since,
    };
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let page = classifier.store.list_failures(&filter, limit, query.cursor.as_deref()).await;
    page.map(Json).map_err(store_error)
}
