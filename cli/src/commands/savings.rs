//! `paramedic savings`: what was healed, what was not retried, and the money, against the control.

use std::process::ExitCode;

use clap::Args;
use paramedic_domain::{
    Timestamp,
    savings::{Estimate, SavingsArm, SavingsReport},
};
use paramedic_service::SavingsQuery;

use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic savings`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic savings --since 2026-01-01T00:00:00Z\n\n\
                        Money is measured against the jobs that `serve --control-share` holds out")]
pub(crate) struct Savings {
    /// The server
    #[command(flatten)]
    server: Server,
    /// Failures decided at or after this time [default: 30 days ago]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Of this workflow only
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Of this job only
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(crate) async fn run(arguments: Savings) -> Result<ExitCode, CommandError> {
    let query = SavingsQuery { since: arguments.since, workflow: arguments.workflow, job: arguments.job };
    let report = arguments.server.client(ASK_TIMEOUT)?.savings(&query).await?;
    if arguments.json {
        output::print_json(&report)?;
    } else {
        output::print(&text(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &SavingsReport) -> String {
    let row = |name: &str, of: &dyn Fn(&SavingsArm) -> String| {
        vec![name.to_owned(), of(&report.treated), of(&report.control)]
    };
    let rows = [
        row("jobs with failed runs", &|arm| arm.jobs.to_string()),
        row("failed runs", &|arm| arm.failed_runs.to_string()),
        row("of those recovered", &|arm| arm.recovered_runs.to_string()),
        row("failures healed", &|arm| arm.healed.to_string()),
        row("failures not retried", &|arm| arm.not_retried.to_string()),
        row("retries", &|arm| arm.retries.to_string()),
        row("first failures, USD", &|arm| format!("{:.2}", arm.failed_usd)),
        row("attempts after them, USD", &|arm| format!("{:.2}", arm.retry_usd)),
    ];
    let mut lines = vec![format!("{} to {}", report.since, report.until)];
    lines.push(output::table(&["", "looked after", "control"], &rows).trim_end().to_owned());
    if let Some(Estimate { value, low, high }) = report.saved_usd {
        lines.push(format!("saved: {value:.2} USD (95 % interval {low:.2} to {high:.2})"));
    }
    if let Some(Estimate { value, low, high }) = report.recovered_share_rise {
        let percent = |share: f64| share * 100.0;
        lines.push(format!(
            "more runs recovered: {:+.1} points (95 % interval {:+.1} to {:+.1})",
            percent(value),
            percent(low),
            percent(high)
        ));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}
