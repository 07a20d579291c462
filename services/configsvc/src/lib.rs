//! The configuration service: keeps scoped JSON patches, and answers with which configuration a job should start.
//!
//! A patch may come from the recommender or from a person; nothing it sets leaves the policy's bounds, every change has an
//! author and a history, and a patch that cannot be applied is skipped whole and reported.

mod answer;
mod http;
mod mutate;
mod operation;
mod policy;
mod scope;
mod value;

use std::{future::Future, path::PathBuf};

use paramedic_domain::{Clock, Policy};
use paramedic_service::{Auth, Readiness, ServeError, ServeOptions, ServerLimits};
use paramedic_store::{Store, StoreError};
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

/// Largest request body, in bytes. A configuration of some thousand entries has under one mebibyte.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How the service runs on its own.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://PATH`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`. Never logged: it may hold a password.
    pub database_url: String,
    /// Tokens file, one `name role sha256-hex` a line; needed on any but a loopback address.
    pub tokens_file: Option<PathBuf>,
}

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct ConfigState {
    store: Store,
    clock: Clock,
}

impl ConfigState {
    /// Over this store, with this clock.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The policy in force and its version; version 0 is the default, before one was ever put.
    async fn policy(&self) -> Result<(Policy, u32), StoreError> {
        Ok(self.store.policy().await?.unwrap_or_default())
    }
}

/// Why the service could not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ConfigServiceError {
    /// The store.
    #[error("the store could not be opened: {0}")]
    Store(#[from] StoreError),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Listener(#[from] std::io::Error),
}

/// The routes of the service, without health, metrics and authorization.
pub fn routes(state: ConfigState) -> OpenApiRouter {
    http::routes(state)
}

/// Serves on `listener` until `shutdown` completes.
pub async fn serve(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConfigServiceError> {
    let auth = Auth::for_address(listener.local_addr()?, config.tokens_file.as_deref()).map_err(ServeError::from)?;
    let store = Store::open(&config.database_url).await?;
    let pinged = store.clone();
    let options = ServeOptions {
        limits: ServerLimits { body_bytes_max: BODY_BYTES_MAX, ..ServerLimits::default() },
        ready: Readiness::check(move || {
            let store = pinged.clone();
            async move { store.ping().await.map_err(|error| error.to_string()) }
        }),
        ..ServeOptions::new("Paramedic configuration service", env!("CARGO_PKG_VERSION"), auth)
    };
    let state = ConfigState::new(store.clone(), Clock::system());
    let served = paramedic_service::serve(routes(state), options, listener, shutdown).await;
    store.close().await;
    Ok(served?)
}
