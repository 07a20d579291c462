//! `paramedic-configsvc`: the configuration service as a process of its own.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use paramedic_configsvc::{Config, serve};
use paramedic_service::{
    AccessArguments, shutdown_signal,
    telemetry::{self, LogFormat},
};
use tokio::net::TcpListener;

// A mutate call is a few dozen small allocations: with glibc's allocator they took a seventh of its processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps scoped JSON patches and mutates the configurations of Spark jobs.
///
/// Example: `paramedic-configsvc --database-url sqlite://paramedic.db`
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on. Any but a loopback address needs tokens.
    #[arg(long, default_value = "127.0.0.1:8083")]
    listen: SocketAddr,
    /// `sqlite://PATH` or `postgres://USER@HOST/DATABASE`.
    #[arg(long, env = "PARAMEDIC_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(flatten)]
    access: AccessArguments,
    /// Serve the Kubernetes webhook to callers without a token too: most API servers can show none
    #[arg(long)]
    open_kubernetes_webhook: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, database_url, access, open_kubernetes_webhook } = Arguments::parse();
    telemetry::init(LogFormat::Text);
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    Ok(serve(Config { database_url, access, open_webhook: open_kubernetes_webhook }, listener, shutdown_signal())
        .await?)
}
