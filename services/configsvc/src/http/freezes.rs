//! `/v1/freezes`: the switch that stops every patch, for the jobs in a scope or for all.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use paramedic_domain::{Freeze, FreezeId, NewFreeze, Page, Problem};
use paramedic_service::{Actor, ApiError, ValidJson, ValidPath, ValidQuery, query::LIMIT_DEFAULT};

use super::{READERS, status::HistoryQuery, store_error};
use crate::ConfigState;

/// Jobs in this scope (every job, where it names nothing) start with their own configuration from now on, until the
/// freeze is lifted. Patches stay as they are. Operators only.
#[utoipa::path(post, path = "/v1/freezes", tag = "freezes", request_body = NewFreeze, responses(
    (status = 201, body = Freeze, headers(("Location" = String))),
    (status = 422, body = Problem, description = "The request is not valid"),
))]
pub(super) async fn create(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidJson(new): ValidJson<NewFreeze>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(&[])?;
    let created = state.store.create_freeze(FreezeId::fresh(), &new, &actor.name, state.clock.now());
    let freeze = created.await.map_err(store_error)?;
    state.changed().await;
    tracing::warn!(freeze = %freeze.id, actor = actor.name, "patches are frozen");
    let location = HeaderValue::from_str(&format!("/v1/freezes/{}", freeze.id)).map_err(ApiError::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(freeze)))
}

/// Freezes, lifted ones too, newest first.
#[utoipa::path(get, path = "/v1/freezes", tag = "freezes", params(HistoryQuery), responses(
    (status = 200, body = Page<Freeze>),
))]
pub(super) async fn list(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidQuery(query): ValidQuery<HistoryQuery>,
) -> Result<Json<Page<Freeze>>, ApiError> {
    actor.require(READERS)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    state.store.list_freezes(limit, query.cursor.as_deref()).await.map(Json).map_err(store_error)
}

/// Lifts a freeze. It stays readable. Operators only.
#[utoipa::path(delete, path = "/v1/freezes/{id}", tag = "freezes", params(("id" = FreezeId, Path)), responses(
    (status = 200, body = Freeze),
    (status = 404, body = Problem),
))]
pub(super) async fn lift(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<FreezeId>,
) -> Result<Json<Freeze>, ApiError> {
    actor.require(&[])?;
    let freeze = state.store.lift_freeze(id, &actor.name, state.clock.now()).await.map_err(store_error)?;
    state.changed().await;
    tracing::warn!(freeze = %id, actor = actor.name, "a freeze is lifted");
    Ok(Json(freeze))
}
