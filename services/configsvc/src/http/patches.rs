//! `/v1/patches`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use paramedic_domain::{NewPatch, Owner, Page, Patch, PatchId, Problem, Role, Violation};
use paramedic_service::{Actor, ApiError, PatchQuery, ValidJson, ValidPath, ValidQuery, query::LIMIT_DEFAULT};
use paramedic_store::{PatchFilter, PatchUpdate};

use super::{READERS, WRITERS, entity_tag, status, store_error};
use crate::{ConfigState, policy::check_patch, scope::reaches_every_job};

/// Longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Stores a patch, active or as a draft.
///
/// With an `Idempotency-Key` the same request again answers the same patch (200), and another request under the same key
/// is refused (409). A scope that reaches every job needs an operator.
#[utoipa::path(post, path = "/v1/patches", tag = "patches", request_body = NewPatch,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request, so that it can be repeated")),
    responses(
        (status = 201, body = Patch, description = "Stored", headers(("ETag" = String), ("Location" = String))),
        (status = 200, body = Patch, description = "It was stored by an earlier request", headers(("ETag" = String))),
        (status = 403, body = Problem, description = "It reaches every job or is an operator's, and the role may not"),
        (status = 409, body = Problem, description = "The key names a patch with another content"),
        (status = 422, body = Problem, description = "The request is not valid or leaves the policy"),
    ))]
pub(super) async fn create(
    State(state): State<ConfigState>,
    actor: Actor,
    headers: HeaderMap,
    ValidJson(content): ValidJson<NewPatch>,
) -> Result<Response, ApiError> {
    actor.require(WRITERS)?;
    require_reach(&actor, &content)?;
    let now = state.clock.now();
    let key = idempotency_key(&headers)?;
    let id = key.map_or_else(PatchId::fresh, PatchId::of);
    let repeated = key.is_some() && state.store.patch(id, now).await.map_err(store_error)?.is_some();
    if !repeated {
        // A repetition is answered as the first request was, whatever the policy and the clock say by now.
        check_content(&state, &content).await?;
    }
    let (patch, created) = state.store.create_patch(id, &content, &actor.name, now).await.map_err(store_error)?;
    state.changed().await;
    if !created {
        return Ok(tagged(patch).into_response());
    }
    metrics::counter!("paramedic_patch_changes_total", "change" => "create").increment(1);
    tracing::info!(patch = %patch.id, source = patch.content.source, actor = actor.name, "patch stored");
    let location = HeaderValue::from_str(&format!("/v1/patches/{id}")).map_err(ApiError::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], tagged(patch)).into_response())
}

/// Patches, newest first.
#[utoipa::path(get, path = "/v1/patches", tag = "patches", params(PatchQuery), responses(
    (status = 200, body = Page<Patch>),
    (status = 422, body = Problem, description = "A parameter is not valid"),
))]
pub(super) async fn list(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidQuery(query): ValidQuery<PatchQuery>,
) -> Result<Json<Page<Patch>>, ApiError> {
    actor.require(READERS)?;
    let PatchQuery { scheduler, workflow, job, run, status, source, limit, cursor } = query;
    let filter = PatchFilter { status, scheduler, workflow, job, run, source };
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    write_uses(&state).await;
    let listed = state.store.list_patches(&filter, limit, cursor.as_deref(), state.clock.now());
    listed.await.map(Json).map_err(store_error)
}

/// One patch.
#[utoipa::path(get, path = "/v1/patches/{id}", tag = "patches", params(("id" = PatchId, Path)), responses(
    (status = 200, body = Patch, headers(("ETag" = String))),
    (status = 404, body = Problem),
))]
pub(super) async fn show(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(READERS)?;
    write_uses(&state).await;
    existing(&state, id).await.map(tagged)
}

/// Gives a patch another content. `If-Match` names the version that was read. Its status stays; one that had expired may
/// apply again.
#[utoipa::path(put, path = "/v1/patches/{id}", tag = "patches", request_body = NewPatch,
    params(("id" = PatchId, Path), ("If-Match" = String, Header, description = "ETag of the version to replace")),
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 403, body = Problem, description = "It reaches every job or is an operator's, and the role may not"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is revoked"),
        (status = 412, body = Problem, description = "It was changed in between"),
        (status = 422, body = Problem, description = "The request is not valid or leaves the policy"),
        (status = 428, body = Problem, description = "If-Match is missing"),
    ))]
pub(super) async fn replace(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    ValidJson(content): ValidJson<NewPatch>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(WRITERS)?;
    require_reach(&actor, &content)?;
    let stored = existing(&state, id).await?;
    let expected = entity_tag::required(&headers, stored.version)?;
    check_content(&state, &content).await?;
    let reason = content.reason.clone();
    let update = PatchUpdate::Replace(Box::new(content));
    status::change(&state, &actor, &stored, expected, &update, reason.as_deref()).await.map(tagged)
}

/// Takes a patch back, for ever, as `revoke` does. It stays readable, with its history.
#[utoipa::path(delete, path = "/v1/patches/{id}", tag = "patches",
    params(("id" = PatchId, Path), ("If-Match" = Option<String>, Header, description = "ETag of the version to revoke")),
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem),
        (status = 412, body = Problem, description = "It was changed in between"),
    ))]
pub(super) async fn delete(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    status::change_status(&state, &actor, id, &headers, PatchUpdate::Revoke, None).await
}

/// A patch with its entity tag.
pub(super) fn tagged(patch: Patch) -> impl IntoResponse {
    (entity_tag::of(patch.version), Json(patch))
}

/// The patch, or 404.
pub(super) async fn existing(state: &ConfigState, id: PatchId) -> Result<Patch, ApiError> {
    let found = state.store.patch(id, state.clock.now()).await.map_err(store_error)?;
    found.ok_or_else(|| ApiError::not_found(format!("there is no patch {id}")))
}

/// So that who reads a patch sees its uses up to now; where the store is away, the read itself says so.
async fn write_uses(state: &ConfigState) {
    if let Err(error) = state.live.flush().await {
        tracing::warn!(%error, "uses of patches could not be written; they are kept");
    }
}

/// Only an operator touches every job at once, or what is wanted by operators; and nobody a job outside of the token's
/// scope.
pub(super) fn require_reach(actor: &Actor, content: &NewPatch) -> Result<(), ApiError> {
    actor.require_scope(&content.scope)?;
    let others = content.owner() == Owner::Operator && actor.role != Role::Operator;
    if others || reaches_every_job(&content.scope) { actor.require(&[]) } else { Ok(()) }
}

/// May this content be stored now?
pub(super) async fn check_content(state: &ConfigState, content: &NewPatch) -> Result<(), ApiError> {
    let (policy, _) = state.policy().await.map_err(store_error)?;
    let mut violations = check_patch(&policy, content);
    if content.expires_at.is_some_and(|end| end <= state.clock.now()) {
        violations.push(Violation::at("/expires_at", "is in the past: the patch would never apply"));
    }
    if violations.is_empty() { Ok(()) } else { Err(ApiError::invalid(violations)) }
}

/// The `Idempotency-Key`, as it stands or as the quoted string of the IETF's draft.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        let detail =
            format!("the header `Idempotency-Key` takes 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
        return Err(ApiError::invalid(vec![Violation::at("", detail)]));
    }
    Ok(Some(key))
}
