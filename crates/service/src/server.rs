//! The server: a service's own routes, and around them what every service needs.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use futures::FutureExt as _;
use tokio::{net::TcpListener, sync::Semaphore};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    auth::{Auth, OpenRoute, authorize},
    connection,
    error::{ApiError, ProblemKind},
    health::{self, Readiness},
    observe::{Bounds, bound, observe},
    openapi, telemetry,
    tls::Tls,
};

/// How a service is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The OpenAPI document's title.
    pub title: String,
    /// The OpenAPI document's version.
    pub version: String,
    /// Who may ask.
    pub auth: Auth,
    /// What bounds requests.
    pub limits: ServerLimits,
    /// Whether it can serve.
    pub ready: Readiness,
    /// Served to everyone, in the name of the actor given.
    pub open: Vec<OpenRoute>,
    /// Served over TLS; over plain HTTP where it is not given.
    pub tls: Option<Tls>,
}

impl ServeOptions {
    /// Default limits, ready at once. A service gives its crate's `CARGO_PKG_DESCRIPTION` and `CARGO_PKG_VERSION`.
    pub fn new(title: impl Into<String>, version: impl Into<String>, auth: Auth) -> Self {
        Self {
            title: title.into(),
            version: version.into(),
            auth,
            limits: ServerLimits::default(),
            ready: Readiness::always(),
            open: Vec::new(),
            tls: None,
        }
    }
}

/// What bounds the requests of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Largest request body, in bytes. The default, 64 MiB, holds the tails of some hundred logs sent inline.
    pub body_bytes_max: usize,
    /// Longest time for one request, its body included. The default is 60 s: a slow log host, then a search, fit.
    pub request_timeout: Duration,
    /// Most requests at once; more are answered 503. The default is 256.
    pub requests_max: usize,
    /// Most connections at once; more wait to be accepted. The default is 1,024.
    pub connections_max: usize,
    /// A connection whose next request's headers are not there by then is closed, an idle one too. The default is 30 s.
    pub header_timeout: Duration,
    /// How long requests may go on after the signal to stop. The default is 20 s, within Kubernetes' 30 s of grace.
    pub shutdown_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 * 1024 * 1024,
            request_timeout: Duration::from_mins(1),
            requests_max: 256,
            connections_max: 1024,
            header_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(20),
        }
    }
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Listener(#[source] std::io::Error),
    /// Without tokens only a loopback address is served.
    #[error(transparent)]
    Auth(#[from] crate::auth::AuthError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] crate::tls::TlsError),
    /// The OpenAPI document does not serialize.
    #[error("the OpenAPI document does not serialize")]
    OpenApi(#[from] serde_json::Error),
}

/// The service's routes with authorization, limits, tracing, problem documents for unknown routes, and the routes that
/// every service has.
pub fn router(routes: OpenApiRouter, options: &ServeOptions) -> Result<Router, ServeError> {
    let (api, document) = routes.split_for_parts();
    let document = openapi::document(document, &options.title, &options.version)?;
    let bounds = Bounds {
        slots: Arc::new(Semaphore::new(options.limits.requests_max)),
        timeout: options.limits.request_timeout,
    };
    let api = api
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(options.limits.body_bytes_max))
        .layer(middleware::from_fn_with_state((options.auth.clone(), options.open.clone().into()), authorize))
        .layer(middleware::from_fn_with_state(bounds, bound));
    let health = health::routes(options.ready.clone(), document).method_not_allowed_fallback(method_not_allowed);
    Ok(api.merge(health).layer(middleware::from_fn(observe)))
}

async fn no_such_route(uri: axum::http::Uri) -> ApiError {
    ApiError::new(ProblemKind::NoSuchRoute, format!("{} is not served here; /openapi.json lists what is", uri.path()))
}

async fn method_not_allowed(method: axum::http::Method) -> ApiError {
    ApiError::new(ProblemKind::MethodNotAllowed, format!("{method} is not served here; `Allow` lists what is"))
}

/// Serves until `shutdown` resolves; then lets requests end, for a bounded time.
pub async fn serve(
    routes: OpenApiRouter,
    options: ServeOptions,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    serve_beside(routes, options, listener, None, shutdown).await
}

/// Like [`serve`], and on `inner` without TLS: a loopback port on which the services of one process call each other, since
/// the certificate is made out to another name.
pub async fn serve_beside(
    routes: OpenApiRouter,
    options: ServeOptions,
    listener: TcpListener,
    inner: Option<TcpListener>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    check_exposure(&options.auth, address)?;
    // Before the first request, so that its metrics are not lost.
    telemetry::metrics();
    let app = router(routes, &options)?;
    tracing::info!(%address, title = %options.title, version = %options.version, tls = options.tls.is_some(), "serving");

    let shutdown = shutdown.shared();
    let within = async {
        if let Some(inner) = inner {
            connection::serve(inner, app.clone(), &options.limits, None, shutdown.clone()).await;
        }
    };
    let outside = connection::serve(listener, app.clone(), &options.limits, options.tls.as_ref(), shutdown.clone());
    tokio::select! {
        _ = futures::future::join(outside, within) => Ok(()),
        () = upkeep() => Ok(()),
    }
}

fn check_exposure(auth: &Auth, address: SocketAddr) -> Result<(), ServeError> {
    match auth {
        Auth::Open => Auth::for_address(address, None).map(drop).map_err(ServeError::from),
        Auth::Tokens(_) | Auth::Signed(..) => Ok(()),
    }
}

/// Histograms buffer samples until somebody reads them; without a scraper this bounds the buffer.
async fn upkeep() {
    let mut interval = tokio::time::interval(Duration::from_secs(5));
    loop {
        interval.tick().await;
        telemetry::metrics().run_upkeep();
    }
}

/// Resolves when the process is asked to stop: Ctrl-C or SIGTERM.
pub async fn shutdown_signal() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C cannot be watched");
            std::future::pending::<()>().await;
        }
    };
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be watched");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
