//! `/metrics`, `/healthz`, `/readyz`, and `/v1/snapshot` for `paramedic top`.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use crate::agent::Shown;

/// Whoever asks for a snapshot wants to know what the programs cost, for so long.
const COST_WANTED_FOR: Duration = Duration::from_secs(30);

/// Answers until `stopped` says so. Snapshots name the host's processes: they are for this host alone.
pub(crate) async fn serve(listener: TcpListener, shown: Arc<Shown>, mut stopped: watch::Receiver<bool>) {
    let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let mut routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    if is_local {
        routes = routes.route("/v1/snapshot", get(snapshot));
    }
    let stop = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let served = axum::serve(listener, routes.with_state(shown)).with_graceful_shutdown(stop).await;
    if let Err(error) = served {
        tracing::error!(%error, "nobody can ask for metrics any more");
    }
}

async fn ready(State(shown): State<Arc<Shown>>) -> Response {
    match *shown.snapshot.borrow() {
        Some(_) => "ready\n".into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the first period has not ended\n").into_response(),
    }
}

async fn metrics(State(shown): State<Arc<Shown>>) -> Response {
    let text = shown.metrics.borrow().to_string();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn snapshot(State(shown): State<Arc<Shown>>) -> Response {
    let until = Instant::now() + COST_WANTED_FOR;
    *shown.cost_wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    let snapshot = shown.snapshot.borrow().clone();
    match snapshot.map(|snapshot| serde_json::to_string(&*snapshot)) {
        Some(Ok(text)) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Some(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the first period has not ended\n").into_response(),
    }
}
