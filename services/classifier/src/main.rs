//! `paramedic-classifier`: the classifier as a process of its own.

use anyhow::Context;
use clap::Parser;
use paramedic_classifier::arguments::Arguments;
use paramedic_service::{shutdown_signal, telemetry};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    telemetry::init(arguments.log_format);
    let listen = arguments.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    Ok(paramedic_classifier::serve(arguments.into(), listener, shutdown_signal()).await?)
}
