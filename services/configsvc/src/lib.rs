//! The configuration service: keeps scoped JSON patches, and answers with which configuration a job should start.
//!
//! A patch may come from the recommender or from a person; nothing it sets leaves the policy's bounds, every change has an
//! author and a history, and a patch that cannot be applied is skipped whole and reported.

mod answer;
mod entries;
mod explain;
mod guard;
mod http;
pub mod kubernetes;
mod live;
mod memory_sum;
mod mutate;
mod operation;
mod policy;
mod scope;
pub mod tokens;
mod value;

use std::{future::Future, sync::Arc};

use paramedic_domain::{Clock, MutateRequest, MutateResponse, Policy};
use paramedic_service::{AccessArguments, Auth, Readiness, ServeError, ServeOptions, ServerLimits};
use paramedic_store::{Store, StoreError};
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

use live::{Live, follow};

/// Largest request body, in bytes. A configuration of some thousand entries has under one mebibyte.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How the service runs on its own.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://PATH`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`. Never logged: it may hold a password.
    pub database_url: String,
    /// Who may ask.
    pub access: AccessArguments,
    /// Serve the Kubernetes webhook to callers without a token too, as the scheduler `kubernetes`: most API servers can
    /// show none. Who can reach the port then sees what patches set, and uses them up.
    pub open_webhook: bool,
}

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct ConfigState {
    store: Store,
    clock: Clock,
    live: Arc<Live>,
}

impl ConfigState {
    /// Over this store, with this clock. Within a runtime it follows the store, until the last clone is dropped.
    pub fn new(store: Store, clock: Clock) -> Self {
        let live = Arc::new(Live::new(store.clone(), clock.clone()));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(follow(Arc::downgrade(&live), store.clone()));
        }
        Self { store, clock, live }
    }

    /// Answers a mutate request, as `POST /v1/configs/mutate` does, at the time of the clock.
    pub async fn mutate(&self, request: &MutateRequest) -> Result<MutateResponse, StoreError> {
        answer::answer(self, request, self.clock.now()).await
    }

    /// Writes down the uses that were counted in memory: to be called before the store is closed.
    pub async fn stop(&self) {
        if let Err(error) = self.live.flush().await {
            tracing::warn!(%error, "the last uses of patches were not counted");
        }
    }

    /// Takes a change that was just stored into memory. Where the store went away meanwhile, the next poll does.
    async fn changed(&self) {
        if let Err(error) = self.live.refresh().await {
            tracing::warn!(%error, "a change is stored and not in memory yet");
        }
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
    let store = Store::open(&config.database_url).await?;
    let auth = Auth::start(listener.local_addr()?, &config.access, None, store.clone(), Clock::system()).await;
    let auth = auth.map_err(ServeError::from)?;
    let state = ConfigState::new(store.clone(), Clock::system());
    let (live, pinged) = (Arc::clone(&state.live), store.clone());
    let tokens = tokens::routes(store.clone(), &auth, Clock::system());
    let options = ServeOptions {
        limits: ServerLimits { body_bytes_max: BODY_BYTES_MAX, ..ServerLimits::default() },
        // What is in memory can be served without the store.
        ready: Readiness::check(move || {
            let (live, store) = (Arc::clone(&live), pinged.clone());
            async move { if live.is_loaded() { Ok(()) } else { store.ping().await.map_err(|error| error.to_string()) } }
        }),
        open: if config.open_webhook { vec![kubernetes::open_route()] } else { Vec::new() },
        tls: config.access.tls().map_err(ServeError::from)?,
        ..ServeOptions::new("Paramedic configuration service", env!("CARGO_PKG_VERSION"), auth)
    };
    let served = paramedic_service::serve(
        routes(state.clone()).merge(kubernetes::routes(state.clone())).merge(tokens),
        options,
        listener,
        shutdown,
    )
    .await;
    state.stop().await;
    store.close().await;
    Ok(served?)
}
