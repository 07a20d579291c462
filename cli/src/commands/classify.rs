//! `paramedic classify`: what the logs of a failure mean, without a server.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use paramedic_domain::{LogKind, classification::UNCLASSIFIED};
use paramedic_rules::RuleSet;

use super::{circumstances::CircumstanceArguments, logs};
use crate::{
    decision_text,
    exit::{CommandError, NO},
    output, packaged,
};

/// The arguments of `paramedic classify`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic classify driver.stderr work/app-20260131120000-0000/*/stderr\n  \
                        kubectl logs my-driver | paramedic classify --json -\n  \
                        paramedic classify executor-1.stderr --container executor:OOMKilled:137\n\n\
                        Exits with 1 when no rule matched")]
pub(crate) struct Classify {
    /// Log files of one failure; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The folder of rules; else ./rules, else the rules that came with this program
    #[arg(long, value_name = "DIR", env = "PARAMEDIC_RULES")]
    rules: Option<PathBuf>,
    /// What all the files are, instead of a guess by their names
    #[arg(long, value_name = "KIND", value_parser = log_kind)]
    log: Option<LogKind>,
    #[command(flatten)]
    circumstances: CircumstanceArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A log kind by its name on the wire.
pub(crate) fn log_kind(text: &str) -> Result<LogKind, String> {
    LogKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
        let all: Vec<_> = LogKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("give one of {}", all.join(", "))
    })
}

/// Classifies and prints.
pub(crate) fn run(arguments: &Classify) -> Result<ExitCode, CommandError> {
    let rules = load(arguments.rules.as_deref())?;
    let logs = logs::read(&arguments.files, arguments.log)?;
    let classification = rules.classify_in(&logs, &arguments.circumstances.circumstances());
    if arguments.json {
        output::print_json(&classification)?;
    } else {
        output::print(&decision_text::classification(&classification).join("\n"))?;
    }
    Ok(if classification.class == UNCLASSIFIED { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

/// The rules of a folder; every mistake in them is told.
pub(crate) fn load(folder: Option<&std::path::Path>) -> Result<RuleSet, CommandError> {
    RuleSet::load_dir(&packaged::folder("rules", folder)?).map_err(|errors| CommandError::No(errors.to_string()))
}
