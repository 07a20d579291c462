//! `paramedic rules explain`.

use std::io;

use clap::Args;
use paramedic_domain::LogKind;
use paramedic_rules::{Explanation, RuleSet, explain::Trial};

use crate::{
    commands::{classify::log_kind, logs},
    exit::CommandError,
    output,
};

/// The arguments of `paramedic rules explain`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules explain driver.stderr --rule SparkExecutorHeapOom")]
pub(super) struct Explain {
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
}

/// Prints why the logs are classified as they are.
pub(super) fn run(arguments: &Explain, rules: &RuleSet, json: bool) -> Result<(), CommandError> {
    let logs = logs::read(&arguments.files, arguments.log)?;
    let asked = arguments.rule.as_deref();
    if let Some(name) = asked.filter(|name| rules.rule(name).is_none()) {
        return Err(CommandError::Usage(format!("there is no rule {name}; `paramedic rules list` lists them")));
    }
    let explanation = paramedic_rules::explain(rules, &logs, arguments.exit_code, asked);
    if json {
        output::print_json(&explanation)?;
    } else {
        print(&explanation)?;
    }
    Ok(())
}

fn print(explanation: &Explanation) -> io::Result<()> {
    let classification = &explanation.classification;
    output::print(&format!("{}: {}", classification.class, classification.summary))?;
    let asked = explanation.asked.iter();
    let shown = explanation.tried.iter().filter(|trial| trial.matched).chain(asked.filter(|trial| !trial.matched));
    for trial in shown {
        output::print(&trial_text(trial))?;
    }
    let (tried, matched) = (explanation.tried.len(), classification.matched.len());
    output::print(&format!("{tried} rules tried, {matched} of all match"))
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
