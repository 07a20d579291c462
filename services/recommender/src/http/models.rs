//! `/v1/models`.

use axum::{Json, extract::State};
use paramedic_domain::{
    Page, Problem, Role,
    model::{ModelListing, ModelManifest},
};
use paramedic_service::{Actor, ApiError, ProblemKind, ValidPath};

use crate::{RecommenderState, model::ModelError};

/// Who sees the models, beside operators: everyone but the host agents.
pub(super) const READERS: &[Role] = &[Role::Viewer, Role::Scheduler, Role::RuleAuthor];

/// Every model version, newest first.
#[utoipa::path(get, path = "/v1/models", tag = "recommender", responses((status = 200, body = Page<ModelListing>)))]
pub(super) async fn list(
    State(state): State<RecommenderState>,
    actor: Actor,
) -> Result<Json<Page<ModelListing>>, ApiError> {
    actor.require(READERS)?;
    let models = state.models.clone();
    let items = tokio::task::spawn_blocking(move || models.list()).await.map_err(ApiError::internal)?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// One model version.
#[utoipa::path(get, path = "/v1/models/{version}", tag = "recommender",
    responses((status = 200, body = ModelListing), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidPath(version): ValidPath<String>,
) -> Result<Json<ModelListing>, ApiError> {
    actor.require(READERS)?;
    let models = state.models.clone();
    let wanted = version.clone();
    let found = tokio::task::spawn_blocking(move || models.find(&wanted)).await.map_err(ApiError::internal)?;
    found.map(Json).ok_or_else(|| refuse(ModelError::UnknownVersion(version)))
}

/// Makes a version the champion.
#[utoipa::path(post, path = "/v1/models/{version}/promote", tag = "recommender",
    responses((status = 200, body = ModelListing), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn promote(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidPath(version): ValidPath<String>,
) -> Result<Json<ModelListing>, ApiError> {
    actor.require(&[])?;
    let models = state.models.clone();
    let promoted = tokio::task::spawn_blocking(move || models.promote(&version)).await.map_err(ApiError::internal)?;
    promoted.map(in_use).map_err(refuse)
}

/// Makes the champion before this one the champion again.
#[utoipa::path(post, path = "/v1/models/rollback", tag = "recommender",
    responses((status = 200, body = ModelListing), (status = 409, body = Problem)))]
pub(super) async fn roll_back(
    State(state): State<RecommenderState>,
    actor: Actor,
) -> Result<Json<ModelListing>, ApiError> {
    actor.require(&[])?;
    let models = state.models.clone();
    let restored = tokio::task::spawn_blocking(move || models.roll_back()).await.map_err(ApiError::internal)?;
    restored.map(in_use).map_err(refuse)
}

fn in_use(manifest: ModelManifest) -> Json<ModelListing> {
    Json(ModelListing { manifest, champion: true, challenger: false })
}

pub(super) fn refuse(error: ModelError) -> ApiError {
    match error {
        ModelError::UnknownVersion(_) => ApiError::not_found(error.to_string()),
        ModelError::File { .. } => ApiError::internal(error),
        _ => ApiError::new(ProblemKind::Conflict, error.to_string()),
    }
}
