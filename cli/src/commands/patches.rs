//! `paramedic patches`: the changes in force, and the operator's own.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use paramedic_domain::{Clock, NewPatch, Patch, PatchChange, PatchId, Scope, Timestamp, patch::PatchStatus};
use paramedic_service::PatchQuery;
use serde_json::{Value, json};

use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

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
    Revoke {
        /// The patch
        #[arg(value_name = "ID")]
        id: PatchId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
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
    /// In this state only: active, paused, expired or revoked
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

#[derive(Debug, Args)]
struct Create {
    /// Which jobs: scheduler, cluster, workflow, job, run, user, `after_attempt` or label.NAME; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = key_and_value)]
    scope: Vec<(String, String)>,
    /// A key to set; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value, required_unless_present = "unset")]
    set: Vec<(String, String)>,
    /// A key to remove; may be repeated
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who wants it
    #[arg(long, value_name = "NAME", default_value = "operator")]
    source: String,
    /// Until when it applies, from now: 90s, 30m, 12h, 7d or 2w
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    expires_in: Option<i64>,
    /// To how many starts it applies
    #[arg(long, value_name = "N")]
    max_uses: Option<u32>,
    /// Among equally specific scopes the higher priority has the last word
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
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
        PatchesCommand::Revoke { id, reason } => tell_one(&client.revoke_patch(id, reason.as_deref()).await?, json)?,
    }
    Ok(ExitCode::SUCCESS)
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

impl Create {
    fn patch(self, now: Timestamp) -> Result<NewPatch, CommandError> {
        let path = |key: &str| format!("/{}", paramedic_domain::validation::escape_pointer_token(key));
        let set = self.set.iter().map(|(key, value)| json!({"op": "add", "path": path(key), "value": value}));
        let unset = self.unset.iter().map(|key| json!({"op": "remove", "path": path(key)}));
        let operations = Value::Array(set.chain(unset).collect());
        Ok(NewPatch {
            scope: scope(self.scope)?,
            patch: serde_json::from_value(operations).map_err(|error| CommandError::Usage(error.to_string()))?,
            source: self.source,
            reason: self.reason,
            priority: self.priority,
            expires_at: self.expires_in.map(|seconds| now.plus_seconds(seconds)),
            max_uses: self.max_uses,
        })
    }
}

fn scope(fields: Vec<(String, String)>) -> Result<Scope, CommandError> {
    let mut scope = Scope::default();
    for (field, value) in fields {
        match field.as_str() {
            "scheduler" => scope.scheduler = Some(value),
            "cluster" => scope.cluster = Some(value),
            "workflow" => scope.workflow = Some(value),
            "job" => scope.job = Some(value),
            "run" => scope.run = Some(value),
            "user" => scope.user = Some(value),
            "after_attempt" => {
                let attempt = value.parse().map_err(|_| {
                    CommandError::Usage(format!("--scope after_attempt={value}: give an attempt, such as 1"))
                })?;
                scope.after_attempt = Some(attempt);
            }
            other => match other.strip_prefix("label.") {
                Some(label) if !label.is_empty() => {
                    scope.labels.insert(label.to_owned(), value);
                }
                _ => {
                    return Err(CommandError::Usage(format!(
                        "--scope {other}=…: give scheduler, cluster, workflow, job, run, user, after_attempt or label.NAME"
                    )));
                }
            },
        }
    }
    Ok(scope)
}

/// `KEY=VALUE`, cut at the first `=`.
pub(crate) fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// A duration as `90s`, `30m`, `12h`, `7d` or `2w`, in seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let mend = || "write 90s, 30m, 12h, 7d or 2w".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(mend)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(mend()),
    };
    let number: i64 = number.parse().map_err(|_| mend())?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(mend)
}

fn row(patch: &Patch) -> Vec<String> {
    vec![
        patch.id.to_string(),
        patch.status.to_string(),
        patch.content.source.clone(),
        scope_text(&patch.content.scope),
        changes(patch).join(", "),
        patch.uses.to_string(),
        patch.content.expires_at.map_or_else(|| "never".to_owned(), |time| time.to_string()),
    ]
}

/// A scope as `--scope` takes it.
fn scope_text(scope: &Scope) -> String {
    let names = [
        ("scheduler", &scope.scheduler),
        ("cluster", &scope.cluster),
        ("workflow", &scope.workflow),
        ("job", &scope.job),
        ("run", &scope.run),
        ("user", &scope.user),
    ];
    let names = names.into_iter().filter_map(|(field, name)| Some(format!("{field}={}", name.as_ref()?)));
    let labels = scope.labels.iter().map(|(label, value)| format!("label.{label}={value}"));
    let after = scope.after_attempt.map(|attempt| format!("after_attempt={attempt}"));
    let fields: Vec<_> = names.chain(labels).chain(after).collect();
    if fields.is_empty() { "every job".to_owned() } else { fields.join(" ") }
}

fn changes(patch: &Patch) -> Vec<String> {
    let Ok(Value::Array(operations)) = serde_json::to_value(&patch.content.patch) else { return Vec::new() };
    operations.iter().map(operation_text).collect()
}

fn operation_text(operation: &Value) -> String {
    let text = |field: &str| operation[field].as_str().unwrap_or_default().to_owned();
    let key = text("path").trim_start_matches('/').replace("~1", "/").replace("~0", "~");
    match operation["op"].as_str() {
        Some("add" | "replace") => format!("{key}={}", text("value")),
        Some("remove") => format!("no {key}"),
        Some("test") => format!("if {key}={}", text("value")),
        _ => operation.to_string(),
    }
}

fn whole(patch: &Patch, history: &[PatchChange]) -> String {
    let content = &patch.content;
    let mut lines = vec![
        format!("patch {}, {}, version {}", patch.id, patch.status, patch.version),
        format!("  scope: {}", scope_text(&content.scope)),
        format!("  wanted by {}, created by {} at {}", content.source, patch.created_by, patch.created_at),
    ];
    lines.extend(content.reason.iter().map(|reason| format!("  because: {}", output::shown(reason, 300))));
    lines.extend(changes(patch).iter().map(|change| format!("  {change}")));
    let expiry = content.expires_at.map_or_else(|| "never expires".to_owned(), |time| format!("expires {time}"));
    let uses = content.max_uses.map_or_else(String::new, |max| format!(" of {max}"));
    lines.push(format!("  {expiry}, used {}{uses} times, priority {}", patch.uses, content.priority));
    lines.extend(history.iter().map(|change| {
        let reason =
            change.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", output::shown(reason, 200)));
        format!("  {} {} by {}{reason}", change.changed_at, change.change, change.actor)
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("90s"), Ok(90));
        for wrong in ["", "7", "d", "-1d", "0s", "9223372036854775807w", "7é"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_scope_is_given_by_its_fields() {
        let fields = [("workflow", "w"), ("after_attempt", "2"), ("label.team", "core")];
        let given = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).to_vec();
        let scope = scope(given).unwrap();
        assert_eq!((scope.workflow.as_deref(), scope.after_attempt), (Some("w"), Some(2)));
        assert_eq!(scope.labels["team"], "core");
        assert_eq!(scope_text(&scope), "workflow=w label.team=core after_attempt=2");
    }

    #[test]
    fn a_wrong_scope_field_is_told_with_the_right_ones() {
        let error = scope(vec![("team".to_owned(), "core".to_owned())]).unwrap_err().to_string();
        assert!(error.contains("label.NAME"), "{error}");
    }
}
