//! `paramedic submit`: runs a Spark job in the foreground, and heals it when it fails.

mod capture;
mod child;
mod command;
mod event_log;
mod evidence;
mod healing;
mod identity;
mod redaction;
mod signals;
mod story;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use paramedic_domain::{
    Clock, Job, Validate as _,
    validation::{Violation, validate_name},
};

use self::{command::JobCommand, healing::Healing, identity::GivenNames, signals::Signals};
use super::patches::key_and_value;
use crate::{exit::CommandError, output, server::Server};

/// The job waits for nothing longer than this before it starts.
const MUTATE_TIMEOUT: Duration = Duration::from_secs(2);
/// A report carries megabytes of logs, and its answer a search.
const REPORT_TIMEOUT: Duration = Duration::from_secs(15);

/// The arguments of `paramedic submit`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  paramedic submit -- spark-submit --master yarn --executor-memory 512m job.py 2026-01-31\n  \
                        paramedic submit --workflow daily_sales --job orders --run 2026-01-31 -- spark-submit job.py\n\n\
                        Exits with the job's own exit code. Without a server the job runs as it was written"
)]
pub(crate) struct Submit {
    /// The server
    #[command(flatten)]
    server: Server,
    /// The scheduler that runs the job [default: spark-submit]
    #[arg(long, value_name = "NAME", value_parser = name)]
    scheduler: Option<String>,
    /// The cluster that it runs on
    #[arg(long, value_name = "NAME", value_parser = name)]
    cluster: Option<String>,
    /// The workflow that it belongs to [default: the application's name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    workflow: Option<String>,
    /// The job within the workflow [default: the application's name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    job: Option<String>,
    /// The run of the workflow: a date, a run id [default: the time and the process id]
    #[arg(long, value_name = "NAME", value_parser = name)]
    run: Option<String>,
    /// Which attempt of the run the first one is, where the scheduler retries too
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    attempt: u32,
    /// A label to scope patches by; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = key_and_value)]
    labels: Vec<(String, String)>,
    /// Retries after the first attempt, at most
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=100))]
    max_retries: u32,
    /// Do not let Spark write an event log, which tells how much memory the job really used
    #[arg(long)]
    no_event_log: bool,
    /// Write the story of all attempts to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The command that runs the job
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn name(text: &str) -> Result<String, String> {
    let mut violations = Vec::new();
    validate_name(text, "", &mut violations);
    match violations.pop() {
        Some(Violation { detail, .. }) => Err(detail),
        None => Ok(text.to_owned()),
    }
}

/// Runs the job, until it succeeds or nothing more helps.
pub(crate) async fn run(arguments: Submit, clock: Clock) -> Result<ExitCode, CommandError> {
    let mut signals = Signals::catch()?;
    let command = JobCommand::parse(&arguments.command);
    if command.starts_no_job() {
        let ended = child::run_as_written(command.words(), &mut signals).await;
        return Ok(code(
            ended.map_or_else(|error| child::cannot_start(command.words(), &error), |ending| ending.exit_code),
        ));
    }
    let job = job_of(&arguments, &command, &clock)?;
    let healing = Healing {
        mutate_client: arguments.server.client(MUTATE_TIMEOUT)?,
        report_client: arguments.server.client(REPORT_TIMEOUT)?,
        max_retries: arguments.max_retries,
        wants_event_log: !arguments.no_event_log,
        command,
        clock,
        signals,
    };
    let story = healing.run(job).await;
    if let Some(path) = &arguments.report
        && let Err(error) = story.write(path)
    {
        output::tell(&format!("the report {} could not be written: {error}", path.display()));
    }
    Ok(code(story.exit_code))
}

fn job_of(arguments: &Submit, command: &JobCommand, clock: &Clock) -> Result<Job, CommandError> {
    let given = GivenNames {
        scheduler: arguments.scheduler.clone(),
        cluster: arguments.cluster.clone(),
        workflow: arguments.workflow.clone(),
        job: arguments.job.clone(),
        run: arguments.run.clone(),
        labels: arguments.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
    };
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    let mut job = identity::job(given, &command.application_name(), user, clock.now(), std::process::id());
    job.attempt = arguments.attempt;
    match job.violations().first() {
        Some(violation) => Err(CommandError::Usage(format!("{}: {}", violation.pointer, violation.detail))),
        None => Ok(job),
    }
}

/// Exit codes have one byte.
fn code(exit_code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(exit_code & 0xff).unwrap_or(1))
}
