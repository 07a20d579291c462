//! `paramedic rules inbox`: what no rule classifies, by what it costs.

use clap::Args;
use paramedic_domain::{Timestamp, UnclassifiedDetail, UnclassifiedGroup};
use paramedic_service::UnclassifiedQuery;

use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// Widest template in the table, in characters.
const TEMPLATE_SHOWN_MAX: usize = 100;

/// The arguments of `paramedic rules inbox`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  paramedic rules inbox --since 2026-01-01T00:00:00Z\n  paramedic rules inbox ca978112ca1b"
)]
pub(super) struct Inbox {
    /// The server
    #[command(flatten)]
    server: Server,
    /// Show this group and excerpts of its failures
    #[arg(value_name = "GROUP")]
    group: Option<String>,
    /// Count failures decided at or after this time only, as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Also groups that the rules in force would classify by now
    #[arg(long)]
    matched: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Asks and prints.
pub(super) async fn run(arguments: &Inbox, json: bool) -> Result<(), CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    if let Some(group) = &arguments.group {
        let detail = client.unclassified_group(group).await?.ok_or_else(|| no_group(group))?;
        let printed = if json { output::print_json(&detail) } else { output::print(&whole(&detail)) };
        return Ok(printed?);
    }
    let query = UnclassifiedQuery {
        since: arguments.since,
        matched: arguments.matched.then_some(true),
        limit: Some(arguments.limit),
        cursor: arguments.cursor.clone(),
    };
    let page = client.unclassified(&query).await?;
    if json {
        return Ok(output::print_json(&page)?);
    }
    let rows: Vec<_> = page.items.iter().enumerate().map(|(index, group)| row(index + 1, group)).collect();
    let headers = ["rank", "group", "failures", "jobs", "cost", "last seen", "template"];
    output::print(&output::table(&headers, &rows))?;
    output::tell_next_page(page.next_cursor.as_deref());
    Ok(())
}

/// What is said of a group that is not there.
pub(super) fn no_group(group: &str) -> CommandError {
    CommandError::No(format!("there is no group {group}; `paramedic rules inbox` lists them"))
}

fn row(rank: usize, group: &UnclassifiedGroup) -> Vec<String> {
    vec![
        rank.to_string(),
        group.group.clone(),
        group.failures.to_string(),
        group.jobs.to_string(),
        format!("${:.2}", group.cost_usd),
        group.last_seen.to_string(),
        output::shown(&group.template, TEMPLATE_SHOWN_MAX),
    ]
}

fn whole(detail: &UnclassifiedDetail) -> String {
    let group = &detail.group;
    let mut text = format!(
        "group {}: {} failures of {} jobs, ${:.2}, {} to {}\n{}\n",
        group.group,
        group.failures,
        group.jobs,
        group.cost_usd,
        group.first_seen,
        group.last_seen,
        output::shown(&group.template, 400)
    );
    if let Some(rule) = &group.now_matched_by {
        text.push_str(&format!("the rule {rule} matches it by now\n"));
    }
    for sample in &detail.samples {
        text.push_str(&format!(
            "\n{} {} / {}, {}\n",
            sample.failure_id, sample.workflow, sample.job, sample.decided_at
        ));
        let Some(excerpt) = &sample.excerpt else { continue };
        text.push_str(&format!("  {}, line {}\n", excerpt.log, excerpt.line));
        for line in excerpt.text.lines().take(12) {
            text.push_str(&format!("    {}\n", output::shown(line, 300)));
        }
    }
    text
}
