//! `paramedic failures`: what failed, and what was decided.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use paramedic_domain::{Category, Decision, FailureId, LedgerLine, Timestamp};
use paramedic_service::FailureQuery;

use crate::{
    decision_text,
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic failures`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic failures list --workflow daily_sales --limit 10\n  \
                        paramedic failures show 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55")]
pub(crate) struct Failures {
    /// The server
    #[command(flatten)]
    server: Server,
    /// What to do
    #[command(subcommand)]
    command: FailuresCommand,
}

#[derive(Debug, Subcommand)]
enum FailuresCommand {
    /// List failures, newest first
    #[command(after_help = "Example:\n  paramedic failures list --category memory_configuration --json")]
    List(List),
    /// Show one failure and everything that followed from it
    #[command(after_help = "Example:\n  paramedic failures show 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55")]
    Show {
        /// The failure
        #[arg(value_name = "ID")]
        id: FailureId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Of this workflow only
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Of this job only
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Of this class only
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Of this category only
    #[arg(long, value_name = "CATEGORY")]
    category: Option<Category>,
    /// Decided at or after this time, as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(crate) async fn run(arguments: Failures) -> Result<ExitCode, CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    match arguments.command {
        FailuresCommand::List(list) => {
            let query = FailureQuery {
                workflow: list.workflow,
                job: list.job,
                class: list.class,
                category: list.category,
                since: list.since,
                limit: Some(list.limit),
                cursor: list.cursor,
            };
            let page = client.failures(&query).await?;
            if list.json {
                output::print_json(&page)?;
                return Ok(ExitCode::SUCCESS);
            }
            let rows: Vec<_> = page.items.iter().map(row).collect();
            let headers = ["failure", "decided", "workflow", "job", "run", "attempt", "class", "action"];
            output::print(&output::table(&headers, &rows))?;
            output::tell_next_page(page.next_cursor.as_deref());
        }
        FailuresCommand::Show { id, json } => {
            let line = client.ledger(id).await?.ok_or_else(|| {
                CommandError::No(format!("there is no failure {id}; `paramedic failures list` lists them"))
            })?;
            if json {
                output::print_json(&line)?;
            } else {
                output::print(&whole(&line))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(decision: &Decision) -> Vec<String> {
    let job = &decision.job;
    vec![
        decision.failure_id.to_string(),
        decision.decided_at.to_string(),
        job.workflow.clone(),
        job.job.clone(),
        job.run.clone(),
        job.attempt.to_string(),
        decision.classification.class.clone(),
        decision.action.to_string(),
    ]
}

fn whole(line: &LedgerLine) -> String {
    let decision = &line.decision;
    let job = &decision.job;
    let mut lines = vec![
        format!("failure {}, decided {}", decision.failure_id, decision.decided_at),
        format!("{} / {} / {}, run {}, attempt {}", job.scheduler, job.workflow, job.job, job.run, job.attempt),
    ];
    lines.extend(decision_text::decision(decision, None));
    if let Some(withheld) = decision.withheld {
        lines.push(format!("held out as control: {withheld} was not given"));
    }
    for (what, patch) in [("for the retry", &line.retry_patch), ("for the job", &line.job_patch)] {
        if let Some(patch) = patch {
            let until = patch.content.expires_at.map_or_else(String::new, |end| format!(", until {end}"));
            lines.push(format!("patch {what}: {} is {}{until}", patch.id, patch.status));
        }
    }
    if let Some(retry) = &line.retry {
        let class = retry.class.as_ref().map_or_else(String::new, |class| format!(" with {class}"));
        let cost = retry.cost_usd.map_or_else(String::new, |cost| format!(", {cost:.4} USD"));
        lines.push(format!("attempt {} {}{class}{cost}", retry.job.attempt, retry.status));
    }
    lines.push(format!("outcome: {}", line.outcome));
    lines.join("\n")
}
