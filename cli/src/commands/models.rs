//! `paramedic models`: the models, and the one in use.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use paramedic_domain::{model::ModelListing, shadow::ShadowReport};

use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic models`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic models list\n  paramedic models promote base-1")]
pub(crate) struct Models {
    /// The server
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to do
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the model versions, newest first
    #[command(after_help = "Example:\n  paramedic models list --json")]
    List,
    /// Show one version: what it was trained on, and the audit it passed
    #[command(after_help = "Example:\n  paramedic models show base-1")]
    Show {
        /// The version
        version: String,
    },
    /// Use this version from now on
    #[command(after_help = "Example:\n  paramedic models promote base-1")]
    Promote {
        /// The version
        version: String,
    },
    /// Let a version score live requests without deciding, and show what it would have decided
    #[command(
        after_help = "Example:\n  paramedic models shadow 2026-01-31T02-00-00Z\n  paramedic models shadow\n  paramedic models shadow --stop"
    )]
    Shadow {
        /// The version; without one, what the challenger would have decided is shown
        version: Option<String>,
        /// Stop it
        #[arg(long, conflicts_with = "version")]
        stop: bool,
    },
    /// Use the version before the one in use again
    #[command(after_help = "Example:\n  paramedic models rollback")]
    Rollback,
}

/// Asks and prints.
pub(crate) async fn run(arguments: Models) -> Result<ExitCode, CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    let listing = match arguments.command {
        ModelsCommand::List => {
            let page = client.models().await?;
            if arguments.json {
                output::print_json(&page)?;
            } else {
                let rows: Vec<_> = page.items.iter().map(row).collect();
                let headers = ["version", "in use", "source", "records", "trained", "AUC", "calibration error"];
                output::print(&output::table(&headers, &rows))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        ModelsCommand::Show { version } => client.model(&version).await?.ok_or_else(|| {
            CommandError::No(format!("there is no model {version}; `paramedic models list` lists them"))
        })?,
        ModelsCommand::Promote { version } => client.promote_model(&version).await?,
        ModelsCommand::Rollback => client.rollback_model().await?,
        ModelsCommand::Shadow { version: Some(version), .. } => client.shadow_model(&version).await?,
        ModelsCommand::Shadow { version: None, stop: true } => {
            client.stop_shadow().await?;
            return Ok(ExitCode::SUCCESS);
        }
        ModelsCommand::Shadow { version: None, stop: false } => {
            let report = client.shadow_report().await?;
            if arguments.json {
                output::print_json(&report)?;
            } else {
                output::print(&shadow(&report))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    if arguments.json {
        output::print_json(&listing)?;
    } else {
        output::print(&whole(&listing))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(listing: &ModelListing) -> Vec<String> {
    let manifest = &listing.manifest;
    vec![
        manifest.version.clone(),
        in_use(listing).to_owned(),
        manifest.source.clone(),
        manifest.record_count.to_string(),
        manifest.trained_at.map_or_else(|| "-".to_owned(), |time| time.to_string()),
        format!("{:.3}", manifest.audit.auc),
        format!("{:.3}", manifest.audit.calibration_error),
    ]
}

const fn in_use(listing: &ModelListing) -> &'static str {
    match (listing.champion, listing.challenger) {
        (true, _) => "yes",
        (false, true) => "shadow",
        (false, false) => "",
    }
}

fn shadow(report: &ShadowReport) -> String {
    let Some(challenger) = &report.challenger else { return "nothing is shadowed".to_owned() };
    let mut lines = vec![format!(
        "{challenger}: {} requests; {} with the same action, {} with the same configuration",
        report.decisions, report.same_action, report.same_config
    )];
    for pair in report.actions.iter().filter(|pair| pair.champion != pair.challenger) {
        lines.push(format!("  {} × {} where {} was decided", pair.decisions, pair.challenger, pair.champion));
    }
    if let Some(ratio) = report.cost_ratio {
        lines.push(format!("  its choices cost {ratio:.3} times the given ones, as it expects"));
    }
    if let (Some(own), Some(champion)) = (report.log_loss, report.champion_log_loss) {
        lines.push(format!(
            "  on {} retries ({} failed): log loss {own:.4}, the champion's {champion:.4}",
            report.outcomes, report.failed
        ));
    }
    lines.join("\n")
}

fn whole(listing: &ModelListing) -> String {
    let (manifest, audit) = (&listing.manifest, &listing.manifest.audit);
    let mut lines = vec![
        format!("{}{}", manifest.version, if listing.champion { ", in use" } else { "" }),
        format!("  trained on {} {} records, seed {}", manifest.record_count, manifest.source, manifest.seed),
        format!(
            "  audited on {} records: AUC {:.3}, calibration error {:.3}",
            audit.records, audit.auc, audit.calibration_error
        ),
        format!(
            "  median cost error {:.1} %, monotonicity violations {}",
            audit.cost_error_median * 100.0,
            audit.monotonicity_violations
        ),
    ];
    if let Some(parent) = &manifest.parent_version {
        lines.push(format!("  after {parent}"));
    }
    lines.extend(
        audit.checks.iter().map(|(check, passed)| format!("  {} {check}", if *passed { "passed" } else { "FAILED" })),
    );
    lines.join("\n")
}
