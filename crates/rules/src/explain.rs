//! Tells why a log was classified as it was.

use std::collections::BTreeMap;

use paramedic_domain::{Classification, Configuration, LogKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    matcher::{Outcome, Place},
    rule::Rule,
    set::{LogText, RuleSet},
};

/// Why a log was classified as it was.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// The verdict.
    pub classification: Classification,
    /// The rules that were tried, in order, up to the one that decided; all where none did.
    pub tried: Vec<Trial>,
    /// The rule that was asked for: why it did or did not decide. Missing where none was asked for, or none has the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Trial>,
}

/// One rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trial {
    /// The rule.
    pub rule: String,
    /// Did it match?
    pub matched: bool,
    /// Did it decide?
    pub decides: bool,
    /// Why, in one sentence.
    pub why: String,
    /// The line that matched, or that came closest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<ExplainedLine>,
    /// What it captured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<String, String>,
}

/// A line of a log that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExplainedLine {
    /// The log's kind.
    pub log: LogKind,
    /// The log's name.
    pub name: String,
    /// Line number, from 1.
    pub line: u64,
    /// The line, cut to a bounded length.
    pub text: String,
}

/// Explains the verdict on `logs`, and, for the rule named `asked`, why it did or did not decide.
pub fn explain(rules: &RuleSet, logs: &[LogText], exit_code: Option<i32>, asked: Option<&str>) -> Explanation {
    explain_with(rules, logs, exit_code, &Configuration::default(), asked)
}

/// As [`explain`], for a job whose configuration is known.
pub fn explain_with(
    rules: &RuleSet,
    logs: &[LogText],
    exit_code: Option<i32>,
    config: &Configuration,
    asked: Option<&str>,
) -> Explanation {
    explain_in(rules, logs, &Circumstances::new(exit_code, config, &[]), asked)
}

/// As [`explain`], with everything that is known beside the logs.
pub fn explain_in(
    rules: &RuleSet,
    logs: &[LogText],
    circumstances: &Circumstances,
    asked: Option<&str>,
) -> Explanation {
    let outcomes = rules.matcher.outcomes(rules.rules(), logs, circumstances);
    let classification = rules.verdict(logs, &outcomes, &circumstances.config);
    let deciding = classification.rule.as_deref();
    let trial = |(number, (rule, outcome)): (usize, (&Rule, &Outcome))| {
        let scene = Scene { rules, logs, deciding };
        scene.trial(number, rule, outcome)
    };
    let all: Vec<_> = rules.rules().iter().zip(&outcomes).enumerate().map(trial).collect();
    let asked = asked.and_then(|name| all.iter().find(|trial| trial.rule == name)).cloned();
    let end = all.iter().position(|trial| trial.decides).map_or(all.len(), |at| at + 1);
    Explanation { tried: all.into_iter().take(end).collect(), asked, classification }
}

struct Scene<'a> {
    rules: &'a RuleSet,
    logs: &'a [LogText],
    deciding: Option<&'a str>,
}

impl Scene<'_> {
    fn trial(&self, number: usize, rule: &Rule, outcome: &Outcome) -> Trial {
        let decides = self.deciding == Some(rule.name.as_str());
        let place = match outcome {
            Outcome::Hit(hit) => hit.places.first(),
            Outcome::SetAside(place) | Outcome::Noise(place) | Outcome::OtherStructure(place) => Some(place),
            _ => None,
        };
        Trial {
            rule: rule.name.clone(),
            matched: outcome.hit().is_some(),
            decides,
            why: self.why(number, rule, outcome, decides),
            line: place.map(|place| self.line(place)),
            captures: outcome.hit().map(|hit| hit.captures.clone()).unwrap_or_default(),
        }
    }

    fn line(&self, place: &Place) -> ExplainedLine {
        let log = &self.logs[place.log];
        ExplainedLine { log: log.log, name: log.name.clone(), line: place.line, text: place.text.clone() }
    }

    fn why(&self, number: usize, rule: &Rule, outcome: &Outcome, decides: bool) -> String {
        match outcome {
            Outcome::Hit(_) if decides => "it matched, and no rule before it did".to_owned(),
            Outcome::Hit(_) if !rule.status.decides() => "it matched; experimental, it decides nothing".to_owned(),
            Outcome::Hit(_) if rule.is_weak() => {
                let decided = self.deciding.unwrap_or("another rule");
                format!(
                    "it matched by an exit code alone, which decides only where nothing else does; {decided} decided"
                )
            }
            Outcome::Hit(_) => {
                format!("it matched, but {} stands before it and decided", self.deciding.unwrap_or("another rule"))
            }
            Outcome::NoLog => format!("none of its logs was given: {}", names(&rule.log)),
            Outcome::OtherExitCode => format!("the exit code is none of {:?}", rule.exit_code),
            Outcome::OtherConfiguration(key) => {
                format!("the value of {key} does not match `{}`", rule.config.get(key).map_or("", String::as_str))
            }
            Outcome::SetAside(_) => "its pattern matched, and `unless` set every hit aside".to_owned(),
            Outcome::Noise(_) => {
                "its pattern matched only in flags, launch commands, configuration dumps, warnings of \
                                  what recovered or the job's own informational lines, which are no hits"
                    .to_owned()
            }
            Outcome::OtherStructure(_) => {
                "its pattern matched, and its conditions on the entry (level, logger, error condition, container) do \
                 not hold there"
                    .to_owned()
            }
            Outcome::NoMatch => self.why_no_match(number, rule),
        }
    }

    /// Would the pattern match elsewhere: in another log, or across blocks?
    fn why_no_match(&self, number: usize, rule: &Rule) -> String {
        let Some(regex) = &self.rules.matcher.patterns(number).regex else { return "it has no pattern".to_owned() };
        for log in self.logs {
            if !regex.is_match(&log.text) {
                continue;
            }
            return if rule.log.contains(&log.log) {
                format!("its pattern matches {} only across blocks; a hit lies within one log entry", log.name)
            } else {
                format!(
                    "its pattern matches {} ({}), which is none of its logs: {}",
                    log.name,
                    log.log,
                    names(&rule.log)
                )
            };
        }
        "its pattern matched nowhere".to_owned()
    }
}

fn names(logs: &[LogKind]) -> String {
    let names: Vec<_> = logs.iter().map(|log| log.as_str()).collect();
    names.join(", ")
}
