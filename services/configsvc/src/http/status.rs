//! `/v1/patches/{id}/…`: pause, resume, revoke, history.

use axum::{Json, extract::State, http::HeaderMap, response::IntoResponse};
use paramedic_domain::{Page, Patch, PatchChange, PatchId, Problem, Validate, Violation, patch::validate_reason};
use paramedic_service::{
    Actor, ApiError, OptionalJson, ValidPath, ValidQuery,
    query::{LIMIT_DEFAULT, LIMIT_MAX},
};
use paramedic_store::PatchUpdate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{READERS, WRITERS, entity_tag, patches, store_error};
use crate::ConfigState;

/// Why a patch's status changes. The body may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusChange {
    /// For the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl Validate for StatusChange {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_reason(self.reason.as_deref(), pointer, violations);
    }
}

/// Query of a history.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Items a page.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

impl Validate for HistoryQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.limit.is_some_and(|limit| limit == 0 || limit > LIMIT_MAX) {
            violations.push(Violation::at(format!("{pointer}/limit"), format!("must be 1 to {LIMIT_MAX}")));
        }
    }
}

/// It does not apply until it is resumed.
#[utoipa::path(post, path = "/v1/patches/{id}/pause", tag = "patches", params(("id" = PatchId, Path)),
    request_body = Option<StatusChange>,
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Its status does not allow it"),
    ))]
pub(super) async fn pause(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<StatusChange>,
) -> Result<impl IntoResponse, ApiError> {
    change_status(&state, &actor, id, &headers, PatchUpdate::Pause, body.reason).await
}

/// It applies again.
#[utoipa::path(post, path = "/v1/patches/{id}/resume", tag = "patches", params(("id" = PatchId, Path)),
    request_body = Option<StatusChange>,
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Its status does not allow it"),
    ))]
pub(super) async fn resume(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<StatusChange>,
) -> Result<impl IntoResponse, ApiError> {
    change_status(&state, &actor, id, &headers, PatchUpdate::Resume, body.reason).await
}

/// Takes it back, for ever.
#[utoipa::path(post, path = "/v1/patches/{id}/revoke", tag = "patches", params(("id" = PatchId, Path)),
    request_body = Option<StatusChange>,
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn revoke(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<StatusChange>,
) -> Result<impl IntoResponse, ApiError> {
    change_status(&state, &actor, id, &headers, PatchUpdate::Revoke, body.reason).await
}

/// Every change of a patch, newest first.
#[utoipa::path(get, path = "/v1/patches/{id}/history", tag = "patches",
    params(("id" = PatchId, Path), HistoryQuery),
    responses((status = 200, body = Page<PatchChange>), (status = 404, body = Problem)))]
pub(super) async fn history(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    ValidQuery(query): ValidQuery<HistoryQuery>,
) -> Result<Json<Page<PatchChange>>, ApiError> {
    actor.require(READERS)?;
    patches::existing(&state, id).await?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    state.store.patch_history(id, limit, query.cursor.as_deref()).await.map(Json).map_err(store_error)
}

/// Changes the status of a patch, at the version that `If-Match` names where it is sent.
pub(super) async fn change_status(
    state: &ConfigState,
    actor: &Actor,
    id: PatchId,
    headers: &HeaderMap,
    update: PatchUpdate,
    reason: Option<String>,
) -> Result<impl IntoResponse + use<>, ApiError> {
    actor.require(WRITERS)?;
    let stored = patches::existing(state, id).await?;
    let expected = entity_tag::expected(headers, stored.version)?;
    change(state, actor, &stored, expected, &update, reason.as_deref()).await.map(patches::tagged)
}

/// Changes a patch that was read as `stored`.
pub(super) async fn change(
    state: &ConfigState,
    actor: &Actor,
    stored: &Patch,
    expected_version: Option<u32>,
    update: &PatchUpdate,
    reason: Option<&str>,
) -> Result<Patch, ApiError> {
    patches::require_reach(actor, &stored.content)?;
    let changed =
        state.store.change_patch(stored.id, expected_version, update, &actor.name, reason, state.clock.now()).await;
    let patch = changed.map_err(store_error)?;
    state.changed().await;
    if patch.version != stored.version {
        metrics::counter!("paramedic_patch_changes_total", "change" => update.name()).increment(1);
        tracing::info!(patch = %patch.id, change = update.name(), actor = actor.name, "patch changed");
    }
    Ok(patch)
}
