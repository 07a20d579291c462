//! Tells why a log was classified as it was.

mod condition;
mod fixed_text;

use std::collections::BTreeMap;

use paramedic_domain::{Classification, LogKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    circumstances::Circumstances,
    matcher::{Outcome, Place},
    rule::Rule,
    set::{LogText, RuleSet},
    structured_log::{self, Rendered},
};

pub use condition::Condition;
use fixed_text::Near;

/// Why a log was classified as it was.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// The verdict.
    pub classification: Classification,
    /// The rules that were tried, in order, up to the one that decided; all where none did.
    pub tried: Vec<Trial>,
    /// Rules that came close and did not match, the nearest first; as many as were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<Trial>,
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
    /// Its conditions, one by one; for the rule that was asked for only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
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

/// What is to be explained beside the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question<'q> {
    /// Of this rule all that is known.
    pub rule: Option<&'q str>,
    /// At most so many rules that came close.
    pub near_max: usize,
}

/// Explains the verdict on `logs`, and, for the rule named `asked`, why it did or did not decide.
pub fn explain(rules: &RuleSet, logs: &[LogText], exit_code: Option<i32>, asked: Option<&str>) -> Explanation {
    let circumstances = Circumstances { exit_code, ..Circumstances::default() };
    explain_in(rules, logs, &circumstances, Question { rule: asked, near_max: 0 })
}

/// As [`explain`], with everything that is known beside the logs.
pub fn explain_in(
    rules: &RuleSet,
    logs: &[LogText],
    circumstances: &Circumstances,
    question: Question<'_>,
) -> Explanation {
    let rendered = structured_log::render_all(logs);
    let logs = &*structured_log::with_rendered(logs, &rendered);
    let outcomes = rules.matcher.outcomes(rules.rules(), logs, circumstances);
    let classification = rules.verdict(logs, &outcomes, &circumstances.config);
    let scene = Scene { rules, logs, rendered: &rendered, circumstances, deciding: classification.rule.as_deref() };
    let all: Vec<_> =
        scene.numbered(&outcomes).map(|(number, rule, outcome)| scene.trial(number, rule, outcome)).collect();
    let asked = scene.numbered(&outcomes).find(|(_, rule, _)| question.rule == Some(rule.name.as_str()));
    let asked = asked.map(|(number, rule, outcome)| scene.whole_trial(number, rule, outcome));
    let near = if question.near_max > 0 { scene.near(&outcomes, question.near_max) } else { Vec::new() };
    let end = all.iter().position(|trial| trial.decides).map_or(all.len(), |at| at + 1);
    Explanation { tried: all.into_iter().take(end).collect(), near, asked, classification }
}

impl Outcome {
    /// The line that it is about.
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Hit(hit) => hit.places.first(),
            Self::SetAside(place) | Self::Noise(place) | Self::OtherStructure(place) => Some(place),
            _ => None,
        }
    }
}

struct Scene<'a> {
    rules: &'a RuleSet,
    logs: &'a [LogText],
    /// Of logs in JSON, the text that was read instead.
    rendered: &'a [Option<Rendered>],
    circumstances: &'a Circumstances,
    deciding: Option<&'a str>,
}

