//! `/v1/policy`.

use axum::{Json, extract::State, http::HeaderMap, response::IntoResponse};
use paramedic_domain::{Policy, Problem};
use paramedic_service::{Actor, ApiError, ValidJson};

use super::{READERS, entity_tag, store_error};
use crate::{ConfigState, policy::check_policy};

/// The bounds that no patch may leave. `ETag` is their version; `"0"` is the default, before one was ever put.
#[utoipa::path(get, path = "/v1/policy", tag = "policy", responses((status = 200, body = Policy)))]
pub(super) async fn show(State(state): State<ConfigState>, actor: Actor) -> Result<impl IntoResponse, ApiError> {
    actor.require(READERS)?;
    let (policy, version) = state.policy().await.map_err(store_error)?;
    Ok((entity_tag::of(version), Json(policy)))
}

/// Other bounds. They hold for stored patches too: one that leaves them is skipped from then on. Operators only.
#[utoipa::path(put, path = "/v1/policy", tag = "policy", request_body = Policy,
    params(("If-Match" = Option<String>, Header, description = "ETag of the policy to replace")),
    responses(
        (status = 200, body = Policy),
        (status = 412, body = Problem, description = "Another policy was put in between"),
        (status = 422, body = Problem, description = "A bound cannot be read or cannot be met"),
    ))]
pub(super) async fn put(
    State(state): State<ConfigState>,
    actor: Actor,
    headers: HeaderMap,
    ValidJson(policy): ValidJson<Policy>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(&[])?;
    let violations = check_policy(&policy);
    if !violations.is_empty() {
        return Err(ApiError::invalid(violations));
    }
    let (_, stored) = state.policy().await.map_err(store_error)?;
    let expected = entity_tag::expected(&headers, stored)?;
    let put = state.store.put_policy(&policy, expected, &actor.name, state.clock.now());
    let version = put.await.map_err(store_error)?;
    state.changed().await;
    tracing::info!(version, actor = actor.name, "policy put");
    Ok((entity_tag::of(version), Json(policy)))
}
