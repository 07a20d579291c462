//! The configuration service's routes.

use paramedic_domain::{
    AuditEntry, Explanation, Freeze, FreezeId, MutateRequest, MutateResponse, NewFreeze, NewPatch, Page, Patch,
    PatchChange, PatchId, Policy, Timestamp,
};
use reqwest::{Method, header};

use super::transport::{Client, ClientError};
use crate::query::{AuditQuery, PatchQuery};

impl Client {
    /// `POST /v1/patches`: store a patch. The same key again answers the patch that the first call made.
    pub async fn create_patch(&self, patch: &NewPatch, idempotency_key: Option<&str>) -> Result<Patch, ClientError> {
        let mut request = self.request(Method::POST, &["v1", "patches"]).json(patch);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(request).await
    }

    /// `GET /v1/patches/{id}`: one patch.
    pub async fn patch(&self, id: PatchId) -> Result<Option<Patch>, ClientError> {
        self.find(&["v1", "patches", &id.to_string()]).await
    }

    /// `GET /v1/patches`: patches, newest first.
    pub async fn patches(&self, query: &PatchQuery) -> Result<Page<Patch>, ClientError> {
        self.list(&["v1", "patches"], query).await
    }

    /// `GET /v1/patches/{id}/history`: every change of a patch, newest first.
    pub async fn patch_history(&self, id: PatchId) -> Result<Page<PatchChange>, ClientError> {
        self.get(&["v1", "patches", &id.to_string(), "history"]).await
    }

    /// `PUT /v1/patches/{id}`: replace a patch that still has this version.
    pub async fn update_patch(&self, id: PatchId, version: u32, patch: &NewPatch) -> Result<Patch, ClientError> {
        let request = self.request(Method::PUT, &["v1", "patches", &id.to_string()]);
        self.answer(request.header(header::IF_MATCH, format!("\"{version}\"")).json(patch)).await
    }

    /// `POST /v1/patches/{id}/revoke`: take it back, for ever.
    pub async fn revoke_patch(&self, id: PatchId, reason: Option<&str>) -> Result<Patch, ClientError> {
        self.change_patch(id, "revoke", reason).await
    }

    /// `POST /v1/patches/{id}/pause`: it does not apply until it is resumed.
    pub async fn pause_patch(&self, id: PatchId, reason: Option<&str>) -> Result<Patch, ClientError> {
        self.change_patch(id, "pause", reason).await
    }

    /// `POST /v1/patches/{id}/resume`: it applies again.
    pub async fn resume_patch(&self, id: PatchId, reason: Option<&str>) -> Result<Patch, ClientError> {
        self.change_patch(id, "resume", reason).await
    }

    /// `POST /v1/patches/{id}/activate`: a draft applies from now on.
    pub async fn activate_patch(&self, id: PatchId, reason: Option<&str>) -> Result<Patch, ClientError> {
        self.change_patch(id, "activate", reason).await
    }

    /// `POST /v1/patches/{id}/renew`: it applies for longer.
    pub async fn renew_patch(
        &self,
        id: PatchId,
        expires_at: Option<Timestamp>,
        max_uses: Option<u32>,
        reason: Option<&str>,
    ) -> Result<Patch, ClientError> {
        let body = serde_json::json!({ "expires_at": expires_at, "max_uses": max_uses, "reason": reason });
        self.post(&["v1", "patches", &id.to_string(), "renew"], &body).await
    }

    /// `POST /v1/patches/{id}/rollback`: the content of an earlier version again.
    pub async fn roll_back_patch(&self, id: PatchId, version: u32, reason: Option<&str>) -> Result<Patch, ClientError> {
        let body = serde_json::json!({ "version": version, "reason": reason });
        self.post(&["v1", "patches", &id.to_string(), "rollback"], &body).await
    }

    async fn change_patch(&self, id: PatchId, change: &str, reason: Option<&str>) -> Result<Patch, ClientError> {
        let request = self.request(Method::POST, &["v1", "patches", &id.to_string(), change]);
        let request = match reason {
            Some(reason) => request.json(&serde_json::json!({ "reason": reason })),
            None => request,
        };
        self.answer(request).await
    }

    /// `POST /v1/configs/mutate`: what should this attempt start with?
    pub async fn mutate(&self, request: &MutateRequest) -> Result<MutateResponse, ClientError> {
        self.post(&["v1", "configs", "mutate"], request).await
    }

    /// `POST /v1/configs/explain`: what would this attempt start with, and why?
    pub async fn explain(&self, request: &MutateRequest) -> Result<Explanation, ClientError> {
        self.post(&["v1", "configs", "explain"], request).await
    }

    /// `POST /v1/freezes`: jobs in a scope start with their own configuration from now on.
    pub async fn freeze(&self, freeze: &NewFreeze) -> Result<Freeze, ClientError> {
        self.post(&["v1", "freezes"], freeze).await
    }

    /// `GET /v1/freezes`: freezes, lifted ones too, newest first; the first page.
    pub async fn freezes(&self) -> Result<Page<Freeze>, ClientError> {
        self.get(&["v1", "freezes"]).await
    }

    /// `DELETE /v1/freezes/{id}`: lift a freeze.
    pub async fn lift_freeze(&self, id: FreezeId) -> Result<Freeze, ClientError> {
        self.answer(self.request(Method::DELETE, &["v1", "freezes", &id.to_string()])).await
    }

    /// `GET /v1/audit`: who changed what, when and why, newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditEntry>, ClientError> {
        self.list(&["v1", "audit"], query).await
    }

    /// `GET /v1/policy`: the bounds that no patch may leave.
    pub async fn policy(&self) -> Result<Policy, ClientError> {
        self.get(&["v1", "policy"]).await
    }

    /// `PUT /v1/policy`: other bounds.
    pub async fn put_policy(&self, policy: &Policy) -> Result<Policy, ClientError> {
        self.answer(self.request(Method::PUT, &["v1", "policy"]).json(policy)).await
    }
}
