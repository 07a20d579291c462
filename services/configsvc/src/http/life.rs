//! `/v1/patches/{id}/…`: activate, renew, rollback.

use axum::{extract::State, http::HeaderMap, response::IntoResponse};
use paramedic_domain::{Patch, PatchId, Problem, Timestamp, Validate, Violation, patch::validate_reason};
use paramedic_service::{Actor, ApiError, OptionalJson, ValidJson, ValidPath};
use paramedic_store::PatchUpdate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    WRITERS, entity_tag, patches,
    status::{self, StatusChange},
    store_error,
};
use crate::ConfigState;

/// A draft applies from now on, and the patch that it supersedes no longer.
#[utoipa::path(post, path = "/v1/patches/{id}/activate", tag = "patches", params(("id" = PatchId, Path)),
    request_body = Option<StatusChange>,
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is no draft"),
        (status = 422, body = Problem, description = "It leaves the policy by now"),
    ))]
pub(super) async fn activate(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<StatusChange>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(WRITERS)?;
    let stored = patches::existing(&state, id).await?;
    patches::check_content(&state, &stored.content).await?;
    let expected = entity_tag::expected(&headers, stored.version)?;
    let reason = body.reason.as_deref();
    status::change(&state, &actor, &stored, expected, &PatchUpdate::Activate, reason).await.map(patches::tagged)
}

/// For how much longer a patch applies.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {
    /// It does not apply from then on; as before, where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// It does not apply to more mutate calls than this, those before included; as before, where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    max_uses: Option<u32>,
    /// For the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Validate for Renewal {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_reason(self.reason.as_deref(), pointer, violations);
        if self.expires_at.is_none() && self.max_uses.is_none() {
            violations.push(Violation::at(pointer, "give `expires_at`, `max_uses` or both"));
        }
        if self.max_uses == Some(0) {
            violations.push(Violation::at(format!("{pointer}/max_uses"), "give 1 or more"));
        }
    }
}

/// It applies for longer; one that had expired applies again.
#[utoipa::path(post, path = "/v1/patches/{id}/renew", tag = "patches", params(("id" = PatchId, Path)),
    request_body = Renewal,
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is revoked or superseded"),
        (status = 422, body = Problem, description = "The time is past, or it leaves the policy by now"),
    ))]
pub(super) async fn renew(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    ValidJson(renewal): ValidJson<Renewal>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(WRITERS)?;
    let stored = patches::existing(&state, id).await?;
    let Renewal { expires_at, max_uses, reason } = renewal;
    let mut content = stored.content.clone();
    content.expires_at = expires_at.or(content.expires_at);
    patches::check_content(&state, &content).await?;
    let expected = entity_tag::expected(&headers, stored.version)?;
    let update = PatchUpdate::Renew { expires_at, max_uses };
    status::change(&state, &actor, &stored, expected, &update, reason.as_deref()).await.map(patches::tagged)
}

/// Which version a patch goes back to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    /// The version, from 1, as the history counts.
    #[schema(minimum = 1)]
    version: u32,
    /// For the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Validate for Rollback {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        validate_reason(self.reason.as_deref(), pointer, violations);
    }
}

/// Gives a patch the content that it had at an earlier version, as a new version. Its status stays.
#[utoipa::path(post, path = "/v1/patches/{id}/rollback", tag = "patches", params(("id" = PatchId, Path)),
    request_body = Rollback,
    responses(
        (status = 200, body = Patch, headers(("ETag" = String))),
        (status = 404, body = Problem, description = "There is no such patch, or no such version of it"),
        (status = 409, body = Problem, description = "It is revoked or superseded"),
        (status = 422, body = Problem, description = "That content leaves the policy by now, or has expired"),
    ))]
pub(super) async fn rollback(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidPath(id): ValidPath<PatchId>,
    headers: HeaderMap,
    ValidJson(Rollback { version, reason }): ValidJson<Rollback>,
) -> Result<impl IntoResponse, ApiError> {
    actor.require(WRITERS)?;
    let stored = patches::existing(&state, id).await?;
    let content = state.store.patch_content_at(id, version).await.map_err(store_error)?;
    let content = content.ok_or_else(|| ApiError::not_found(format!("patch {id} has no version {version}")))?;
    patches::require_reach(&actor, &content)?;
    patches::check_content(&state, &content).await?;
    let expected = entity_tag::expected(&headers, stored.version)?;
    let update = PatchUpdate::Rollback { version, content: Box::new(content) };
    status::change(&state, &actor, &stored, expected, &update, reason.as_deref()).await.map(patches::tagged)
}
