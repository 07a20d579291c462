//! `paramedic hostagent`: measures the Spark jobs of this host.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use paramedic_domain::Clock;
use paramedic_hostagent::{
    Agent, AgentError, BUILT_WITH_BPF, HostAgentConfig, MeasuringConfig, PostingConfig, host, privileges, serve,
};
use paramedic_service::{shutdown_signal, telemetry};
use tokio::net::TcpListener;

use crate::{exit::CommandError, output, server::read_token};

/// The arguments of `paramedic hostagent`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic hostagent --server http://paramedic:8717 --token-file agent.token\n  \
                        paramedic hostagent --check\n\n\
                        Runs as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; what a host lacks is said once, and done \
                        without. `paramedic top` shows what it sees. RUST_LOG says what is logged")]
pub(crate) struct HostAgent {
    /// The recommender that gets samples [default: none: only /metrics and `paramedic top`]
    #[arg(long, value_name = "URL", env = "PARAMEDIC_URL")]
    server: Option<String>,
    /// A file that holds the token; else `PARAMEDIC_TOKEN` in the environment is the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<std::path::PathBuf>,
    /// Certificate authorities, in PEM's format, to trust in place of the system's
    #[arg(long, value_name = "FILE", env = "PARAMEDIC_CA_FILE")]
    ca_file: Option<std::path::PathBuf>,
    /// Where to answer Prometheus (/metrics), and on a loopback address `paramedic top`
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8718")]
    listen: SocketAddr,
    /// The name under which samples are posted [default: this host's]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    #[command(flatten)]
    measuring: Measuring,
    /// Most samples kept while the recommender is away; the oldest are dropped first
    #[arg(long, value_name = "N", default_value_t = PostingConfig::default().kept_max)]
    kept_max: usize,
    /// Keep the privileges that are not needed after the start
    #[arg(long)]
    keep_privileges: bool,
    /// Say what would be measured here, and exit: 0 if all, 1 if something is done without
    #[arg(long)]
    check: bool,
    /// `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: telemetry::LogFormat,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Measuring {
    /// Length of a period, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = MeasuringConfig::default().period_s)]
    pub(crate) period: u64,
    /// Share of one core that walks over processes' mappings (for PSS and USS) may take
    #[arg(long, value_name = "SHARE", default_value_t = MeasuringConfig::default().memory_share_max)]
    memory_share: f64,
    /// Most processes that are looked at
    #[arg(long, value_name = "N", default_value_t = MeasuringConfig::default().processes_max)]
    processes_max: usize,
    /// Most workloads with series of their own in /metrics
    #[arg(long, value_name = "N", default_value_t = MeasuringConfig::default().series_max)]
    series_max: usize,
    /// Load no eBPF programs: waits are sums from /proc/PID/schedstat
    #[arg(long)]
    no_bpf: bool,
    /// Never let the kernel count what the eBPF programs cost; it does for a second a minute
    #[arg(long)]
    no_cost: bool,
}

impl Measuring {
    pub(crate) fn config(&self) -> MeasuringConfig {
        MeasuringConfig {
            period_s: self.period,
            memory_share_max: self.memory_share,
            processes_max: self.processes_max,
            bpf: !self.no_bpf,
            cost: !self.no_cost,
            series_max: self.series_max,
            ..MeasuringConfig::default()
        }
    }
}

/// Measures until Ctrl-C or SIGTERM.
pub(crate) fn run(arguments: &HostAgent, clock: Clock) -> Result<ExitCode, CommandError> {
    telemetry::init(arguments.log_format);
    let config = config(arguments)?;
    config.check().map_err(|error| CommandError::Usage(format!("--{error}")))?;
    let (listen, cost) = (config.listen, config.measuring.cost);
    let agent = Agent::start(config);
    if arguments.check {
        return check(&agent);
    }
    // Before the runtime starts threads, which would keep what this one had.
    if !arguments.keep_privileges {
        match privileges::drop_unneeded(cost) {
            Ok(kept) => output::tell(&format!("capabilities kept: {}", kept.join(", "))),
            Err(error) => output::tell(&format!("capabilities cannot be dropped: {error}")),
        }
    }
    super::block_on(async {
        let listener = match listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        serve(agent, listener, clock, shutdown_signal()).await.map_err(|error| match error {
            AgentError::Client(error) => CommandError::from(error),
            broken @ AgentError::Measuring(_) => CommandError::Failed(broken.into()),
        })?;
        Ok(ExitCode::SUCCESS)
    })
}

fn config(arguments: &HostAgent) -> Result<HostAgentConfig, CommandError> {
    Ok(HostAgentConfig {
        host: arguments.host.clone().unwrap_or_else(host::name),
        measuring: arguments.measuring.config(),
        listen: Some(arguments.listen),
        posting: PostingConfig {
            server: arguments.server.clone(),
            token: read_token(arguments.token_file.as_deref())?,
            ca_file: arguments.ca_file.clone(),
            kept_max: arguments.kept_max,
            ..PostingConfig::default()
        },
    })
}

fn check(agent: &Agent) -> Result<ExitCode, CommandError> {
    let mut lines = vec![format!("built with eBPF: {}", if BUILT_WITH_BPF { "yes" } else { "no" })];
    lines.extend(agent.does_without().iter().map(|reason| format!("does without {reason}")));
    if agent.does_without().is_empty() {
        lines.push("everything is measured here".to_owned());
    }
    output::print(&lines.join("\n"))?;
    Ok(ExitCode::from(u8::from(!agent.does_without().is_empty())))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        CommandError::Usage(format!("--listen {address}: {error}; name another port, or 0 for a free one"))
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    output::print(&format!("paramedic hostagent: listening on http://{address}"))?;
    Ok(listener)
}
