//! `AdmissionReview` of `admission.k8s.io/v1`: the fields that matter here. Unknown ones are let pass: they are the API
//! server's, and a newer one has more.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paramedic_domain::{Validate, Violation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const API_VERSION: &str = "admission.k8s.io/v1";

/// What the API server sends, and, with `response`, what it gets.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionReview {
    pub(super) api_version: String,
    pub(super) kind: String,
    #[serde(default, skip_serializing)]
    pub(super) request: AdmissionRequest,
    #[serde(default, skip_deserializing)]
    response: Value,
}

/// An object that is about to be created.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionRequest {
    pub(super) uid: String,
    #[serde(default)]
    pub(super) kind: GroupVersionKind,
    #[serde(default)]
    pub(super) namespace: Option<String>,
    #[serde(default)]
    pub(super) operation: String,
    #[serde(default)]
    pub(super) dry_run: Option<bool>,
    #[serde(default)]
    pub(super) object: Value,
}

/// What kind of object it is.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct GroupVersionKind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl Validate for AdmissionReview {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.api_version != API_VERSION || self.kind != "AdmissionReview" {
            violations.push(Violation::at(pointer, format!("must be an AdmissionReview of {API_VERSION}")));
        }
        if self.request.uid.is_empty() {
            violations.push(Violation::at(format!("{pointer}/request/uid"), "must be given"));
        }
    }
}

impl AdmissionReview {
    /// The object is let in with these changes.
    pub(super) fn mutated(uid: &str, patch: &json_patch::Patch, warnings: &[String]) -> Self {
        let mut response = allowed(uid, warnings);
        if !patch.0.is_empty() {
            let text = serde_json::to_vec(patch).unwrap_or_default();
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(text));
        }
        Self::with(response)
    }

    /// The object is let in as it is.
    pub(super) fn unchanged(uid: &str, warnings: &[String]) -> Self {
        Self::with(allowed(uid, warnings))
    }

    fn with(response: Value) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "AdmissionReview".to_owned(),
            request: AdmissionRequest::default(),
            response,
        }
    }
}

fn allowed(uid: &str, warnings: &[String]) -> Value {
    let mut response = json!({ "uid": uid, "allowed": true });
    if !warnings.is_empty() {
        response["warnings"] = json!(warnings);
    }
    response
}
