//! `paramedic top`: what the host agent sees, live.

mod screen;
mod table;
mod waits;

use std::{
    io::IsTerminal as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use paramedic_domain::Clock;
use paramedic_hostagent::{Collector, Snapshot, host};
use paramedic_service::{Timeouts, client::http_client};

use super::hostagent::Measuring;
use crate::{exit::CommandError, output};

/// The arguments of `paramedic top`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic top\n  paramedic top --once --json\n  paramedic top --waits 20\n\n\
                        Keys: w by wait, p by p99, m by memory, n by name; up and down select; q ends")]
pub(crate) struct Top {
    /// A running host agent to ask; without one, `top` measures by itself, which needs root
    #[arg(long, value_name = "URL")]
    agent: Option<String>,
    /// Print one period and exit
    #[arg(long)]
    once: bool,
    /// Print JSON: with --once one document, else one a line
    #[arg(long)]
    json: bool,
    /// Print each wait as it ends, at most N a second for each cgroup and CPU; needs eBPF
    #[arg(long, value_name = "N", conflicts_with_all = ["agent", "once"])]
    waits: Option<u32>,
    #[command(flatten)]
    measuring: Measuring,
}

/// Where snapshots come from.
enum Origin {
    /// Measured by this process.
    Own(Box<Collector>, Clock),
    /// A running agent.
    Agent { http: reqwest::Client, url: String, runtime: tokio::runtime::Runtime },
}

/// Shows what is seen until it is told to stop.
pub(crate) fn run(arguments: &Top, clock: Clock) -> Result<ExitCode, CommandError> {
    let mut origin = Origin::open(arguments, clock)?;
    let period = Duration::from_secs(arguments.measuring.period);
    if let (Some(per_second), Origin::Own(collector, _)) = (arguments.waits, &mut origin) {
        waits::run(collector, per_second, arguments.json)?;
    }
    if arguments.once {
        let snapshot = origin.after(period)?;
        if arguments.json {
            output::print_json(&snapshot)?;
        } else {
            output::print(&table::text(&snapshot))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.json || !std::io::stdout().is_terminal() {
        loop {
            let snapshot = origin.after(period)?;
            let json = || serde_json::to_string(&snapshot).map_err(anyhow::Error::from);
            let text = if arguments.json { json()? } else { table::text(&snapshot) };
            output::print(&text)?;
        }
    }
    screen::run(&mut origin, period)?;
    Ok(ExitCode::SUCCESS)
}

impl Origin {
    fn open(arguments: &Top, clock: Clock) -> Result<Self, CommandError> {
        let Some(agent) = &arguments.agent else {
            let config = arguments.measuring.config();
            let mut collector = Collector::start(host::name(), config);
            // Whoever looks wants to know what looking costs.
            collector.count_cost(true);
            for reason in collector.does_without() {
                output::tell(&format!("does without {reason}"));
            }
            return Ok(Self::Own(Box::new(collector), clock));
        };
        let http = http_client(Timeouts::default())?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
        Ok(Self::Agent { http, url: format!("{}/v1/snapshot", agent.trim_end_matches('/')), runtime })
    }

    /// Waits for the period to end, and looks.
    fn after(&mut self, period: Duration) -> Result<Snapshot, CommandError> {
        let start = Instant::now();
        if matches!(self, Self::Own(..)) {
            std::thread::sleep(period.saturating_sub(start.elapsed()));
            return self.look();
        }
        let snapshot = self.look()?;
        std::thread::sleep(period.saturating_sub(start.elapsed()));
        Ok(snapshot)
    }

    /// Looks now.
    fn look(&mut self) -> Result<Snapshot, CommandError> {
        match self {
            Self::Own(collector, clock) => Ok(collector.collect(clock.now())),
            Self::Agent { http, url, runtime } => runtime.block_on(async {
                let unreachable = |error: reqwest::Error| {
                    CommandError::Unreachable(format!(
                        "{url}: {}; start one with `paramedic hostagent`",
                        error.without_url()
                    ))
                };
                let answer = http.get(url.as_str()).send().await.map_err(unreachable)?;
                let answer = answer.error_for_status().map_err(unreachable)?;
                answer.json().await.map_err(unreachable)
            }),
        }
    }
}
