//! `paramedic audit`: who changed what, when and why.

use std::process::ExitCode;

use clap::Args;
use paramedic_domain::{AuditEntry, AuditKind, Clock, FailureId};
use paramedic_service::AuditQuery;

use super::patches::seconds;
use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic audit`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic audit --since 7d\n  \
                        paramedic audit --kind patch --subject 0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55 --json")]
pub(crate) struct Audit {
    #[command(flatten)]
    server: Server,
    /// Print JSON, with what each was before and after
    #[arg(long)]
    json: bool,
    /// Changes of this only: patch, policy, freeze or token
    #[arg(long, value_name = "KIND")]
    kind: Option<AuditKind>,
    /// Changes of the patch, freeze or token of this id only
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// By this actor only
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// That the decision on this failure led to only
    #[arg(long, value_name = "FAILURE")]
    decision: Option<FailureId>,
    /// Of the last 90s, 30m, 12h, 7d or 2w only
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    since: Option<i64>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Asks and prints.
pub(crate) async fn run(arguments: Audit, clock: Clock) -> Result<ExitCode, CommandError> {
    let Audit { server, json, kind, subject, actor, decision, since, limit, cursor } = arguments;
    let since = since.map(|seconds| clock.now().plus_seconds(-seconds));
    let limit = Some(limit);
    let query = AuditQuery { kind, subject, actor, decision_id: decision, since, until: None, limit, cursor };
    let page = server.client(ASK_TIMEOUT)?.audit(&query).await?;
    if json {
        output::print_json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = page.items.iter().map(row).collect();
    output::print(&output::table(&["when", "who", "what", "which", "change", "why"], &rows))?;
    output::tell_next_page(page.next_cursor.as_deref());
    Ok(ExitCode::SUCCESS)
}

fn row(entry: &AuditEntry) -> Vec<String> {
    vec![
        entry.changed_at.to_string(),
        output::shown(&entry.actor, 40),
        entry.kind.to_string(),
        entry.subject.clone(),
        entry.change.clone(),
        output::shown(entry.reason.as_deref().unwrap_or_default(), 60),
    ]
}
