//! `POST /v1/attempts`.

use axum::{Json, extract::State, http::StatusCode};
use paramedic_domain::{AttemptRecord, Problem, Role};
use paramedic_service::{Actor, ApiError, ValidJson};

use super::store_error;
use crate::RecommenderState;

/// The end of an attempt. The first record of an attempt is kept; a repetition is answered alike.
#[utoipa::path(post, path = "/v1/attempts", tag = "recommender",
    request_body = AttemptRecord,
    responses((status = 201, body = AttemptRecord), (status = 200, body = AttemptRecord), (status = 422, body = Problem)))]
pub(super) async fn record(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidJson(attempt): ValidJson<AttemptRecord>,
) -> Result<(StatusCode, Json<AttemptRecord>), ApiError> {
    actor.require(&[Role::Scheduler])?;
    actor.require_job(&attempt.job)?;
    let new = state.store.record_attempt(&attempt, state.clock.now()).await.map_err(store_error)?;
    metrics::counter!("attempts_total", "status" => attempt.status.as_str()).increment(u64::from(new));
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(attempt)))
}
