//! Alive, ready, measured: the routes that every service has.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    error::{ApiError, ProblemKind},
    telemetry,
};

/// A readiness check that takes longer has failed: Kubernetes' own default is one second a probe.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a service can serve: the answer of `GET /readyz`.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>);

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readiness")
    }
}

impl Readiness {
    /// Ready whenever it is alive.
    pub fn always() -> Self {
        Self::check(|| async { Ok(()) })
    }

    /// Ready when `check` answers `Ok`; its error tells what is missing.
    pub fn check<F>(check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move || check().boxed()))
    }

    /// Ready when both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::check(move || {
            let (first, second) = ((self.0)(), (other.0)());
            async move {
                first.await?;
                second.await
            }
        })
    }

    async fn answer(&self) -> Result<(), String> {
        tokio::time::timeout(READY_TIMEOUT, (self.0)())
            .await
            .unwrap_or_else(|_| Err(format!("the check took over {} s", READY_TIMEOUT.as_secs())))
    }
}

/// `/healthz`, `/readyz`, `/metrics` and `/openapi.json`: they need no token and do not count against the limits.
pub(crate) fn routes(ready: Readiness, openapi: String) -> Router {
    let openapi: Arc<str> = openapi.into();
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(document).with_state(openapi))
}

async fn readyz(State(ready): State<Readiness>) -> Result<&'static str, ApiError> {
    match ready.answer().await {
        Ok(()) => Ok("ready\n"),
        Err(detail) => Err(ApiError::new(ProblemKind::Unavailable, detail)),
    }
}

async fn metrics() -> Response {
    // The version is the one of Prometheus' text format.
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::metrics().render())
        .into_response()
}

async fn document(State(openapi): State<Arc<str>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi.to_string()).into_response()
}
