//! The classifier: collects logs, matches rules, decides.
//!
//! `POST /v1/failures` runs the pipeline: collect → classify → recommend → patch → decide. A part that fails on the way
//! is named in the decision's `degraded`; it never keeps the scheduler from its answer.

pub mod arguments;
mod collect;
pub mod config;
mod configuration;
mod cost;
mod decide;
mod degraded;
mod error;
mod evidence;
mod give_back;
mod http;
mod in_progress;
mod inbox;
mod ledger;
mod outcome;
mod patch;
mod pipeline;
mod recommend;
mod remedy;
mod rule_book;
mod savings;
mod secrets;
mod settle;
mod state;
mod stored;

use std::future::Future;

use paramedic_domain::Clock;
use paramedic_service::{Auth, ServeError, ServeOptions};
use paramedic_store::Store;
use tokio::net::TcpListener;

pub use arguments::{DecisionArguments, LogArguments};
pub use collect::{CollectConfig, LogBucket, StoreOption};
pub use config::ClassifierConfig;
pub use error::ClassifierError;
pub use http::routes;
pub use paramedic_fetch::HostPattern;
pub use state::Classifier;

/// Serves the classifier alone until `shutdown` resolves.
pub async fn serve(
    config: ClassifierConfig,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ClassifierError> {
    let address = listener.local_addr().map_err(ClassifierError::Listener)?;
    let store = Store::open(&config.database_url).await?;
    let auth = Auth::start(address, &config.access, None, store.clone(), Clock::system()).await?;
    let classifier = Classifier::start(&config, store, Clock::system())?;
    let options = ServeOptions {
        limits: config.server.clone(),
        ready: classifier.readiness(),
        tls: config.access.tls().map_err(ServeError::from)?,
        ..ServeOptions::new("Paramedic classifier", env!("CARGO_PKG_VERSION"), auth)
    };
    Ok(paramedic_service::serve(routes(classifier), options, listener, shutdown).await?)
}
