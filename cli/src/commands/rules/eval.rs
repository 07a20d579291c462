//! `paramedic rules eval`.

use std::{fs, io, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use paramedic_domain::classification::UNCLASSIFIED;
use paramedic_rules::{
    RuleSet,
    evaluate::{Confidence, Evaluation, LabelledLog, Miss, Tally, evaluate},
};

use crate::{exit::CommandError, output};

/// The arguments of `paramedic rules eval`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules eval logs.jsonl --confidence medium --minimum 0.95\n\n\
                        A line of FILE is a JSON object:\n  \
                        {\"id\": \"a\", \"log\": \"driver.stderr\", \"text\": \"…\", \"confidence\": \"high\", \"label\":\n   \
                        {\"category\": \"network\", \"memory_side\": null, \"restartable\": true, \"healthy\": false}}\n\
                        and where they matter \"exit_code\", \"containers\" and \"config\", as in a failure's report")]
pub(super) struct Eval {
    /// Labelled logs, a JSON object a line
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out the labels that people were less sure of
    #[arg(long, value_name = "LEVEL", default_value = "high", value_parser = confidence)]
    confidence: Confidence,
    /// Exit with 1 when a share of right verdicts is lower, or a healthy log is matched
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    minimum: f64,
}

fn confidence(text: &str) -> Result<Confidence, String> {
    match text {
        "high" => Ok(Confidence::High),
        "medium" => Ok(Confidence::Medium),
        "low" => Ok(Confidence::Low),
        _ => Err("give one of high, medium, low".to_owned()),
    }
}

/// Prints how many verdicts are right, the confusions, and each miss. `false`: fewer than asked for.
pub(super) fn run(arguments: &Eval, rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    let cases = read(arguments)?;
    let evaluation = evaluate(rules, &cases);
    if json {
        output::print_json(&evaluation)?;
    } else {
        print(&evaluation)?;
    }
    let shares = figures(&evaluation).map(|(_, tally)| tally.share());
    let healthy = evaluation.healthy.right == evaluation.healthy.of;
    Ok(arguments.minimum == 0.0 || (healthy && shares.iter().all(|share| *share >= arguments.minimum)))
}

fn read(arguments: &Eval) -> Result<Vec<LabelledLog>, CommandError> {
    let file = arguments.file.display();
    let text = fs::read_to_string(&arguments.file).with_context(|| format!("{file} cannot be read"))?;
    let mut cases = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let case: LabelledLog = serde_json::from_str(line).map_err(|error| {
            CommandError::Usage(format!("{file}:{}: {error}; `paramedic rules eval --help` shows a line", index + 1))
        })?;
        if case.confidence >= arguments.confidence {
            cases.push(case);
        }
    }
    Ok(cases)
}

fn figures(evaluation: &Evaluation) -> [(&'static str, Tally); 4] {
    [
        ("memory or not", evaluation.memory),
        ("memory side", evaluation.memory_side),
        ("category", evaluation.category),
        ("restartable", evaluation.restartable),
    ]
}

fn print(evaluation: &Evaluation) -> io::Result<()> {
    let row = |(name, tally): (&str, Tally)| {
        vec![name.to_owned(), tally.right.to_string(), tally.of.to_string(), format!("{:.1} %", tally.share() * 100.0)]
    };
    let others = [("classified", evaluation.classified), ("healthy logs left alone", evaluation.healthy)];
    let rows: Vec<_> = figures(evaluation).into_iter().chain(others).map(row).collect();
    output::print(&output::table(&["", "right", "of", "share"], &rows))?;
    if !evaluation.confusions.is_empty() {
        let row =
            |(label, verdict, count): &(_, _, u64)| vec![format!("{label}"), format!("{verdict}"), count.to_string()];
        let rows: Vec<_> = evaluation.confusions.iter().map(row).collect();
        output::print(&format!("\n{}", output::table(&["labelled", "classified as", "logs"], &rows)))?;
    }
    if !evaluation.misses.is_empty() {
        let rows: Vec<_> = evaluation.misses.iter().map(miss).collect();
        let headers = ["miss", "wrong", "labelled", "classified as", "by", "line"];
        output::print(&format!("\n{}", output::table(&headers, &rows)))?;
    }
    Ok(())
}

fn miss(miss: &Miss) -> Vec<String> {
    let side = |side: Option<paramedic_domain::MemorySide>| side.map(|side| format!("/{side}")).unwrap_or_default();
    let again = |restartable| if restartable { ", restartable" } else { "" };
    let label = &miss.label;
    let labelled = match label.category {
        _ if label.healthy => "healthy".to_owned(),
        None => "no category".to_owned(),
        Some(category) => {
            format!("{category}{}{}", side(label.memory_side), again(label.restartable == Some(true)))
        }
    };
    let verdict = &miss.verdict;
    let by = verdict.rule.as_deref().or(verdict.matched.first().map(String::as_str)).unwrap_or(UNCLASSIFIED);
    vec![
        output::shown(&miss.id, 40),
        miss.wrong.join(" "),
        labelled,
        format!("{}{}{}", verdict.category, side(verdict.memory_side), again(verdict.restartable)),
        by.to_owned(),
        verdict.evidence.first().map(|line| output::shown(&line.text, 100)).unwrap_or_default(),
    ]
}
