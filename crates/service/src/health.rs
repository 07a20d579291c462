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
pub struct Readiness {
    check: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
    warnings: Vec<Arc<dyn Fn() -> Option<String> + Send + Sync>>,
}

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
        Self { check: Arc::new(move || check().boxed()), warnings: Vec::new() }
    }

    /// And tells what should be looked at, though it can serve.
    #[must_use]
    pub fn warning(mut self, warning: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.warnings.push(Arc::new(warning));
        self
    }

    /// Ready when both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let warnings = self.warnings.into_iter().chain(other.warnings).collect();
        let (first, second) = (self.check, other.check);
        let both = Self::check(move || {
            let (first, second) = (first(), second());
            async move {
                first.await?;
                second.await
            }
        });
        Self { warnings, ..both }
    }

    /// `ready`, and a line a warning.
    async fn answer(&self) -> Result<String, String> {
        tokio::time::timeout(READY_TIMEOUT, (self.check)())
            .await
            .unwrap_or_else(|_| Err(format!("the check took over {} s", READY_TIMEOUT.as_secs())))?;
        let warnings = self.warnings.iter().filter_map(|warning| warning());
        Ok(warnings.fold("ready\n".to_owned(), |answer, warning| format!("{answer}warning: {warning}\n")))
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

async fn readyz(State(ready): State<Readiness>) -> Result<String, ApiError> {
    ready.answer().await.map_err(|detail| ApiError::new(ProblemKind::Unavailable, detail))
}

async fn metrics() -> Response {
    // The version is the one of Prometheus' text format.
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::metrics().render())
        .into_response()
}

async fn document(State(openapi): State<Arc<str>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi.to_string()).into_response()
}
