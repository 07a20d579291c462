//! The server as a client sees it, and the client as a server does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests: a failure ends the test, and a route panics on purpose")]

mod client;
mod server;
mod tls;

use std::{net::SocketAddr, time::Duration};

use axum::routing::{get, post};
use paramedic_domain::OutcomeReport;
use paramedic_service::{Actor, ApiError, ServeOptions, ServerLimits, ValidJson, client::http_client};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use utoipa_axum::router::OpenApiRouter;

/// A server on a port of its own, with routes that go wrong in every way.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), paramedic_service::ServeError>>,
}

impl Server {
    async fn start(options: ServeOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(paramedic_service::serve(routes(), options, listener, async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), ended }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }
}

fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .route("/v1/outcomes", post(async |ValidJson(report): ValidJson<OutcomeReport>| axum::Json(report)))
        .route("/v1/whoami", get(async |actor: Actor| actor.name))
        .route("/v1/panic", get(async || -> &'static str { panic!("a secret cause") }))
        .route("/v1/fails", get(async || ApiError::internal("a secret cause")))
        .route("/v1/hangs", get(std::future::pending::<&'static str>))
}

fn short_limits() -> ServerLimits {
    ServerLimits {
        body_bytes_max: 4096,
        request_timeout: Duration::from_millis(200),
        shutdown_timeout: Duration::from_millis(200),
        requests_max: 1,
        ..ServerLimits::default()
    }
}

fn http() -> reqwest::Client {
    http_client(paramedic_service::Timeouts::default()).unwrap()
}
