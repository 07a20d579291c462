//! `paramedic right-sizing`: less memory for jobs that succeed.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use paramedic_domain::right_sizing::{RightSizingApplied, RightSizingProposal, RightSizingRequest};
use paramedic_service::RightSizingQuery;

use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic right-sizing`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic right-sizing list --workflow daily_sales\n  \
                        paramedic right-sizing apply --workflow daily_sales --job orders")]
pub(crate) struct RightSizing {
    /// The server
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to do
    #[command(subcommand)]
    command: RightSizingCommand,
}

#[derive(Debug, Subcommand)]
enum RightSizingCommand {
    /// List the jobs that could run with less memory
    #[command(after_help = "Example:\n  paramedic right-sizing list --json")]
    List {
        /// Of this workflow only
        #[arg(long, value_name = "NAME")]
        workflow: Option<String>,
        /// Of this job only
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
        /// So many jobs at most
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Where the page before ended
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Take the next step, as a patch; the first failure for want of memory takes it back
    #[command(after_help = "Example:\n  paramedic right-sizing apply --workflow daily_sales --job orders")]
    Apply {
        /// Of this workflow
        #[arg(long, value_name = "NAME", required_unless_present = "job")]
        workflow: Option<String>,
        /// This job
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
}

/// Asks and prints.
pub(crate) async fn run(arguments: RightSizing) -> Result<ExitCode, CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    match arguments.command {
        RightSizingCommand::List { workflow, job, limit, cursor } => {
            let query = RightSizingQuery { scheduler: None, workflow, job, limit: Some(limit), cursor };
            let page = client.right_sizing(&query).await?;
            if arguments.json {
                output::print_json(&page)?;
                return Ok(ExitCode::SUCCESS);
            }
            let rows: Vec<_> = page.items.iter().flat_map(rows).collect();
            let headers = ["workflow", "job", "key", "now", "next", "peak", "fails with", "USD a run"];
            output::print(&output::table(&headers, &rows))?;
            output::tell_next_page(page.next_cursor.as_deref());
        }
        RightSizingCommand::Apply { workflow, job } => {
            let applied = client.apply_right_sizing(&RightSizingRequest { scheduler: None, workflow, job }).await?;
            if arguments.json {
                output::print_json(&applied)?;
            } else if applied.items.is_empty() {
                output::print("there is no step to take")?;
            } else {
                output::print(&applied.items.iter().map(told).collect::<Vec<_>>().join("\n"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(proposal: &RightSizingProposal) -> Vec<Vec<String>> {
    let mebibytes = |bytes: u64| format!("{}m", bytes >> 20);
    let saved = proposal.saved_usd_per_run.map_or_else(|| "-".to_owned(), |saved| format!("{saved:.4}"));
    proposal
        .changes
        .iter()
        .map(|change| {
            vec![
                proposal.workflow.clone(),
                proposal.job.clone(),
                change.key.clone(),
                mebibytes(change.from_bytes),
                mebibytes(change.to_bytes),
                mebibytes(change.peak_bytes),
                format!("{:.1} %", change.failure_probability * 100.0),
                saved.clone(),
            ]
        })
        .collect()
}

fn told(applied: &RightSizingApplied) -> String {
    let RightSizingProposal { workflow, job, explanation, .. } = &applied.proposal;
    let became = match (&applied.patch, &applied.refused) {
        (Some(patch), _) => format!("patch {}", patch.id),
        (None, refused) => format!("not applied: {}", refused.as_deref().unwrap_or("no reason was given")),
    };
    format!("{workflow} / {job}: {became}\n  {}", explanation.join("\n  "))
}
