//! `paramedic-configsvc`: the configuration service as a process of its own.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use paramedic_configsvc::{Config, serve};
use paramedic_service::{
    shutdown_signal,
    telemetry::{self, LogFormat},
};
use tokio::net::TcpListener;

/// Keeps scoped JSON patches and mutates the configurations of Spark jobs.
///
/// Example: `paramedic-configsvc --database-url sqlite://paramedic.db`
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on. Any but a loopback address needs --tokens.
    #[arg(long, default_value = "127.0.0.1:8083")]
    listen: SocketAddr,
    /// `sqlite://PATH` or `postgres://USER@HOST/DATABASE`.
    #[arg(long, env = "PARAMEDIC_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// Tokens file, one `name role sha256-hex` a line.
    #[arg(long)]
    tokens: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, database_url, tokens } = Arguments::parse();
    telemetry::init(LogFormat::Text);
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    Ok(serve(Config { database_url, tokens_file: tokens }, listener, shutdown_signal()).await?)
}
