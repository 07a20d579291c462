//! The recommender on its own, beside the other two services.

use std::path::PathBuf;

use clap::Parser;
use paramedic_recommender::{
    RecommenderConfig, serve,
    settings::{ModelSettings, RecommenderSettings},
};
use paramedic_service::{Client, Timeouts};

/// Recommends the configuration of a retry.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8719")]
    listen: String,
    /// `sqlite://PATH` or `postgres://…`.
    #[arg(long, env = "PARAMEDIC_DATABASE_URL", default_value = "sqlite://data/paramedic.sqlite")]
    database_url: String,
    #[command(flatten)]
    access: paramedic_service::AccessArguments,
    /// The models that ship with the program.
    #[arg(long, default_value = "models")]
    models: PathBuf,
    /// Where promoted models are kept.
    #[arg(long, default_value = "data/models")]
    model_data: PathBuf,
    /// The configuration service, which right sizing stores its patches in.
    #[arg(long)]
    configsvc_url: Option<String>,
    /// Token that is shown to it.
    #[arg(long, env = "PARAMEDIC_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Certificate authorities (PEM) to trust for it, in the place of the system's.
    #[arg(long, value_name = "FILE")]
    peer_ca_file: Option<PathBuf>,
    /// Share of jobs, 0 to 1, that are held out as control; as the classifier's.
    #[arg(long, default_value_t = 0.0)]
    control_share: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    paramedic_service::telemetry::init(paramedic_service::telemetry::LogFormat::Text);
    let models = ModelSettings { base_dir: Some(arguments.models), data_dir: Some(arguments.model_data) };
    let settings =
        RecommenderSettings { models, control_share: arguments.control_share, ..RecommenderSettings::default() };
    let client = |url: &String| {
        Client::trusting(url, arguments.token.as_deref(), Timeouts::default(), arguments.peer_ca_file.as_deref())
    };
    let configsvc = arguments.configsvc_url.as_ref().map(client).transpose()?;
    let config =
        RecommenderConfig { database_url: arguments.database_url, access: arguments.access, settings, configsvc };
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await?;
    Ok(serve(config, listener, paramedic_service::shutdown_signal()).await?)
}
