//! `/v1/audit`: every change of patches, the policy, freezes and tokens.

use axum::{Json, extract::State};
use paramedic_domain::{AuditEntry, Page, Problem};
use paramedic_service::{Actor, ApiError, AuditQuery, ValidQuery, query::LIMIT_DEFAULT};
use paramedic_store::AuditFilter;

use super::{READERS, store_error};
use crate::ConfigState;

/// Who changed what, when and why, newest first: patches, the policy, freezes; and tokens, for operators of every job.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery), responses(
    (status = 200, body = Page<AuditEntry>),
    (status = 422, body = Problem, description = "A parameter is not valid"),
))]
pub(super) async fn list(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidQuery(query): ValidQuery<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    actor.require(READERS)?;
    let AuditQuery { kind, subject, actor: by, decision_id, since, until, limit, cursor } = query;
    let without_tokens = actor.require(&[]).is_err();
    let filter = AuditFilter { kind, subject, actor: by, decision_id, since, until, without_tokens };
    let listed = state.store.audit_entries(&filter, limit.unwrap_or(LIMIT_DEFAULT), cursor.as_deref());
    listed.await.map(Json).map_err(store_error)
}
