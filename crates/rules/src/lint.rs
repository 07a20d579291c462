//! Finds rules that are valid and yet wrong.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    example::{ExampleOutcome, run_examples},
    pattern::Pattern,
    rarity::HEALTHY_LOG,
    rule::Rule,
    set::{LogText, RuleSet},
};

/// Prefixes of captures that the recommender reads as sizes, and the units it knows.
const SIZE_PREFIXES: [&str; 5] = ["required_", "limit_", "used_", "maximum_", "requested_"];
const SIZE_UNITS: [&str; 5] = ["bytes", "kib", "mib", "gib", "size"];

/// What is wrong with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// It never decides its own examples: an earlier rule does.
    Shadowed,
    /// It does not match one of its own examples.
    MissedExample,
    /// It matches one of its near misses.
    MatchedNearMiss,
    /// Its pattern matches the empty text, so every log.
    MatchesEmptyText,
    /// It matches the log of a run that did not fail.
    MatchesHealthyLog,
    /// Its pattern holds no fixed text of three characters or more: it is tried on every block, which is slow.
    NoFixedText,
    /// A capture is named as a size with a unit that the recommender does not know.
    UnknownCaptureUnit,
    /// It is deprecated: another rule takes its place.
    Deprecated,
    /// Another rule has the same pattern, the same logs and the same conditions.
    SamePattern,
}

impl FindingKind {
    /// Should a check fail because of it? The others are advice.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::NoFixedText | Self::Deprecated)
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// The file it stands in.
    pub file: String,
    /// The line its name stands in, from 1.
    pub line: u64,
    /// What is wrong.
    pub kind: FindingKind,
    /// Should a check fail because of it?
    pub error: bool,
    /// What is wrong here, and how to mend it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.error { "error" } else { "advice" };
        write!(f, "{}:{}: {level}: rule {}: {}", self.file, self.line, self.rule, self.message)
    }
}

/// Everything that is wrong with the rules, in rule order.
pub fn lint(rules: &RuleSet) -> Vec<Finding> {
    let outcomes = run_examples(rules);
    let healthy = healthy_matches(rules);
    let mut findings = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate() {
        let mut found = |kind, message| findings.push(finding(rule, kind, message));
        let own = outcomes.iter().filter(|outcome| outcome.rule == rule.name).collect::<Vec<_>>();
        examples_fail(rule, &own, &mut found);
        let regex = rules.matcher.patterns(number).regex.as_ref();
        if regex.is_some_and(|regex| regex.is_match("")) {
            found(
                FindingKind::MatchesEmptyText,
                "the pattern matches the empty text; require some fixed text".to_owned(),
            );
        }
        if let Some(line) = &healthy[number] {
            let message = format!("it matches a log of a run that did not fail: {line}; narrow it, or add `unless`");
            found(FindingKind::MatchesHealthyLog, message);
        }
        if rules.matcher.is_slow(number) {
            let message = "the pattern holds no fixed text of three characters or more; add some, it is tried on \
                           every log entry";
            found(FindingKind::NoFixedText, message.to_owned());
        }
        for name in regex.into_iter().flat_map(Pattern::names).filter(|name| odd_unit(name)) {
            let message = format!("capture `{name}` must end in one of {}", SIZE_UNITS.join(", "));
            found(FindingKind::UnknownCaptureUnit, message);
        }
        if let Some(other) = &rule.replaced_by {
            let message = format!("it is deprecated; remove it when {other} has taken its place");
            found(FindingKind::Deprecated, message);
        }
        if let Some(twin) = rules.rules()[..number].iter().find(|other| is_twin(rule, other)) {
            let message = format!("{} has the same pattern, logs and conditions; remove one", twin.name);
            found(FindingKind::SamePattern, message);
        }
    }
    findings
}

fn finding(rule: &Rule, kind: FindingKind, message: String) -> Finding {
    let (name, file) = (rule.name.clone(), rule.file.clone());
    Finding { rule: name, file, line: rule.line, kind, error: kind.is_error(), message }
}

fn examples_fail(rule: &Rule, own: &[&ExampleOutcome], found: &mut impl FnMut(FindingKind, String)) {
    let hits: Vec<_> = own.iter().filter(|outcome| outcome.expected_match).collect();
    let shadows: Vec<_> = hits.iter().filter(|hit| !hit.passed).filter_map(|hit| hit.decided_by.as_deref()).collect();
    if rule.status.decides() && !hits.is_empty() && shadows.len() == hits.len() {
        let message = format!("it never decides its own examples: {} does; move it before, or narrow that", shadows[0]);
        found(FindingKind::Shadowed, message);
    }
    for outcome in own.iter().filter(|outcome| !outcome.passed) {
        let (kind, list) = if outcome.expected_match {
            (FindingKind::MissedExample, "match")
        } else {
            (FindingKind::MatchedNearMiss, "no_match")
        };
        found(kind, format!("examples: {list} number {}: {}", outcome.index + 1, outcome.detail));
    }
}

/// For each rule the line of the healthy log that it matches.
fn healthy_matches(rules: &RuleSet) -> Vec<Option<String>> {
    let logs: Vec<_> = paramedic_domain::LogKind::ALL
        .into_iter()
        .map(|log| LogText { log, name: "healthy".to_owned(), text: HEALTHY_LOG.to_owned() })
        .collect();
    let outcomes =
        rules.matcher.outcomes(rules.rules(), &logs, &Circumstances { exit_code: Some(0), ..Circumstances::default() });
    let line = |outcome: &crate::matcher::Outcome| {
        Some(outcome.hit()?.places.first().map_or_else(|| "(no line)".to_owned(), |place| place.text.clone()))
    };
    outcomes.iter().map(line).collect()
}

fn odd_unit(capture: &str) -> bool {
    SIZE_PREFIXES
        .iter()
        .filter_map(|prefix| capture.strip_prefix(prefix))
        .any(|unit| !SIZE_UNITS.iter().any(|known| unit == *known || unit.ends_with(&format!("_{known}"))))
}

fn is_twin(rule: &Rule, other: &Rule) -> bool {
    rule.regex.is_some()
        && rule.regex == other.regex
        && rule.unless == other.unless
        && rule.exit_code == other.exit_code
        && rule.structure_text() == other.structure_text()
        && rule.config == other.config
        && rule.log.iter().all(|log| other.log.contains(log))
}
