//! Runs the examples of rules: each excerpt is a test.

use paramedic_domain::Classification;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    expectation::Mismatch,
    matcher::Outcome,
    replacement,
    rule::{Example, Rule},
    set::{LogText, RuleSet},
};

/// What became of one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExampleOutcome {
    /// The rule.
    pub rule: String,
    /// The file it stands in.
    pub file: String,
    /// The line of the example, from 1.
    pub line: u64,
    /// Must the rule decide it (`match`), or leave it alone (`no_match`)?
    pub expected_match: bool,
    /// Index within `match` or `no_match`, from 0.
    pub index: usize,
    /// Did it do as expected?
    pub passed: bool,
    /// The rule that decided, if any.
    pub decided_by: Option<String>,
    /// Did this rule match it?
    pub matched: bool,
    /// What came otherwise than the example's `expect` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
    /// What happened, in one sentence.
    pub detail: String,
}

impl ExampleOutcome {
    /// How people name it: `match[0]`.
    pub fn place(&self) -> String {
        format!("{}[{}]", if self.expected_match { "match" } else { "no_match" }, self.index)
    }
}

/// Runs every example of every rule, against the whole set. A `match` example must be decided by its own rule: while
/// that is experimental, or behind a deprecated rule that it replaces, it must be matched by it; where it is itself
/// deprecated, its replacement may decide. A `no_match` example must not be matched by its rule. What an example
/// expects beside must come.
pub fn run_examples(rules: &RuleSet) -> Vec<ExampleOutcome> {
    run_examples_of(rules, |_| true)
}

/// As [`run_examples`], of the rules whose name is wanted.
pub fn run_examples_of(rules: &RuleSet, wanted: impl Fn(&str) -> bool) -> Vec<ExampleOutcome> {
    let mut outcomes = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate().filter(|(_, rule)| wanted(&rule.name)) {
        let run = |expected_match, index, example| Run::of(rules, number, example).outcome(expected_match, index);
        let examples = &rule.examples;
        outcomes.extend(examples.hits.iter().enumerate().map(|(index, example)| run(true, index, example)));
        outcomes.extend(examples.near_misses.iter().enumerate().map(|(index, example)| run(false, index, example)));
    }
    outcomes
}

/// The example as the log of a failure.
pub(crate) fn as_logs(rule: &Rule, example: &Example) -> Vec<LogText> {
    let log = example.log.or_else(|| rule.log.first().copied());
    log.map(|log| LogText { log, name: "example".to_owned(), text: example.text.clone() }).into_iter().collect()
}

/// One example that was put to the whole set.
pub(crate) struct Run<'r> {
    rules: &'r RuleSet,
    rule: &'r Rule,
    pub(crate) example: &'r Example,
    /// Of its own rule.
    pub(crate) outcome: Outcome,
    /// Of the set.
    verdict: Classification,
    /// What its own rule would say, were it to decide.
    pub(crate) own: Option<Classification>,
}

impl<'r> Run<'r> {
    pub(crate) fn of(rules: &'r RuleSet, number: usize, example: &'r Example) -> Self {
        let rule = &rules.rules()[number];
        let logs = as_logs(rule, example);
        let circumstances = Circumstances::new(example.exit_code, &example.config, &example.containers);
        let mut outcomes = rules.matcher.outcomes(rules.rules(), &logs, &circumstances);
        let verdict = rules.verdict(&logs, &outcomes, &example.config);
        let outcome = outcomes.swap_remove(number);
        let own = outcome.hit().map(|hit| rules.verdict_of(number, hit, &logs, &example.config));
        Self { rules, rule, example, outcome, verdict, own }
    }

    pub(crate) fn outcome(&self, expected_match: bool, index: usize) -> ExampleOutcome {
        let (right, mut detail) = if expected_match { self.hit() } else { self.near_miss() };
        let mismatches = if right { self.mismatches(expected_match) } else { Vec::new() };
        if !mismatches.is_empty() {
            let told: Vec<_> = mismatches.iter().map(ToString::to_string).collect();
            detail = told.join("; ");
        }
        ExampleOutcome {
            rule: self.rule.name.clone(),
            file: self.rule.file.clone(),
            line: self.example.line,
            expected_match,
            index,
            passed: right && mismatches.is_empty(),
            decided_by: self.verdict.rule.clone(),
            matched: self.own.is_some(),
            mismatches,
            detail,
        }
    }

    /// A hit is held against what its own rule says, a near miss against what the set does.
    fn mismatches(&self, expected_match: bool) -> Vec<Mismatch> {
        let verdict = self.own.as_ref().filter(|_| expected_match).unwrap_or(&self.verdict);
        self.example.expect.as_ref().map(|expect| expect.mismatches(verdict)).unwrap_or_default()
    }

    fn hit(&self) -> (bool, String) {
        let other = self.verdict.rule.as_deref().filter(|decided| *decided != self.rule.name);
        let matched = self.own.is_some();
        match other {
            None if self.verdict.rule.is_some() => (true, "decided by the rule".to_owned()),
            _ if matched && !self.rule.status.decides() => {
                (true, "matched by the rule, which is experimental".to_owned())
            }
            Some(other) if matched && self.is_replacement_of(other) => {
                (true, format!("matched by the rule; {other}, which it replaces, decided still"))
            }
            Some(other) if self.is_replaced_by(other) => {
                (true, format!("decided by {other}, which takes the rule's place"))
            }
            Some(other) if matched => {
                (false, format!("the earlier rule {other} decided; move one of them, or narrow {other}"))
            }
            Some(other) => (false, format!("the rule did not match, {other} did; widen the pattern")),
            None => (false, "no rule matched; widen the pattern".to_owned()),
        }
    }

    fn is_replacement_of(&self, other: &str) -> bool {
        self.rules.rule(other).is_some_and(|other| replacement::leads_to(self.rules.rules(), other, self.rule))
    }

    fn is_replaced_by(&self, other: &str) -> bool {
        self.rules.rule(other).is_some_and(|other| replacement::leads_to(self.rules.rules(), self.rule, other))
    }

    fn near_miss(&self) -> (bool, String) {
        let Some(hit) = self.outcome.hit() else { return (true, "left alone by the rule".to_owned()) };
        let detail = match hit.places.first() {
            Some(place) => format!("the rule matched line {}: {}; narrow it, or add `unless`", place.line, place.text),
            None => "the rule matched by an exit code or a container's end, without any text".to_owned(),
        };
        (false, detail)
    }
}
