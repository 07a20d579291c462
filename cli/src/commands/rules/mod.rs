//! `paramedic rules`: for those who write rules. A file a subcommand.

mod annotation;
mod backtest;
mod check;
mod draft;
mod eval;
mod explain;
mod inbox;
mod list;
mod new;
mod test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use paramedic_rules::RuleSet;

use super::{block_on, classify::load};
use crate::{
    exit::{CommandError, NO},
    output, packaged,
};

/// The arguments of `paramedic rules`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules check && paramedic rules test\n  \
                        paramedic rules explain driver.stderr --rule SparkExecutorHeapOom")]
pub(crate) struct Rules {
    /// The folder of rules; else ./rules, else the rules that came with this program
    #[arg(long = "rules", global = true, value_name = "DIR", env = "PARAMEDIC_RULES")]
    folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to do
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Tell what is wrong with the rules, where, and how to mend it
    Check(check::Check),
    /// Run the examples of rules, and tell what of the rules they reach
    Test(test::Test),
    /// List the rules in the order in which they are tried
    #[command(after_help = "Example:\n  paramedic rules list")]
    List,
    /// Tell why a log is classified as it is
    Explain(explain::Explain),
    /// Tell which verdicts on past failures a change of the rules would change
    Backtest(backtest::BacktestArguments),
    /// Print the skeleton of a rule
    New(new::New),
    /// Compare the rules' verdicts with labels that people gave
    Eval(eval::Eval),
    /// List what no rule classifies, in groups, those that cost most first
    Inbox(inbox::Inbox),
    /// Write a rule for a group of the inbox
    Draft(draft::DraftRule),
    /// Print the JSON schema of a rule file, for completion in editors
    #[command(after_help = "Example:\n  paramedic rules schema > rules/schema.json")]
    Schema,
}

/// Does what was asked for.
pub(crate) fn run(arguments: &Rules) -> Result<ExitCode, CommandError> {
    let json = arguments.json;
    let arguments_folder = arguments.folder.as_deref();
    let rules = || load(arguments_folder);
    let passed = match &arguments.command {
        RulesCommand::Check(arguments) => check::run(arguments, &packaged::folder("rules", arguments_folder)?, json)?,
        RulesCommand::Test(arguments) => test::run(arguments, &rules()?, json)?,
        RulesCommand::List => done(list::run(&rules()?, json))?,
        RulesCommand::Explain(arguments) => done(explain::run(arguments, &rules()?, json))?,
        RulesCommand::Backtest(arguments) => backtest::run(arguments, &rules()?, json)?,
        RulesCommand::New(arguments) => done(new::run(arguments, rules))?,
        RulesCommand::Eval(arguments) => eval::run(arguments, &rules()?, json)?,
        RulesCommand::Inbox(arguments) => done(block_on(inbox::run(arguments, json)))?,
        RulesCommand::Draft(arguments) => done(block_on(draft::run(arguments, rules, json)))?,
        RulesCommand::Schema => done(output::print_json(&paramedic_rules::json_schema()))?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

/// What is said of a rule that is not there, with the name that comes closest.
fn no_rule(rules: &RuleSet, name: &str) -> CommandError {
    let alike = |rule: &&paramedic_rules::Rule| {
        let (known, name) = (rule.name.to_ascii_lowercase(), name.to_ascii_lowercase());
        known.contains(&name) || name.contains(&known)
    };
    let hint = rules.rules().iter().find(alike).map_or_else(String::new, |rule| format!(" (is it {}?)", rule.name));
    CommandError::Usage(format!("there is no rule {name}{hint}; `paramedic rules list` lists them"))
}

/// A command that cannot answer "no".
fn done(result: Result<(), impl Into<CommandError>>) -> Result<bool, CommandError> {
    result.map(|()| true).map_err(Into::into)
}
