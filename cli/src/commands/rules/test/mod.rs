//! `paramedic rules test`.

mod junit;
mod report;

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use paramedic_rules::{Coverage, ExampleOutcome, RuleSet, run_with_coverage};
use serde::Serialize;

use crate::{exit::CommandError, output};

/// The arguments of `paramedic rules test`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules test --rule SparkExecutorHeapOom\n  \
                        paramedic rules test --junit rules.xml --coverage --min-coverage 100\n\n\
                        Exits with 1 when an example fails, or less is reached than asked for")]
pub(super) struct Test {
    /// Run the examples of this rule only; may be given again
    #[arg(long = "rule", value_name = "NAME")]
    rules: Vec<String>,
    /// Write the results to this file in `JUnit`'s XML, a suite a rule
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// List the rules that decide no example, and the alternatives of rules that no example tries
    #[arg(long)]
    coverage: bool,
    /// Exit with 1 where fewer of the rules decide an example
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_coverage: Option<f64>,
    /// Exit with 1 where fewer of the alternatives are tried by an example
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_alternatives: Option<f64>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end().parse::<f64>().ok();
    number.filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "give a number from 0 to 100".to_owned())
}

#[derive(Serialize)]
struct Answer<'o> {
    examples: &'o [ExampleOutcome],
    coverage: &'o Coverage,
}

/// Runs the examples. `false`: one failed, or less was reached than asked for.
pub(super) fn run(arguments: &Test, rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    if let Some(unknown) = arguments.rules.iter().find(|name| rules.rule(name).is_none()) {
        return Err(super::no_rule(rules, unknown));
    }
    let wanted = |name: &str| arguments.rules.is_empty() || arguments.rules.iter().any(|rule| rule == name);
    let (outcomes, coverage) = run_with_coverage(rules, wanted);
    if let Some(path) = &arguments.junit {
        let xml = junit::report(&outcomes).context("--junit: the report cannot be written as XML")?;
        fs::write(path, xml).with_context(|| format!("--junit {}", path.display()))?;
    }
    let wanting = wanting(arguments, &coverage);
    if json && arguments.coverage {
        output::print_json(&Answer { examples: &outcomes, coverage: &coverage })?;
    } else if json {
        output::print_json(&outcomes)?;
    } else {
        output::print(&report::text(&outcomes, arguments.coverage.then_some(&coverage)))?;
    }
    for text in &wanting {
        output::tell(text);
    }
    Ok(wanting.is_empty() && outcomes.iter().all(|outcome| outcome.passed))
}

/// What is reached too little.
fn wanting(arguments: &Test, coverage: &Coverage) -> Vec<String> {
    let bounds = [
        (arguments.min_coverage, coverage.rules, "of the rules decide an example", "--min-coverage"),
        (arguments.min_alternatives, coverage.alternatives, "of the alternatives are tried", "--min-alternatives"),
    ];
    let told = |(bound, reached, what, flag): (Option<f64>, paramedic_rules::coverage::Reached, &str, &str)| {
        let bound = bound.filter(|bound| reached.percent() < *bound)?;
        Some(format!(
            "{:.1} % {what}, which is less than {flag} {bound}; --coverage lists the others",
            reached.percent()
        ))
    };
    bounds.into_iter().filter_map(told).collect()
}
