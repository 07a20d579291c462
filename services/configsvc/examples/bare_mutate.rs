//! What mutate is measured against: a handler that reads the same body, applies one fixed patch with json-patch, and
//! writes the configuration. No lookup, no authorization, no provenance, no limits.
//!
//! `cargo run --release -p paramedic-configsvc --example bare_mutate -- 127.0.0.1:8090 patch.json`

use std::sync::Arc;

use anyhow::Context;
use axum::{Json, Router, extract::State, routing::post};
use json_patch::Patch;
use serde_json::Value;
use tokio::net::TcpListener;

async fn mutate(State(patch): State<Arc<Patch>>, Json(mut request): Json<Value>) -> Json<Value> {
    let mut config = request.get_mut("config").map(Value::take).unwrap_or_default();
    // A patch that fails leaves the configuration as it was, as in the service.
    let _ = json_patch::patch(&mut config, &patch);
    Json(serde_json::json!({ "config": config }))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("give an address")?;
    let file = arguments.next().context("give a file with an RFC 6902 patch")?;
    let patch: Patch = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let app = Router::new().route("/v1/configs/mutate", post(mutate)).with_state(Arc::new(patch));
    axum::serve(TcpListener::bind(address).await?, app).await?;
    Ok(())
}
