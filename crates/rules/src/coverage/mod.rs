//! What of the rules the examples reach: which rules decide, and which alternatives of a rule matched.

mod branches;

use serde::Serialize;

use crate::{
    example::{ExampleOutcome, Run},
    matcher::Outcome,
    rule::Rule,
    set::RuleSet,
};

use branches::Branches;

/// How many of a kind are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Reached.
    pub reached: usize,
    /// All.
    pub of: usize,
}

impl Reached {
    /// Percentage, 0 to 100; 100 where there is nothing to reach.
    pub fn percent(self) -> f64 {
        if self.of == 0 { 100.0 } else { self.reached as f64 * 100.0 / self.of as f64 }
    }
}

/// A rule, or a part of one, that no example reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreached {
    /// The rule.
    pub rule: String,
    /// The file it stands in.
    pub file: String,
    /// The line its name stands in, from 1.
    pub line: u64,
    /// What is not reached; missing where the rule as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// What of the rules their examples reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Rules that decide at least one example, through the whole set. One that is experimental, or behind a deprecated
    /// rule that it replaces, is reached where it matches one.
    pub rules: Reached,
    /// Alternatives: each branch of a pattern's `|`, each value of a list of conditions, and `unless`.
    pub alternatives: Reached,
    /// The rules that are not reached.
    pub unreached_rules: Vec<Unreached>,
    /// The alternatives that no hit (for `unless`: no near miss) of their rule tries.
    pub unreached_alternatives: Vec<Unreached>,
}

/// Runs the examples of the rules whose name is wanted, as [`crate::run_examples`] does, and tells what they reach.
pub fn run_with_coverage(rules: &RuleSet, wanted: impl Fn(&str) -> bool) -> (Vec<ExampleOutcome>, Coverage) {
    let mut outcomes = Vec::new();
    let mut coverage = Coverage::default();
    let wanted: Vec<_> = rules.rules().iter().enumerate().filter(|(_, rule)| wanted(&rule.name)).collect();
    for (number, rule) in &wanted {
        let mut parts = Parts::of(rule);
        for (index, example) in rule.examples.hits.iter().enumerate() {
            let run = Run::of(rules, *number, example);
            parts.try_hit(&run);
            outcomes.push(run.outcome(true, index));
        }
        for (index, example) in rule.examples.near_misses.iter().enumerate() {
            let run = Run::of(rules, *number, example);
            parts.unless_tried |= matches!(run.outcome, Outcome::SetAside(_));
            outcomes.push(run.outcome(false, index));
        }
        parts.count(rule, &mut coverage);
    }
    for (_, rule) in wanted {
        coverage.rules.of += 1;
        if outcomes.iter().any(|outcome| reaches(outcome, rule)) {
            coverage.rules.reached += 1;
        } else {
            coverage.unreached_rules.push(unreached(rule, None));
        }
    }
    (outcomes, coverage)
}

fn reaches(outcome: &ExampleOutcome, rule: &Rule) -> bool {
    outcome.decided_by.as_deref() == Some(rule.name.as_str())
        || (outcome.rule == rule.name && outcome.expected_match && outcome.passed && outcome.matched)
}

fn unreached(rule: &Rule, part: Option<String>) -> Unreached {
    Unreached { rule: rule.name.clone(), file: rule.file.clone(), line: rule.line, part }
}

/// The alternatives of one rule.
struct Parts {
    branches: Branches,
    /// Name of the condition and one of its values; was it tried?
    values: Vec<(&'static str, String, bool)>,
    unless_tried: bool,
}

impl Parts {
    fn of(rule: &Rule) -> Self {
        let mut values = Vec::new();
        let mut add = |name, list: Vec<String>| {
            if list.len() > 1 {
                values.extend(list.into_iter().map(|value| (name, value, false)));
            }
        };
        let numbers = |list: &[i32]| list.iter().map(ToString::to_string).collect();
        add("exit_code", numbers(&rule.exit_code));
        add("container_exit_code", numbers(&rule.container_exit_code));
        add("yarn_exit_status", numbers(&rule.yarn_exit_status));
        add("container_reason", rule.container_reason.clone());
        add("error_condition", rule.error_condition.clone());
        add("sql_state", rule.sql_state.clone());
        Self { branches: Branches::of(rule.regex.as_deref().unwrap_or("")), values, unless_tried: false }
    }

    fn try_hit(&mut self, run: &Run<'_>) {
        let Some(own) = &run.own else { return };
        self.branches.try_on(&run.example.text);
        let captured = |name: &str| own.captures.get(name).map_or("", String::as_str);
        let exit_code = run.example.exit_code.map(|code| code.to_string()).unwrap_or_default();
        for (name, value, tried) in &mut self.values {
            *tried |= match *name {
                "exit_code" => *value == exit_code,
                "error_condition" => is_or_begins(captured(name), value, '.'),
                "sql_state" => {
                    value.strip_suffix('*').map_or(captured(name) == value, |class| captured(name).starts_with(class))
                }
                "yarn_exit_status" => captured("container_exit_code") == value,
                _ => captured(name) == value,
            };
        }
    }

    fn count(self, rule: &Rule, coverage: &mut Coverage) {
        let branches = self.branches.tried().map(|(branch, tried)| (format!("regex: {branch}"), tried));
        let values = self.values.into_iter().map(|(name, value, tried)| (format!("{name}: {value}"), tried));
        let unless = rule.unless.iter().map(|unless| (format!("unless: {unless}"), self.unless_tried));
        for (part, tried) in branches.chain(values).chain(unless) {
            coverage.alternatives.of += 1;
            if tried {
                coverage.alternatives.reached += 1;
            } else {
                coverage.unreached_alternatives.push(unreached(rule, Some(part)));
            }
        }
    }
}

/// `MAIN.SUB` is `MAIN`'s.
fn is_or_begins(captured: &str, value: &str, separator: char) -> bool {
    captured.strip_prefix(value).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}
