//! Connections: bounded in number, in the time they may idle or dawdle, and in the time they may outlive the server.

use std::{error::Error, future::Future, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use tokio_rustls::TlsAcceptor;

use crate::{server::ServerLimits, tls::Tls};

/// After a connection could not be accepted (mostly: no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` resolves; then lets open requests end, for a bounded time. (axum's own loop bounds neither
/// the number of connections nor the time a client takes for its headers.)
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: &ServerLimits,
    tls: Option<&Tls>,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let open = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        let Some((stream, slot)) = accepted else { continue };
        let connection = Connection {
            http: http.clone(),
            service: TowerToHyperService::new(app.clone()),
            tls: tls.map(|tls| tls.acceptor().clone()),
            handshake_timeout: limits.header_timeout,
        };
        let watcher = open.watcher();
        tokio::spawn(async move {
            let _slot = slot;
            if let Err(error) = connection.serve(stream, watcher).await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: waiting for open requests");
    if tokio::time::timeout(limits.shutdown_timeout, open.shutdown()).await.is_err() {
        tracing::warn!(timeout_s = limits.shutdown_timeout.as_secs_f64(), "stopped with requests still open");
    }
}

/// The next connection, once there is a slot for it.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are written whole: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, slot))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// One connection to be served.
struct Connection {
    http: http1::Builder,
    service: TowerToHyperService<Router>,
    tls: Option<TlsAcceptor>,
    /// Longest time until TLS stands.
    handshake_timeout: Duration,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: Watcher) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Some(acceptor) = self.tls else {
            let connection = self.http.serve_connection(TokioIo::new(stream), self.service);
            return Ok(watcher.watch(connection).await?);
        };
        let stream = tokio::time::timeout(self.handshake_timeout, acceptor.accept(stream)).await??;
        let connection = self.http.serve_connection(TokioIo::new(stream), self.service);
        Ok(watcher.watch(connection).await?)
    }
}
