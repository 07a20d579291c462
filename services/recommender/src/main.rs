//! The recommender on its own, beside the other two services.

use std::path::PathBuf;

use clap::Parser;
use paramedic_recommender::{
    RecommenderConfig, serve,
    settings::{ModelSettings, RecommenderSettings},
};

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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    paramedic_service::telemetry::init(paramedic_service::telemetry::LogFormat::Text);
    let models = ModelSettings { base_dir: Some(arguments.models), data_dir: Some(arguments.model_data) };
    let settings = RecommenderSettings { models, ..RecommenderSettings::default() };
    let config = RecommenderConfig { database_url: arguments.database_url, access: arguments.access, settings };
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await?;
    Ok(serve(config, listener, paramedic_service::shutdown_signal()).await?)
}
