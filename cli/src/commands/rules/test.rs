//! `paramedic rules test`.

use paramedic_rules::{ExampleOutcome, RuleSet};

use crate::{exit::CommandError, output};

/// Runs the examples of every rule. `false`: one failed.
pub(super) fn run(rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
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
