//! Runs the examples of rules: each excerpt is a test.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    matcher::Outcome,
    rule::{Example, Rule},
    set::{LogText, RuleSet},
};

/// What became of one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExampleOutcome {
    /// The rule.
    pub rule: String,
    /// Must the rule decide it (`match`), or leave it alone (`no_match`)?
    pub expected_match: bool,
    /// Index within `match` or `no_match`, from 0.
    pub index: usize,
    /// Did it do as expected?
    pub passed: bool,
    /// The rule that decided, if any.
    pub decided_by: Option<String>,
    /// What happened, in one sentence.
    pub detail: String,
}

/// Runs every example of every rule. A `match` example must be decided by its own rule (matched by it, while the rule is
/// experimental); a `no_match` example must not be matched by it.
pub fn run_examples(rules: &RuleSet) -> Vec<ExampleOutcome> {
    let mut outcomes = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate() {
        for (index, example) in rule.examples.hits.iter().enumerate() {
            outcomes.push(run_hit(rules, number, rule, index, example));
        }
        for (index, example) in rule.examples.near_misses.iter().enumerate() {
            outcomes.push(run_near_miss(rules, number, rule, index, example));
        }
    }
    outcomes
}

/// The example as the log of a failure.
pub(crate) fn as_logs(rule: &Rule, example: &Example) -> Vec<LogText> {
    let log = example.log.or_else(|| rule.log.first().copied());
    log.map(|log| LogText { log, name: "example".to_owned(), text: example.text.clone() }).into_iter().collect()
}

fn outcomes_of(rules: &RuleSet, rule: &Rule, example: &Example) -> (Vec<Outcome>, Option<String>) {
    let logs = as_logs(rule, example);
    let circumstances = Circumstances::new(example.exit_code, &example.config, &example.containers);
    let outcomes = rules.matcher.outcomes(rules.rules(), &logs, &circumstances);
    let decided_by = rules.verdict(&logs, &outcomes, &example.config).rule;
    (outcomes, decided_by)
}

fn run_hit(rules: &RuleSet, number: usize, rule: &Rule, index: usize, example: &Example) -> ExampleOutcome {
    let (outcomes, decided_by) = outcomes_of(rules, rule, example);
    let matched = outcomes[number].hit().is_some();
    let decided = decided_by.as_deref() == Some(rule.name.as_str());
    let detail = match (&decided_by, matched) {
        _ if decided => "decided by the rule".to_owned(),
        (_, true) if !rule.status.decides() => "matched by the rule, which is experimental".to_owned(),
        (Some(other), true) => format!("the earlier rule {other} decided; move one of them, or narrow {other}"),
        (Some(other), false) => format!("the rule did not match, {other} did; widen the pattern"),
        (None, _) => "no rule matched; widen the pattern".to_owned(),
    };
    let passed = decided || (matched && !rule.status.decides());
    ExampleOutcome { rule: rule.name.clone(), expected_match: true, index, passed, decided_by, detail }
}

fn run_near_miss(rules: &RuleSet, number: usize, rule: &Rule, index: usize, example: &Example) -> ExampleOutcome {
    let (outcomes, decided_by) = outcomes_of(rules, rule, example);
    let passed = outcomes[number].hit().is_none();
    let detail = match outcomes[number].hit().and_then(|hit| hit.places.first()) {
        Some(place) => format!("the rule matched line {}: {}; narrow it, or add `unless`", place.line, place.text),
        None if passed => "left alone by the rule".to_owned(),
        None => "the rule matched by its exit code".to_owned(),
    };
    ExampleOutcome { rule: rule.name.clone(), expected_match: false, index, passed, decided_by, detail }
}
