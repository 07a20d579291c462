//! `/v1/right-sizing`.

use axum::{Json, extract::State};
use paramedic_domain::{
    Page, Problem, Violation,
    right_sizing::{RightSizingApplied, RightSizingProposal, RightSizingRequest},
};
use paramedic_service::{Actor, ApiError, RightSizingQuery, ValidJson, ValidQuery, query::LIMIT_DEFAULT};
use paramedic_store::{JobFilter, StoreError};

use super::{models::READERS, store_error};
use crate::{RecommenderState, right_sizing::apply};

/// Jobs that succeed and could run with less memory. A page holds the proposals for so many jobs, which may be fewer.
#[utoipa::path(get, path = "/v1/right-sizing", tag = "recommender", params(RightSizingQuery),
    responses((status = 200, body = Page<RightSizingProposal>), (status = 422, body = Problem)))]
pub(super) async fn list(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidQuery(query): ValidQuery<RightSizingQuery>,
) -> Result<Json<Page<RightSizingProposal>>, ApiError> {
    actor.require(READERS)?;
    let RightSizingQuery { scheduler, workflow, job, limit, cursor } = query;
    let filter = JobFilter { scheduler, workflow, job };
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    apply::proposals(&state, &filter, limit, cursor.as_deref()).await.map(Json).map_err(|error| match error {
        StoreError::BadCursor => ApiError::invalid(vec![Violation::at("/cursor", error.to_string())]),
        error => store_error(error),
    })
}

/// Takes the next step for the jobs that are named. The first failure for want of memory takes it back.
#[utoipa::path(post, path = "/v1/right-sizing/apply", tag = "recommender", request_body = RightSizingRequest,
    responses((status = 200, body = Page<RightSizingApplied>), (status = 422, body = Problem),
        (status = 503, body = Problem, description = "No configuration service is known, or it does not answer")))]
pub(super) async fn apply(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidJson(request): ValidJson<RightSizingRequest>,
) -> Result<Json<Page<RightSizingApplied>>, ApiError> {
    actor.require(&[])?;
    let Some(configsvc) = state.configsvc.clone() else {
        let detail = "no configuration service is known here: start the recommender with --configsvc-url";
        return Err(ApiError::unavailable(detail, detail));
    };
    let items = apply::apply(&state, &configsvc, request).await.map_err(store_error)?;
    Ok(Json(Page { items, next_cursor: None }))
}
