//! `/v1/models/{version}/report`.

use std::{io::Read as _, path::Path};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use paramedic_domain::Problem;
use paramedic_service::{Actor, ApiError, ValidPath};

use super::models::{READERS, refuse};
use crate::{RecommenderState, training::report};

/// Largest report that is served, in bytes; one has some tens of KiB.
const REPORT_BYTES_MAX: u64 = 4 << 20;

/// What the audit of a version found: curves as numbers.
#[utoipa::path(get, path = "/v1/models/{version}/report", tag = "recommender",
    responses((status = 200, body = serde_json::Value), (status = 404, body = Problem)))]
pub(super) async fn json(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidPath(version): ValidPath<String>,
) -> Result<Response, ApiError> {
    actor.require(READERS)?;
    file(state, version, report::JSON_FILE, "application/json").await
}

/// What the audit of a version found: a page with plots.
#[utoipa::path(get, path = "/v1/models/{version}/report.html", tag = "recommender",
    responses((status = 200, body = String, content_type = "text/html"), (status = 404, body = Problem)))]
pub(super) async fn page(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidPath(version): ValidPath<String>,
) -> Result<Response, ApiError> {
    actor.require(READERS)?;
    file(state, version, report::PAGE_FILE, "text/html; charset=utf-8").await
}

async fn file(
    state: RecommenderState,
    version: String,
    name: &'static str,
    content_type: &'static str,
) -> Result<Response, ApiError> {
    let models = state.models.clone();
    let folder = version.clone();
    let read = tokio::task::spawn_blocking(move || models.folder_of(&folder).map(|dir| bounded(&dir.join(name))));
    let content = read.await.map_err(ApiError::internal)?.map_err(refuse)?;
    let content = content.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::not_found(format!("model {version} has no report")),
        _ => ApiError::internal(error),
    })?;
    Ok(([(header::CONTENT_TYPE, content_type)], content).into_response())
}

fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    std::fs::File::open(path)?.take(REPORT_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}
