//! `/v1/models/shadow` and `/v1/models/{version}/shadow`.

use axum::{Json, extract::State, http::StatusCode};
use paramedic_domain::{Problem, model::ModelListing, shadow::ShadowReport};
use paramedic_service::{Actor, ApiError, ValidPath};

use super::{
    models::{READERS, refuse},
    store_error,
};
use crate::{RecommenderState, shadow};

/// Lets a version score live requests without deciding, in place of the one that did.
#[utoipa::path(post, path = "/v1/models/{version}/shadow", tag = "recommender",
    responses((status = 200, body = ModelListing), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn start(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidPath(version): ValidPath<String>,
) -> Result<Json<ModelListing>, ApiError> {
    actor.require(&[])?;
    let models = state.models.clone();
    let started = tokio::task::spawn_blocking(move || models.shadow(&version)).await.map_err(ApiError::internal)?;
    let manifest = started.map_err(refuse)?;
    let champion = state.models.champion().is_some_and(|model| model.manifest().version == manifest.version);
    Ok(Json(ModelListing { manifest, champion, challenger: true }))
}

/// What the challenger would have decided, beside what was decided and what became of it.
#[utoipa::path(get, path = "/v1/models/shadow", tag = "recommender", responses((status = 200, body = ShadowReport)))]
pub(super) async fn report(
    State(state): State<RecommenderState>,
    actor: Actor,
) -> Result<Json<ShadowReport>, ApiError> {
    actor.require(READERS)?;
    let Some(challenger) = state.models.challenger() else { return Ok(Json(ShadowReport::default())) };
    shadow::report(&state.store, &challenger.manifest().version).await.map(Json).map_err(store_error)
}

/// No version scores without deciding any more. What was kept stays.
#[utoipa::path(delete, path = "/v1/models/shadow", tag = "recommender",
    responses((status = 204), (status = 409, body = Problem)))]
pub(super) async fn stop(State(state): State<RecommenderState>, actor: Actor) -> Result<StatusCode, ApiError> {
    actor.require(&[])?;
    let models = state.models.clone();
    let stopped = tokio::task::spawn_blocking(move || models.stop_shadow()).await.map_err(ApiError::internal)?;
    stopped.map(|_| StatusCode::NO_CONTENT).map_err(refuse)
}
