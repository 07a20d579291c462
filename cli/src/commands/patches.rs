//! `paramedic patches`: the changes in force, and the operator's own.

mod create;
mod text;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use paramedic_domain::{
    Clock, Configuration, Freeze, FreezeId, Job, MutateRequest, NewFreeze, Patch, PatchId, patch::PatchStatus,
};
use paramedic_service::PatchQuery;
use serde_json::json;

use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

use create::Create;
pub(crate) use create::{key_and_value, scope, seconds};
pub(crate) use text::scope_text;
use text::{entry, explanation, row, whole};

/// The arguments of `paramedic patches`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic patches list --status active\n  \
                        paramedic patches create --scope workflow=daily_sales --set spark.executor.memory=4g --expires-in 7d")]
pub(crate) struct Patches {
    /// The server
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to do
    #[command(subcommand)]
    command: PatchesCommand,
}

#[derive(Debug, Subcommand)]
enum PatchesCommand {
    /// List patches, newest first
    #[command(after_help = "Example:\n  paramedic patches list --workflow daily_sales --status active")]
    List(List),
    /// Show one patch and its history
    #[command(after_help = "Example:\n  paramedic patches show 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55")]
    Show {
        /// The patch
        #[arg(value_name = "ID")]
        id: PatchId,
    },
    /// Create a patch
    #[command(
        after_help = "Example:\n  paramedic patches create --scope workflow=daily_sales --scope job=orders \\\n    \
                            --set spark.executor.memory=4g --reason 'month end' --expires-in 7d"
    )]
    Create(Create),
    /// Take a patch back, for ever
    #[command(
        after_help = "Example:\n  paramedic patches revoke 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55 --reason 'too dear'"
    )]
    Revoke(Change),
    /// Let a patch not apply until it is resumed
    #[command(
        after_help = "Example:\n  paramedic patches pause 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55 --reason 'looks odd'"
    )]
    Pause(Change),
    /// Let a paused patch apply again
    #[command(after_help = "Example:\n  paramedic patches resume 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55")]
    Resume(Change),
    /// Let a draft apply
    #[command(after_help = "Example:\n  paramedic patches activate 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55")]
    Activate(Change),
    /// Let a patch apply for longer
    #[command(after_help = "Example:\n  paramedic patches renew 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55 --expires-in 7d")]
    Renew {
        #[command(flatten)]
        change: Change,
        /// Until when it applies, from now: 90s, 30m, 12h, 7d or 2w
        #[arg(long, value_name = "DURATION", value_parser = seconds, required_unless_present = "max_uses")]
        expires_in: Option<i64>,
        /// To how many starts it applies, those before included
        #[arg(long, value_name = "N")]
        max_uses: Option<u32>,
    },
    /// Give a patch the content of an earlier version
    #[command(after_help = "Example:\n  paramedic patches rollback 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55 --to 1")]
    Rollback {
        #[command(flatten)]
        change: Change,
        /// The version, as `paramedic patches history` counts
        #[arg(long, value_name = "VERSION")]
        to: u32,
    },
    /// Who changed a patch, when and why, newest first
    #[command(after_help = "Example:\n  paramedic patches history 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55")]
    History {
        /// The patch
        #[arg(value_name = "ID")]
        id: PatchId,
    },
    /// What a job would start with, and why
    #[command(
        after_help = "Example:\n  paramedic patches explain --scheduler airflow --workflow daily_sales --job orders \\\n    \
                            --run 2026-01-31 --attempt 2 --conf spark.executor.memory=1g"
    )]
    Explain(Explain),
    /// Let jobs start with their own configuration, until it is lifted
    #[command(after_help = "Example:\n  paramedic patches freeze --scope workflow=daily_sales --reason 'audit'\n  \
                            paramedic patches freeze --everything --reason 'incident 17'")]
    Freeze {
        /// Which jobs: scheduler, cluster, workflow, job, run, user, `after_attempt` or label.NAME; may be repeated
        #[arg(long, value_name = "FIELD=VALUE", value_parser = key_and_value, required_unless_present = "everything")]
        scope: Vec<(String, String)>,
        /// Every job
        #[arg(long, conflicts_with = "scope")]
        everything: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lift a freeze
    #[command(after_help = "Example:\n  paramedic patches unfreeze 0192d3f0-5c1e-7b7e-9d41-2f1a6a7f0c55")]
    Unfreeze {
        /// The freeze
        #[arg(value_name = "ID")]
        id: FreezeId,
    },
    /// List freezes, lifted ones too, newest first
    #[command(after_help = "Example:\n  paramedic patches freezes")]
    Freezes,
}

