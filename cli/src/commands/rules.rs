//! `paramedic rules`: for those who write rules.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use paramedic_domain::LogKind;
use paramedic_rules::{ExampleOutcome, Explanation, RuleSet, explain::Trial};

use super::{
    classify::{load, log_kind},
    logs,
};
use crate::{
    exit::{CommandError, NO},
    output,
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
    /// Tell what is wrong with the rules; exits with 1 when something is
    #[command(after_help = "Example:\n  paramedic rules check --rules ./rules")]
    Check,
    /// Run the examples of every rule; exits with 1 when one fails
    #[command(after_help = "Example:\n  paramedic rules test --json")]
    Test,
    /// List the rules in the order in which they are tried
    #[command(after_help = "Example:\n  paramedic rules list")]
    List,
    /// Tell why a log is classified as it is
    #[command(after_help = "Example:\n  paramedic rules explain driver.stderr --rule SparkExecutorHeapOom")]
    Explain {
        /// Log files of one failure; `-` is standard input
        #[arg(required = true, value_name = "LOG")]
        files: Vec<String>,
        /// The rule of which to tell why it did, or did not, decide
        #[arg(long, value_name = "NAME")]
        rule: Option<String>,
        /// What all the files are, instead of a guess by their names
        #[arg(long, value_name = "KIND", value_parser = log_kind)]
        log: Option<LogKind>,
        /// The driver's exit code
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        exit_code: Option<i32>,
    },
    /// Print the JSON schema of a rule file, for completion in editors
    #[command(after_help = "Example:\n  paramedic rules schema > rules/schema.json")]
    Schema,
}

/// Does what was asked for.
pub(crate) fn run(arguments: &Rules) -> Result<ExitCode, CommandError> {
    if let RulesCommand::Schema = arguments.command {
        output::print_json(&paramedic_rules::json_schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    let rules = load(arguments.folder.as_deref())?;
    let json = arguments.json;
    let passed = match &arguments.command {
        RulesCommand::Check => check(&rules, json)?,
        RulesCommand::Test => test(&rules, json)?,
        RulesCommand::List => list(&rules, json)?,
        RulesCommand::Explain { files, rule, log, exit_code } => {
            let logs = logs::read(files, *log)?;
            if let Some(name) = rule.as_deref().filter(|name| rules.rule(name).is_none()) {
                return Err(CommandError::Usage(format!("there is no rule {name}; `paramedic rules list` lists them")));
            }
            let explanation = paramedic_rules::explain(&rules, &logs, *exit_code, rule.as_deref());
            explain(&explanation, json)?
        }
        RulesCommand::Schema => true,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

fn check(rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    let findings = paramedic_rules::lint(rules);
    let passed = !findings.iter().any(|finding| finding.error);
    if json {
        output::print_json(&findings)?;
        return Ok(passed);
    }
    for finding in &findings {
        output::print(&finding.to_string())?;
    }
    let errors = findings.iter().filter(|finding| finding.error).count();
    output::print(&format!("{} rules, {errors} errors, {} advice", rules.rules().len(), findings.len() - errors))?;
    Ok(passed)
}

fn test(rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    let outcomes = paramedic_rules::run_examples(rules);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    if json {
        output::print_json(&outcomes)?;
        return Ok(failed.is_empty());
    }
    if !failed.is_empty() {
        let rows: Vec<_> = failed.iter().map(|outcome| example_row(outcome)).collect();
        output::print(&output::table(&["rule", "example", "decided by", "what happened"], &rows))?;
    }
    output::print(&format!("{} examples passed, {} failed", outcomes.len() - failed.len(), failed.len()))?;
    Ok(failed.is_empty())
}

fn example_row(outcome: &ExampleOutcome) -> Vec<String> {
    let list = if outcome.expected_match { "match" } else { "no_match" };
    vec![
        outcome.rule.clone(),
        format!("{list}[{}]", outcome.index),
        outcome.decided_by.clone().unwrap_or_else(|| "-".to_owned()),
        outcome.detail.clone(),
    ]
}

fn list(rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    if json {
        output::print_json(&rules.rules())?;
        return Ok(true);
    }
    let row = |rule: &paramedic_rules::Rule| {
        vec![
            rule.name.clone(),
            rule.category.to_string(),
            rule.memory_side.map_or_else(|| "-".to_owned(), |side| side.to_string()),
            if rule.restartable { "yes" } else { "no" }.to_owned(),
            format!("{}:{}", rule.file, rule.line),
        ]
    };
    let rows: Vec<_> = rules.rules().iter().map(row).collect();
    output::print(&output::table(&["rule", "category", "memory side", "restartable", "where"], &rows))?;
    Ok(true)
}

fn explain(explanation: &Explanation, json: bool) -> Result<bool, CommandError> {
    if json {
        output::print_json(explanation)?;
        return Ok(true);
    }
    let classification = &explanation.classification;
    output::print(&format!("{}: {}", classification.class, classification.summary))?;
    let asked = explanation.asked.iter();
    let shown = explanation.tried.iter().filter(|trial| trial.matched).chain(asked.filter(|trial| !trial.matched));
    for trial in shown {
        output::print(&trial_text(trial))?;
    }
    let (tried, matched) = (explanation.tried.len(), classification.matched.len());
    output::print(&format!("{tried} rules tried, {matched} of all match"))?;
    Ok(true)
}

fn trial_text(trial: &Trial) -> String {
    let verdict = match (trial.decides, trial.matched) {
        (true, _) => "decides",
        (false, true) => "matches",
        (false, false) => "does not match",
    };
    let mut text = format!("  {} {verdict}: {}", trial.rule, trial.why);
    if let Some(line) = &trial.line {
        text.push_str(&format!(
            "\n    {}:{}: {}",
            output::shown(&line.name, 200),
            line.line,
            output::shown(&line.text, 300)
        ));
    }
    for (name, value) in &trial.captures {
        text.push_str(&format!("\n    {name} = {}", output::shown(value, 200)));
    }
    text
}
