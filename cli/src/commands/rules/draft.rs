//! `paramedic rules draft`: a rule for a group of unclassified failures.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use paramedic_rules::{LogText, RuleSet};
use paramedic_service::UnclassifiedQuery;
use paramedic_templates::draft::{Draft, Group, draft};
use serde::Serialize;

use super::inbox::no_group;
use crate::{
    exit::CommandError,
    output,
    server::{ASK_TIMEOUT, Server},
};

/// The arguments of `paramedic rules draft`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules draft ca978112ca1b --output rules/90-feeds.yaml")]
pub(super) struct DraftRule {
    /// The server
    #[command(flatten)]
    server: Server,
    /// The group, as `paramedic rules inbox` lists it
    #[arg(value_name = "GROUP")]
    group: String,
    /// Write the rule to this new file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer<'d> {
    name: &'d str,
    yaml: &'d str,
    to_review: &'d [String],
}

/// Asks for the group, drafts, checks the draft together with the rules that there are, and prints or writes it.
pub(super) async fn run(
    arguments: &DraftRule,
    rules: impl FnOnce() -> Result<RuleSet, CommandError>,
    json: bool,
) -> Result<(), CommandError> {
    let client = arguments.server.client(ASK_TIMEOUT)?;
    let detail = client.unclassified_group(&arguments.group).await?.ok_or_else(|| no_group(&arguments.group))?;
    let others = client.unclassified(&UnclassifiedQuery { limit: Some(100), ..UnclassifiedQuery::default() }).await?;
    let others: Vec<_> =
        others.items.into_iter().filter(|other| other.group != arguments.group).map(|other| other.template).collect();
    let samples: Vec<_> = detail.samples.into_iter().filter_map(|sample| sample.excerpt).collect();
    let rules = rules()?;
    let taken: Vec<_> = rules.rules().iter().map(|rule| rule.name.clone()).collect();
    let group = Group { template: &detail.group.template, samples: &samples, others: &others };
    let draft = draft(&group, &taken).map_err(|error| CommandError::No(error.to_string()))?;
    check_with(&rules, &draft)?;

    if let Some(path) = &arguments.output {
        let mut file = fs::File::create_new(path)
            .map_err(|error| CommandError::Usage(format!("--output {}: {error}", path.display())))?;
        std::io::Write::write_all(&mut file, draft.yaml.as_bytes())
            .with_context(|| format!("--output {}", path.display()))?;
    }
    if json {
        let Draft { name, yaml, to_review } = &draft;
        return Ok(output::print_json(&Answer { name, yaml, to_review })?);
    }
    if arguments.output.is_none() {
        output::print(&draft.yaml)?;
    }
    for part in &draft.to_review {
        output::tell(&format!("see to {part}"));
    }
    Ok(())
}

/// Does an earlier rule decide the draft's own example?
fn check_with(rules: &RuleSet, draft: &Draft) -> Result<(), CommandError> {
    let drafted = [("draft.yaml".to_owned(), draft.yaml.clone())];
    let drafted = RuleSet::from_sources(&drafted).map_err(|errors| CommandError::No(errors.to_string()))?;
    for rule in drafted.rules() {
        for example in &rule.examples.hits {
            let Some(log) = rule.log.first().copied() else { continue };
            let log = LogText { log, name: "example".to_owned(), text: example.text.clone() };
            if let Some(other) = rules.classify(&[log], None).rule {
                return Err(CommandError::No(format!(
                    "the rule {other} decides the draft's example already: `{}`; widen that rule instead",
                    example.text
                )));
            }
        }
    }
    Ok(())
}
