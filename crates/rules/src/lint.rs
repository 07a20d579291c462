//! Finds rules that are valid and yet wrong.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    error::RuleError,
    example::{ExampleOutcome, run_examples},
    pattern::Pattern,
    rarity::HEALTHY_LOG,
    replacement::leads_to,
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
    /// The files are no rules: a set with this is refused whole.
    Refused,
    /// It never decides its own examples: an earlier rule does.
    Shadowed,
    /// It does not match one of its own examples.
    MissedExample,
    /// An example comes otherwise than it expects: another category, capture, remedy, …
    OtherThanExpected,
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
    /// The rule, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The file it stands in.
    pub file: String,
    /// The line that is meant: of the mistake, of the example, else of the rule's name. From 1; 0: the whole file.
    pub line: u64,
    /// The column of a mistake, from 1; 0: the whole line.
    pub column: u64,
    /// What is wrong.
    pub kind: FindingKind,
    /// Should a check fail because of it?
    pub error: bool,
    /// What is wrong here, and how to mend it.
    pub message: String,
    /// The line (or the part of it that matters), and on a second line a mark under the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl From<RuleError> for Finding {
    fn from(error: RuleError) -> Self {
        let RuleError { file, line, column, rule, message, excerpt } = error;
        Self { rule, file, line, column, kind: FindingKind::Refused, error: true, message, excerpt }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.error { "error" } else { "advice" };
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().take_while(|number| *number > 0) {
            write!(f, ":{number}")?;
        }
        write!(f, ": {level}: ")?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.excerpt {
            Some(excerpt) => write!(f, "\n    {}", excerpt.replace('\n', "\n    ")),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with the rules, in rule order.
pub fn lint(rules: &RuleSet) -> Vec<Finding> {
    let outcomes = run_examples(rules);
    let healthy = healthy_matches(rules);
    let mut findings = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate() {
        let own = outcomes.iter().filter(|outcome| outcome.rule == rule.name).collect::<Vec<_>>();
        examples_fail(&own, rule, &mut findings);
        if let Some(line) = &healthy[number] {
            let message = format!("it matches a log of a run that did not fail: {line}; narrow it, or add `unless`");
            findings.push(finding(rule, FindingKind::MatchesHealthyLog, message));
        }
        pattern_is_odd(rules, number, &mut findings);
        neighbours(rules, number, &mut findings);
    }
    findings
}

fn pattern_is_odd(rules: &RuleSet, number: usize, findings: &mut Vec<Finding>) {
    let rule = &rules.rules()[number];
    let mut found = |kind, message| findings.push(finding(rule, kind, message));
    let regex = rules.matcher.patterns(number).regex.as_ref();
    if regex.is_some_and(|regex| regex.is_match("")) {
        let message = "the pattern matches the empty text; require some fixed text";
        found(FindingKind::MatchesEmptyText, message.to_owned());
    }
    if rules.matcher.is_slow(number) {
        let message = "the pattern holds no fixed text of three characters or more; add some, it is tried on every \
                       log entry";
        found(FindingKind::NoFixedText, message.to_owned());
    }
    for name in regex.into_iter().flat_map(Pattern::names).filter(|name| odd_unit(name)) {
        let message = format!("capture `{name}` must end in one of {}", SIZE_UNITS.join(", "));
        found(FindingKind::UnknownCaptureUnit, message);
    }
}

/// What is wrong with a rule beside others.
fn neighbours(rules: &RuleSet, number: usize, findings: &mut Vec<Finding>) {
    let rule = &rules.rules()[number];
    if let Some(other) = &rule.replaced_by {
        let message = format!("it is deprecated; remove it when {other} has taken its place");
        findings.push(finding(rule, FindingKind::Deprecated, message));
    }
    let before = &rules.rules()[..number];
    if let Some(twin) = before.iter().find(|other| is_twin(rule, other) && !takes_over(rules.rules(), rule, other)) {
        let message = format!("{} has the same pattern, logs and conditions; remove one", twin.name);
        findings.push(finding(rule, FindingKind::SamePattern, message));
    }
}

fn finding(rule: &Rule, kind: FindingKind, message: String) -> Finding {
    let (name, file) = (Some(rule.name.clone()), rule.file.clone());
    Finding { rule: name, file, line: rule.line, column: 0, kind, error: kind.is_error(), message, excerpt: None }
}

fn examples_fail(own: &[&ExampleOutcome], rule: &Rule, found: &mut Vec<Finding>) {
    let hits: Vec<_> = own.iter().filter(|outcome| outcome.expected_match).collect();
    let failed = hits.iter().filter(|hit| !hit.passed && hit.mismatches.is_empty());
    let shadows: Vec<_> = failed.filter_map(|hit| hit.decided_by.as_deref()).collect();
    if rule.status.decides() && !hits.is_empty() && shadows.len() == hits.len() {
        let message = format!("it never decides its own examples: {} does; move it before, or narrow that", shadows[0]);
        found.push(finding(rule, FindingKind::Shadowed, message));
    }
    for outcome in own.iter().filter(|outcome| !outcome.passed) {
        let kind = match (outcome.mismatches.is_empty(), outcome.expected_match) {
            (false, _) => FindingKind::OtherThanExpected,
            (true, true) => FindingKind::MissedExample,
            (true, false) => FindingKind::MatchedNearMiss,
        };
        let message = format!("examples: {}: {}", outcome.place(), outcome.detail);
        found.push(Finding { line: outcome.line, ..finding(rule, kind, message) });
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

/// Does one of the two replace the other? Then they may say the same while both are there.
fn takes_over(rules: &[Rule], one: &Rule, other: &Rule) -> bool {
    leads_to(rules, one, other) || leads_to(rules, other, one)
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
