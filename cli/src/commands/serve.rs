//! `paramedic serve`: the classifier, the recommender and the configuration service in one process, on one port.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use paramedic_classifier::{Classifier, ClassifierConfig, DecisionArguments, LogArguments};
use paramedic_configsvc::{ConfigState, kubernetes};
use paramedic_domain::{Clock, Role};
use paramedic_recommender::{
    RecommenderState,
    settings::{ModelSettings, RecommenderSettings},
};
use paramedic_service::{
    AccessArguments, Actor, Auth, Client, ServeOptions, Timeouts, fresh_secret, shutdown_signal, telemetry,
};
use paramedic_store::Store;
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

use super::backup::{DATABASE_FILE, MODELS_FOLDER};
use crate::{exit::CommandError, output, packaged};

/// The arguments of `paramedic serve`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic serve --data-dir /var/lib/paramedic\n  \
                        paramedic serve --listen 0.0.0.0:8717 --tokens tokens --database-url postgres://paramedic@db/paramedic\n\n\
                        On a loopback address no tokens are needed until the first is made. RUST_LOG says what is logged")]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8717")]
    listen: SocketAddr,
    /// The folder of the SQLite database and of models trained here
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// `postgres://USER@HOST/DATABASE` or `sqlite://PATH`, instead of SQLite in the data folder
    #[arg(long, value_name = "URL", env = "PARAMEDIC_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The rule files [default: ./rules, else those beside the program]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// The models that ship with the program [default: ./models, else those beside the program]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArguments,
    /// Serve the Kubernetes webhook to callers without a token too: most API servers can show none
    #[arg(long)]
    open_kubernetes_webhook: bool,
    #[command(flatten)]
    logs: LogArguments,
    #[command(flatten)]
    decision: DecisionArguments,
    /// Train on the attempts of the last 90 days each time that so many hours have passed; 0: never, for where `paramedic
    /// train` runs by itself
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    train_every: u32,
    /// Write the server's URL to this file once it can be asked
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: telemetry::LogFormat,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(arguments: Serve, clock: Clock) -> Result<ExitCode, CommandError> {
    telemetry::init(arguments.log_format);
    let rules = packaged::folder("rules", arguments.rules.as_deref())?;
    let models = packaged::folder("models", arguments.models.as_deref())?;
    let listener = bind(arguments.listen).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let store = open_store(&arguments).await?;
    let (auth, token) = authorization(address, &arguments.access, &store, &clock).await?;

    let tls = arguments.access.tls().map_err(|error| CommandError::Usage(error.to_string()))?;
    let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
    // The certificate is not made out to a loopback address: with TLS the services call each other on a port beside.
    let inner = if tls.is_some() { Some(bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?) } else { None };
    let beside = inner.as_ref().map_or(Ok(address), TcpListener::local_addr).context("the listener has no address")?;
    let configsvc_client = Client::new(&inner_url(beside), Some(&token), Timeouts::default())?;
    let classifier = classifier(&arguments, rules, &inner_url(beside), token, &store, &clock)?;
    let settings = RecommenderSettings {
        models: ModelSettings { base_dir: Some(models), data_dir: Some(arguments.data_dir.join(MODELS_FOLDER)) },
        control_share: arguments.decision.control_share,
        ..RecommenderSettings::default()
    };
    let recommender = RecommenderState::new(store.clone(), settings, clock.clone()).with_configsvc(configsvc_client);
    if arguments.train_every > 0 {
        recommender.retrain_every(Duration::from_hours(1) * arguments.train_every);
    }
    let options = ServeOptions {
        ready: classifier.readiness(),
        open: if arguments.open_kubernetes_webhook { vec![kubernetes::open_route()] } else { Vec::new() },
        tls,
        ..ServeOptions::new("Paramedic", env!("CARGO_PKG_VERSION"), auth)
    };
    let configurations = ConfigState::new(store.clone(), clock.clone());
    let routes = OpenApiRouter::new()
        .merge(paramedic_classifier::routes(classifier))
        .merge(paramedic_recommender::routes(recommender))
        .merge(paramedic_configsvc::tokens::routes(store.clone(), &options.auth, clock.clone()))
        .merge(kubernetes::routes(configurations.clone()))
        .merge(paramedic_configsvc::routes(configurations.clone()));

    if let Some(path) = &arguments.ready_file {
        // Renamed into place: whoever waits for the file never reads half of a URL.
        let aside = path.with_extension("partial");
        fs::write(&aside, &url)
            .and_then(|()| fs::rename(&aside, path))
            .with_context(|| format!("--ready-file {}", path.display()))?;
    }
    output::print(&format!("paramedic: listening on {url}"))?;
    let served = paramedic_service::serve_beside(routes, options, listener, inner, shutdown_signal()).await;
    configurations.stop().await;
    store.close().await;
    served.map_err(anyhow::Error::from)?;
    Ok(ExitCode::SUCCESS)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::Usage(format!("--listen {address}: {error}; name another port, or 0 for a free one"))
    })
}

async fn open_store(arguments: &Serve) -> Result<Store, CommandError> {
    fs::create_dir_all(&arguments.data_dir)
        .map_err(|error| CommandError::Usage(format!("--data-dir {}: {error}", arguments.data_dir.display())))?;
    let own = || format!("sqlite://{}", arguments.data_dir.join(DATABASE_FILE).display());
    let url = arguments.database_url.clone().unwrap_or_else(own);
    Store::open(&url).await.map_err(|error| CommandError::Unreachable(error.to_string()))
}

fn classifier(
    arguments: &Serve,
    rules_dir: PathBuf,
    url: &str,
    token: String,
    store: &Store,
    clock: &Clock,
) -> Result<Classifier, CommandError> {
    let mut config = ClassifierConfig { rules_dir, ..ClassifierConfig::default() };
    config.peers.recommender_url = url.to_owned();
    config.peers.configsvc_url = url.to_owned();
    config.peers.token = Some(token);
    arguments.logs.apply(&mut config.collect);
    arguments.decision.apply(&mut config.decision);
    Classifier::start(&config, store.clone(), clock.clone()).map_err(|error| CommandError::Usage(error.to_string()))
}

/// Who may ask; and one token more of this process' own, for the services' calls to each other.
async fn authorization(
    address: SocketAddr,
    access: &AccessArguments,
    store: &Store,
    clock: &Clock,
) -> Result<(Auth, String), CommandError> {
    let secret = fresh_secret().context("/dev/urandom cannot be read")?;
    let own = Actor::new("paramedic", Role::Operator);
    let auth = Auth::start(address, access, Some((own, secret.reveal())), store.clone(), clock.clone()).await;
    let auth = auth.map_err(|error| CommandError::Usage(error.to_string()))?;
    Ok((auth, secret.reveal().to_owned()))
}

/// Where this process reaches itself: an address that listens on every interface is none to call.
fn inner_url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() && address.is_ipv4() => "127.0.0.1".to_owned(),
        ip if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    format!("http://{host}:{}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reaches_itself_where_it_listens_everywhere() {
        assert_eq!(inner_url("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(inner_url("[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(inner_url("10.0.0.7:80".parse().unwrap()), "http://10.0.0.7:80");
    }

    #[tokio::test]
    async fn another_address_needs_tokens() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let address = "10.0.0.7:80".parse().unwrap();
        let started = authorization(address, &AccessArguments::default(), &store, &Clock::system()).await;
        let error = started.unwrap_err().to_string();
        assert!(error.contains("paramedic tokens create"), "{error}");
    }
}