// No doc comment: it would be shown as the text of each command.
#[derive(Debug, Args)]
struct Change {
    /// The patch
    #[arg(value_name = "ID")]
    id: PatchId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct Explain {
    /// The job's scheduler
    #[arg(long, value_name = "NAME")]
    scheduler: String,
    /// Its workflow
    #[arg(long, value_name = "NAME")]
    workflow: String,
    /// Its name
    #[arg(long, value_name = "NAME")]
    job: String,
    /// Its run
    #[arg(long, value_name = "NAME")]
    run: String,
    /// The attempt
    #[arg(long, value_name = "N", default_value_t = 1)]
    attempt: u32,
    /// Its cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Its user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = key_and_value)]
    label: Vec<(String, String)>,
    /// A value of its own configuration; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    conf: Vec<(String, String)>,
}

impl Explain {
    fn request(self) -> MutateRequest {
        let Self { scheduler, workflow, job, run, attempt, cluster, user, label, conf } = self;
        let labels = label.into_iter().collect();
        let job = Job { scheduler, cluster, workflow, job, run, attempt, user, labels };
        MutateRequest { job, config: conf.into_iter().collect::<Configuration>(), dry_run: true }
    }
}

#[derive(Debug, Args)]
struct List {
    /// Scoped to this scheduler only
    #[arg(long, value_name = "NAME")]
    scheduler: Option<String>,
    /// Scoped to this workflow only
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Scoped to this job only
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Scoped to this run only
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// In this state only: draft, active, paused, expired, revoked or superseded
    #[arg(long, value_name = "STATUS")]
    status: Option<PatchStatus>,
    /// Wanted by this source only
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Asks and prints.
pub(crate) async fn run(arguments: Patches, clock: Clock) -> Result<ExitCode, CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    let json = arguments.json;
    match arguments.command {
        PatchesCommand::List(list) => {
            let page = client.patches(&list.query()).await?;
            if json {
                output::print_json(&page)?;
                return Ok(ExitCode::SUCCESS);
            }
            let rows: Vec<_> = page.items.iter().map(row).collect();
            let headers = ["patch", "status", "source", "scope", "change", "uses", "expires"];
            output::print(&output::table(&headers, &rows))?;
            output::tell_next_page(page.next_cursor.as_deref());
        }
        PatchesCommand::Show { id } => {
            let patch = client.patch(id).await?.ok_or_else(|| {
                CommandError::No(format!("there is no patch {id}; `paramedic patches list` lists them"))
            })?;
            let history = client.patch_history(id).await?.items;
            if json {
                output::print_json(&json!({ "patch": patch, "history": history }))?;
            } else {
                output::print(&whole(&patch, &history))?;
            }
        }
        PatchesCommand::Create(create) => {
            let patch = client.create_patch(&create.patch(clock.now())?, None).await?;
            tell_one(&patch, json)?;
        }
        PatchesCommand::Revoke(Change { id, reason }) => {
            tell_one(&client.revoke_patch(id, reason.as_deref()).await?, json)?;
        }
        PatchesCommand::Pause(Change { id, reason }) => {
            tell_one(&client.pause_patch(id, reason.as_deref()).await?, json)?;
        }
        PatchesCommand::Resume(Change { id, reason }) => {
            tell_one(&client.resume_patch(id, reason.as_deref()).await?, json)?;
        }
        PatchesCommand::Activate(Change { id, reason }) => {
            tell_one(&client.activate_patch(id, reason.as_deref()).await?, json)?;
        }
        PatchesCommand::Renew { change: Change { id, reason }, expires_in, max_uses } => {
            let end = expires_in.map(|seconds| clock.now().plus_seconds(seconds));
            tell_one(&client.renew_patch(id, end, max_uses, reason.as_deref()).await?, json)?;
        }
        PatchesCommand::Rollback { change: Change { id, reason }, to } => {
            tell_one(&client.roll_back_patch(id, to, reason.as_deref()).await?, json)?;
        }
        PatchesCommand::History { id } => {
            let page = client.patch_history(id).await?;
            tell(json, &page, || page.items.iter().map(entry).collect::<Vec<_>>().join("\n"))?;
        }
        PatchesCommand::Explain(explain) => {
            let explained = client.explain(&explain.request()).await?;
            tell(json, &explained, || explanation(&explained))?;
        }
        PatchesCommand::Freeze { scope: fields, everything: _, reason } => {
            let freeze = client.freeze(&NewFreeze { scope: scope(fields)?, reason }).await?;
            tell(json, &freeze, || freeze_text(&freeze))?;
        }
        PatchesCommand::Unfreeze { id } => {
            let freeze = client.lift_freeze(id).await?;
            tell(json, &freeze, || freeze_text(&freeze))?;
        }
        PatchesCommand::Freezes => {
            let page = client.freezes().await?;
            tell(json, &page, || page.items.iter().map(freeze_text).collect::<Vec<_>>().join("\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell<T: serde::Serialize>(json: bool, answer: &T, text: impl FnOnce() -> String) -> Result<(), CommandError> {
    if json {
        output::print_json(answer)?;
    } else {
        output::print(&text())?;
    }
    Ok(())
}

fn freeze_text(freeze: &Freeze) -> String {
    let Freeze { id, scope, created_by, created_at, .. } = freeze;
    let why = freeze.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", output::shown(reason, 200)));
    let lifted = match (&freeze.lifted_by, freeze.lifted_at) {
        (Some(who), Some(when)) => format!(", lifted by {who} at {when}"),
        _ => String::new(),
    };
    format!("freeze {id} of {}, by {created_by} at {created_at}{lifted}{why}", scope_text(scope))
}

fn tell_one(patch: &Patch, json: bool) -> Result<(), CommandError> {
    if json {
        output::print_json(patch)?;
    } else {
        output::print(&whole(patch, &[]))?;
    }
    Ok(())
}

impl List {
    fn query(self) -> PatchQuery {
        PatchQuery {
            scheduler: self.scheduler,
            workflow: self.workflow,
            job: self.job,
            run: self.run,
            status: self.status,
            source: self.source,
            limit: Some(self.limit),
            cursor: self.cursor,
        }
    }
}