impl<'a> Scene<'a> {
    fn numbered<'o>(&self, outcomes: &'o [Outcome]) -> impl Iterator<Item = (usize, &'a Rule, &'o Outcome)> {
        self.rules.rules().iter().zip(outcomes).enumerate().map(|(number, (rule, outcome))| (number, rule, outcome))
    }

    fn trial(&self, number: usize, rule: &Rule, outcome: &Outcome) -> Trial {
        let place = outcome.place();
        let decides = self.deciding == Some(rule.name.as_str());
        Trial {
            rule: rule.name.clone(),
            matched: outcome.hit().is_some(),
            decides,
            why: self.why(number, rule, outcome, decides),
            line: place.map(|place| self.line(place)),
            captures: outcome.hit().map(|hit| hit.captures.clone()).unwrap_or_default(),
            conditions: Vec::new(),
        }
    }

    /// With the rule's conditions one by one, and the line that came closest.
    fn whole_trial(&self, number: usize, rule: &Rule, outcome: &Outcome) -> Trial {
        let mut trial = self.trial(number, rule, outcome);
        let patterns = self.rules.matcher.patterns(number);
        trial.conditions = condition::of_circumstances(rule, patterns, self.logs, self.circumstances);
        if let Some(place) = condition::place_of_match(rule, patterns, self.logs, outcome) {
            let found = (outcome, &place);
            trial.conditions.extend(condition::of_entry(rule, patterns, self.logs, found, self.circumstances));
            trial.line = trial.line.or_else(|| Some(self.line(&place)));
            return trial;
        }
        if !rule.container_reason.is_empty()
            || !rule.container_exit_code.is_empty()
            || !rule.yarn_exit_status.is_empty()
        {
            trial.conditions.push(condition::of_containers(rule, patterns, "", self.circumstances));
        }
        if let (Some(pattern), false) = (&rule.regex, trial.matched) {
            self.elsewhere(number, rule, pattern, &mut trial);
        }
        trial
    }

    /// The pattern matched nowhere that counts: does it match elsewhere, or where does it come close?
    fn elsewhere(&self, number: usize, rule: &Rule, pattern: &str, trial: &mut Trial) {
        let mut detail = self.why_no_match(number, rule);
        let near = self.logs.iter().enumerate().filter_map(|(log, text)| {
            let near = fixed_text::nearest([(number, pattern)].into_iter(), &text.text).remove(&number)?;
            Some((log, near))
        });
        let nearest = near.max_by(|(_, one), (_, other)| one.share.total_cmp(&other.share));
        if let Some((log, near)) = nearest {
            detail.push_str(&format!("; nearest is line {}: {}", near.line, near.missing));
            trial.line = trial.line.take().or_else(|| Some(self.near_line(log, &near)));
        }
        trial.conditions.push(Condition { field: "regex".to_owned(), holds: false, detail });
    }

    /// The rules that came close: the pattern matched and a condition failed, or most of its fixed text is there.
    fn near(&self, outcomes: &[Outcome], near_max: usize) -> Vec<Trial> {
        let mut found: Vec<(f64, Trial)> = Vec::new();
        for (number, rule, outcome) in self.numbered(outcomes) {
            if matches!(outcome, Outcome::SetAside(_) | Outcome::Noise(_) | Outcome::OtherStructure(_)) {
                let mut trial = self.whole_trial(number, rule, outcome);
                let failed = trial.conditions.iter().filter(|condition| !condition.holds);
                let failed: Vec<_> = failed.map(|failed| format!("{}: {}", failed.field, failed.detail)).collect();
                trial.why = failed.join("; ");
                trial.conditions.clear();
                found.push((1.0, trial));
            }
        }
        for (log, text) in self.logs.iter().enumerate() {
            let missed = |outcome: &Outcome| {
                matches!(outcome, Outcome::NoMatch | Outcome::OtherExitCode | Outcome::OtherConfiguration(_))
            };
            let open =
                self.numbered(outcomes).filter(|(_, rule, outcome)| missed(outcome) && rule.log.contains(&text.log));
            let patterns = open.filter_map(|(number, rule, _)| Some((number, rule.regex.as_deref()?)));
            for (number, near) in fixed_text::nearest(patterns, &text.text) {
                let (rule, outcome) = (&self.rules.rules()[number], &outcomes[number]);
                let mut trial = self.trial(number, rule, outcome);
                if *outcome == Outcome::NoMatch {
                    trial.why.clone_from(&near.missing);
                }
                trial.line = Some(self.near_line(log, &near));
                found.push((near.share, trial));
            }
        }
        found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        found.dedup_by(|(_, one), (_, other)| one.rule == other.rule);
        found.into_iter().take(near_max).map(|(_, trial)| trial).collect()
    }

    fn line(&self, place: &Place) -> ExplainedLine {
        let log = &self.logs[place.log];
        let line = self.rendered[place.log].as_ref().map_or(place.line, |rendered| rendered.line_of(place.line));
        ExplainedLine { log: log.log, name: log.name.clone(), line, text: place.text.clone() }
    }

    fn near_line(&self, log: usize, near: &Near) -> ExplainedLine {
        self.line(&Place { log, line: near.line, text: near.text.clone() })
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
            Outcome::OtherExitCode => match self.circumstances.exit_code {
                Some(code) => format!("the exit code is {code}, which is none of {:?}", rule.exit_code),
                None => format!("the exit code is not known; it must be one of {:?}", rule.exit_code),
            },
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
            Outcome::NoMatch => match (&rule.regex, self.rules.matcher.patterns(number).regex.is_some()) {
                (None, false) => "its conditions do not hold".to_owned(),
                (None, true) => "no entry tells what it asks for".to_owned(),
                _ => "its pattern matched nowhere".to_owned(),
            },
        }
    }

    /// Would the pattern match elsewhere: in another log, across blocks, outside the root cause?
    fn why_no_match(&self, number: usize, rule: &Rule) -> String {
        let Some(regex) = &self.rules.matcher.patterns(number).regex else { return "it has no pattern".to_owned() };
        for log in self.logs {
            if !regex.is_match(&log.text) {
                continue;
            }
            return if !rule.log.contains(&log.log) {
                let logs = names(&rule.log);
                format!("it matches {} ({}), which is none of its logs: {logs}", log.name, log.log)
            } else if crate::block::split(&log.text).iter().any(|block| regex.is_match(block.text)) {
                format!("it matches an entry of {}, but not what the rule reads of it (the root cause)", log.name)
            } else {
                format!("it matches {} only across entries; a hit lies within one", log.name)
            };
        }
        "it matches nowhere".to_owned()
    }
}

fn names(logs: &[LogKind]) -> String {
    let names: Vec<_> = logs.iter().map(|log| log.as_str()).collect();
    names.join(", ")
}
