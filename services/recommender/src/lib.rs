//! The recommender: what should the retry of a failed attempt run with?
//!
//! [`pipeline::recommend`] reads like a table of contents: gather the facts, free the parameters that can matter for the
//! failing side, search them with the model's predictions, keep within the guardrails, decide, explain. The model is a
//! two-head network ([`model::network`]) over features computed from Spark's own memory model ([`features`]); the base
//! model is trained on a simulator of it ([`simulator`], [`training`]).

pub mod bounds;
pub mod elsewhere;
pub mod escalation;
pub mod explanation;
pub mod facts;
pub mod features;
pub mod freedom;
mod front;
pub mod guardrails;
mod http;
pub mod model;
pub mod objective;
pub mod own_remedies;
pub mod parameters;
pub mod pipeline;
pub mod retraining;
pub mod right_sizing;
pub mod search;
pub mod settings;
mod shadow;
pub mod simulator;
pub mod tokens;
pub mod training;

use std::{future::Future, sync::Arc};

use paramedic_domain::Clock;
use paramedic_service::{AccessArguments, Auth, Client, Readiness, ServeError, ServeOptions};
use paramedic_store::{Store, StoreError};
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

use model::registry::ModelRegistry;
use settings::RecommenderSettings;

/// What the handlers share.
#[derive(Clone)]
pub struct RecommenderState {
    store: Store,
    models: ModelRegistry,
    settings: Arc<RecommenderSettings>,
    clock: Clock,
    shadow: shadow::Shadow,
    /// Takes the steps of right sizing, where it is known.
    configsvc: Option<Client>,
}

impl RecommenderState {
    /// Opens the models and is ready to answer, also without any. Within a runtime it follows promotions by other processes.
    pub fn new(store: Store, settings: RecommenderSettings, clock: Clock) -> Self {
        let models = ModelRegistry::open(settings.models.clone());
        if tokio::runtime::Handle::try_current().is_ok() {
            models.follow();
        }
        Self { store, models, settings: Arc::new(settings), clock, shadow: shadow::Shadow::default(), configsvc: None }
    }

    /// With a configuration service, which right sizing stores its patches in.
    #[must_use]
    pub fn with_configsvc(self, configsvc: Client) -> Self {
        Self { configsvc: Some(configsvc), ..self }
    }
}

/// The routes of the recommender, without health and metrics.
pub fn routes(state: RecommenderState) -> OpenApiRouter {
    http::routes(state)
}

/// How the recommender is served on its own.
#[derive(Clone, Debug)]
pub struct RecommenderConfig {
    /// The store.
    pub database_url: String,
    /// Who may ask.
    pub access: AccessArguments,
    /// What to decide by.
    pub settings: RecommenderSettings,
    /// The configuration service, where right sizing may store patches.
    pub configsvc: Option<Client>,
}

/// Why the recommender stopped.
#[derive(Debug, thiserror::Error)]
pub enum RecommenderError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody could be told apart.
    #[error(transparent)]
    Auth(#[from] paramedic_service::AuthError),
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Address(#[from] std::io::Error),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves the recommender until `shutdown`.
pub async fn serve(
    config: RecommenderConfig,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RecommenderError> {
    let store = Store::open(&config.database_url).await?;
    let auth = Auth::start(listener.local_addr()?, &config.access, None, store.clone(), Clock::system()).await?;
    let mut state = RecommenderState::new(store.clone(), config.settings, Clock::system());
    state.configsvc = config.configsvc;
    let mut options = ServeOptions::new(env!("CARGO_PKG_DESCRIPTION"), env!("CARGO_PKG_VERSION"), auth);
    options.ready = Readiness::check(move || {
        let store = store.clone();
        async move { store.ping().await.map_err(|error| error.to_string()) }
    });
    options.tls = config.access.tls().map_err(ServeError::from)?;
    paramedic_service::serve(routes(state), options, listener, shutdown).await?;
    Ok(())
}
