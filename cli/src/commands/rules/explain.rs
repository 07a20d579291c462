//! `paramedic rules explain`.

use clap::Args;
use paramedic_domain::LogKind;
use paramedic_rules::{
    Explanation, RuleSet,
    explain::{Question, Trial, explain_in},
};

use crate::{
    commands::{circumstances::CircumstanceArguments, classify::log_kind, logs},
    exit::CommandError,
    output,
};

/// How many rules that came close are told where nothing matched.
const NEAR_MAX: usize = 5;

/// The arguments of `paramedic rules explain`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules explain driver.stderr --rule SparkExecutorHeapOom\n  \
                        paramedic rules explain executor-1.stderr --container executor:OOMKilled:137 --all")]
pub(super) struct Explain {
    /// Log files of one failure; `-` is standard input
    #[arg(required = true, value_name = "LOG")]
    files: Vec<String>,
    /// The rule of which to tell why it did, or did not, decide: condition by condition
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Every rule that was tried, in order, with why it did not match; and those that came close
    #[arg(long)]
    all: bool,
    /// At most so many rules that came close; else 5 where no rule decided
    #[arg(long, value_name = "N")]
    near: Option<usize>,
    /// What all the files are, instead of a guess by their names
    #[arg(long, value_name = "KIND", value_parser = log_kind)]
    log: Option<LogKind>,
    #[command(flatten)]
    circumstances: CircumstanceArguments,
}

/// Prints why the logs are classified as they are.
pub(super) fn run(arguments: &Explain, rules: &RuleSet, json: bool) -> Result<(), CommandError> {
    let logs = logs::read(&arguments.files, arguments.log)?;
    let asked = arguments.rule.as_deref();
    if let Some(name) = asked.filter(|name| rules.rule(name).is_none()) {
        return Err(super::no_rule(rules, name));
    }
    let circumstances = arguments.circumstances.circumstances();
    let question = |near_max| Question { rule: asked, near_max };
    let first = explain_in(rules, &logs, &circumstances, question(arguments.near.unwrap_or(0)));
    let wants_near = arguments.near.is_none() && (arguments.all || first.classification.rule.is_none());
    let explanation = if wants_near { explain_in(rules, &logs, &circumstances, question(NEAR_MAX)) } else { first };
    if json {
        output::print_json(&explanation)?;
    } else {
        output::print(&text(&explanation, arguments.all))?;
    }
    Ok(())
}

fn text(explanation: &Explanation, all: bool) -> String {
    let classification = &explanation.classification;
    let mut lines = vec![format!("{}: {}", classification.class, classification.summary)];
    let asked = explanation.asked.as_ref();
    let is_asked = |trial: &Trial| asked.is_some_and(|asked| asked.rule == trial.rule);
    for (number, trial) in explanation.tried.iter().enumerate().filter(|(_, trial)| !is_asked(trial)) {
        if all {
            lines.push(format!("{:4} {}", number + 1, trial_text(trial).trim_start()));
        } else if trial.matched {
            lines.push(trial_text(trial));
        }
    }
    lines.extend(asked.map(trial_text));
    if !explanation.near.is_empty() {
        lines.push("these came close:".to_owned());
        lines.extend(explanation.near.iter().filter(|trial| !is_asked(trial)).map(trial_text));
    }
    let (tried, matched) = (explanation.tried.len(), classification.matched.len());
    lines.push(format!("{tried} rules tried, {matched} of all match"));
    lines.join("\n")
}

fn trial_text(trial: &Trial) -> String {
    let verdict = match (trial.decides, trial.matched) {
        (true, _) => "decides",
        (false, true) => "matches",
        (false, false) => "does not match",
    };
    let mut text = format!("  {} {verdict}: {}", trial.rule, output::shown(&trial.why, 1_000));
    if let Some(line) = &trial.line {
        let (name, shown) = (output::shown(&line.name, 200), output::shown(&line.text, 300));
        text.push_str(&format!("\n    {name}:{}: {shown}", line.line));
    }
    for (name, value) in &trial.captures {
        text.push_str(&format!("\n    {name} = {}", output::shown(value, 200)));
    }
    for condition in &trial.conditions {
        let mark = if condition.holds { "holds" } else { "fails" };
        text.push_str(&format!("\n    {mark}  {}: {}", condition.field, output::shown(&condition.detail, 1_000)));
    }
    text
}

#[cfg(test)]
mod tests {
    use paramedic_rules::LogText;

    use super::*;

    const RULES: &str = "rules:
  - name: KilledOnYarn
    source: yarn
    log: [driver.stderr]
    summary: YARN killed it.
    category: platform
    restartable: true
    regex: 'Container killed by YARN for (?<why>exceeding \\w+ limits)'
    level: [ERROR]
    exit_code: [137]
    config: {spark.master: '^yarn$'}
    examples: {match: [{text: 'x', exit_code: 137}], no_match: ['x']}
  - name: Lost
    source: spark
    log: [driver.stderr]
    summary: An executor was lost.
    category: platform
    restartable: true
    regex: 'Lost executor (?<executor>\\d+)'
    unless: 'decommissioned'
    examples: {match: ['x'], no_match: ['x']}
";

    fn told(log: &str, exit_code: Option<i32>, rule: Option<&str>, all: bool) -> String {
        let rules = RuleSet::from_sources(&[("a.yaml".to_owned(), RULES.to_owned())]).unwrap();
        let logs = [LogText { log: LogKind::DriverStderr, name: "driver.log".into(), text: log.into() }];
        let circumstances = paramedic_rules::Circumstances { exit_code, ..Default::default() };
        text(&explain_in(&rules, &logs, &circumstances, Question { rule, near_max: 5 }), all)
    }

    const KILLED: &str = "26/01/31 12:00:00 INFO A: fine\n26/01/31 12:00:01 WARN B: Container killed by YARN for \
                          exceeding memory limits\n26/01/31 12:00:02 WARN C: Lost executor 7 (decommissioned)\n";

    #[test]
    fn rules_that_came_close_are_told_with_what_failed() {
        insta::assert_snapshot!(told(KILLED, None, None, true));
    }

    #[test]
    fn a_rule_is_explained_condition_by_condition() {
        insta::assert_snapshot!(told(KILLED, Some(1), Some("KilledOnYarn"), false));
        insta::assert_snapshot!(told(KILLED, Some(1), Some("Lost"), false));
    }
}
