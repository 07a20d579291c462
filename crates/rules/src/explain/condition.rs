//! The conditions of one rule, one by one: which hold, and which do not.

use paramedic_domain::LogKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::names;
use crate::{
    block::split,
    circumstances::Circumstances,
    entry::head,
    error_condition::error_conditions,
    matcher::{Outcome, Patterns, Place},
    noise,
    recovery::LazyRecovery,
    rule::Rule,
    set::LogText,
};

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Condition {
    /// The rule's field: `regex`, `exit_code`, `config: spark.master`, …
    pub field: String,
    /// Does it hold?
    pub holds: bool,
    /// What was found, and where it does not hold, what would be needed.
    pub detail: String,
}

fn condition(field: impl Into<String>, holds: bool, detail: impl Into<String>) -> Condition {
    Condition { field: field.into(), holds, detail: detail.into() }
}

/// What is known before a log is read.
pub(super) fn of_circumstances(
    rule: &Rule,
    patterns: &Patterns,
    logs: &[LogText],
    circumstances: &Circumstances,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if !rule.log.is_empty() && rule.regex.is_some() {
        let given: Vec<LogKind> = logs.iter().map(|log| log.log).collect();
        let read = logs.iter().any(|log| rule.log.contains(&log.log));
        let detail = format!(
            "it reads {}; given: {}",
            names(&rule.log),
            if given.is_empty() { "none".to_owned() } else { names(&given) }
        );
        conditions.push(condition("log", read, detail));
    }
    if !rule.exit_code.is_empty() {
        let known =
            circumstances.exit_code.map_or_else(|| "it is not known".to_owned(), |code| format!("it is {code}"));
        let holds = circumstances.exit_code.is_some_and(|code| rule.exit_code.contains(&code));
        conditions.push(condition("exit_code", holds, format!("one of {:?} is wanted; {known}", rule.exit_code)));
    }
    for (key, regex) in &patterns.config {
        let value = value_of(key, logs, circumstances);
        let detail = format!("`{}` is wanted; it is `{value}`", regex.as_str());
        conditions.push(condition(format!("config: {key}"), regex.is_match(value), detail));
    }
    conditions
}

/// A setting's value: the configuration's, else what a driver's log shows of it, else the empty text.
fn value_of<'v>(key: &str, logs: &'v [LogText], circumstances: &'v Circumstances) -> &'v str {
    let drivers = logs.iter().filter(|log| matches!(log.log, LogKind::DriverStderr | LogKind::DriverStdout));
    let mut dumped =
        drivers.flat_map(|log| log.text.lines()).filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    match circumstances.config.get(key) {
        Some(value) => value,
        None => dumped.next().unwrap_or(""),
    }
}

/// The line where the pattern matched, or would have, had it been tried.
pub(super) fn place_of_match(rule: &Rule, patterns: &Patterns, logs: &[LogText], outcome: &Outcome) -> Option<Place> {
    let untried = matches!(outcome, Outcome::OtherExitCode | Outcome::OtherConfiguration(_));
    if untried { first_match(rule, patterns, logs) } else { outcome.place().cloned() }
}

/// What holds of the entry around the line where the pattern matched.
pub(super) fn of_entry(
    rule: &Rule,
    patterns: &Patterns,
    logs: &[LogText],
    (outcome, place): (&Outcome, &Place),
    circumstances: &Circumstances,
) -> Vec<Condition> {
    let Some(regex) = &patterns.regex else { return Vec::new() };
    let text = &logs[place.log].text;
    let blocks = split(text);
    let Some(block) = blocks.iter().rev().find(|block| block.first_line <= place.line) else { return Vec::new() };
    let mut conditions = vec![condition("regex", true, format!("it matches line {}", place.line))];
    if let Some(unless) = &patterns.unless {
        let aside = if outcome.hit().is_some() { None } else { unless.find(block.text) };
        let detail = aside.map_or_else(
            || "nothing in the entry sets the hit aside".to_owned(),
            |found| format!("`{}` in the same entry sets the hit aside", one_line(found.as_str())),
        );
        conditions.push(condition("unless", aside.is_none(), detail));
    }
    if matches!(outcome, Outcome::Noise(_)) {
        let mut matches = regex.regex().into_iter().flat_map(|regex| regex.find_iter(block.text));
        let at = matches.find(|found| block.line_at(found.start()).0 == place.line);
        let recovery = LazyRecovery::of(text);
        let offset = at.map_or(0, |found| found.start());
        conditions.push(condition("no noise", false, why_noise(place, block.text, block.start, offset, &recovery)));
    }
    conditions.extend(of_structure(rule, patterns, block.text, circumstances));
    conditions
}

/// Where the pattern would match, were it tried.
fn first_match(rule: &Rule, patterns: &Patterns, logs: &[LogText]) -> Option<Place> {
    let regex = patterns.regex.as_ref()?;
    logs.iter().enumerate().filter(|(_, log)| rule.log.contains(&log.log)).find_map(|(log, of)| {
        split(&of.text).iter().find_map(|block| {
            let searched = patterns.structure.searched(block.text);
            let (line, text) = block.line_at(searched.start + regex.find(&block.text[searched.clone()])?.start());
            Some(Place { log, line, text: text.chars().take(500).collect() })
        })
    })
}

fn why_noise(place: &Place, block: &str, start: usize, offset: usize, recovery: &LazyRecovery<'_>) -> String {
    let line_start = block[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    if noise::is_noise(&place.text, offset - line_start) {
        "the words stand in a JVM flag, a launch command or a configuration dump"
    } else if noise::is_own_statement(block) {
        "the job's own logger wrote the line for information; name `level` or `logger` to read such lines"
    } else if recovery.covers(block, start) {
        "the warning is of a task or a job that went well later"
    } else {
        "it matches only in what is no failure: a flag, a command, a dump, a warning that was recovered from"
    }
    .to_owned()
}

/// The conditions on an entry beside its text.
fn of_structure(rule: &Rule, patterns: &Patterns, block: &str, circumstances: &Circumstances) -> Vec<Condition> {
    let structure = &patterns.structure;
    let mut conditions = Vec::new();
    let entry = head(block.lines().next().unwrap_or_default());
    if !rule.level.is_empty() {
        let level = entry.as_ref().map(|head| head.level);
        let told = level.map_or_else(
            || "the entry has none".to_owned(),
            |level| format!("it is {}", format!("{level:?}").to_uppercase()),
        );
        let holds = level.is_some_and(|level| structure.level.contains(&level));
        conditions.push(condition("level", holds, format!("one of {} is wanted; {told}", rule.level.join(", "))));
    }
    if let Some(wanted) = &structure.logger {
        let logger = entry.and_then(|head| head.logger);
        let told = logger.map_or_else(|| "the entry names none".to_owned(), |logger| format!("it is `{logger}`"));
        let holds = logger.is_some_and(|logger| wanted.is_match(logger));
        conditions.push(condition("logger", holds, format!("`{}` is wanted; {told}", wanted.as_str())));
    }
    if !rule.error_condition.is_empty() || !rule.sql_state.is_empty() {
        let found = error_conditions(block);
        let holds = found.iter().any(|found| {
            (rule.error_condition.is_empty() || found.is_one_of(&rule.error_condition))
                && (rule.sql_state.is_empty() || found.has_state_of(&rule.sql_state))
        });
        let told: Vec<_> = found.iter().flat_map(|found| [found.condition, found.sql_state]).flatten().collect();
        let told = if told.is_empty() {
            "the entry names none".to_owned()
        } else {
            format!("the entry names {}", told.join(" "))
        };
        let wanted: Vec<_> = rule.error_condition.iter().chain(&rule.sql_state).take(8).cloned().collect();
        let field = if rule.error_condition.is_empty() { "sql_state" } else { "error_condition" };
        conditions.push(condition(field, holds, format!("one of {} is wanted; {told}", wanted.join(", "))));
    }
    if !structure.container.is_empty() {
        conditions.push(of_containers(rule, patterns, block, circumstances));
    }
    conditions
}

/// The condition on how a container ended, by what an entry and the report tell.
pub(super) fn of_containers(rule: &Rule, patterns: &Patterns, block: &str, circumstances: &Circumstances) -> Condition {
    let mut ends = crate::container::container_ends(block);
    ends.extend(circumstances.containers.iter().cloned());
    let told: Vec<_> = ends
        .iter()
        .take(8)
        .map(|end| {
            let code = end.exit_code.map_or_else(|| "?".to_owned(), |code| code.to_string());
            format!("{} {} {code}", end.role, end.reason.as_deref().unwrap_or("?"))
        })
        .collect();
    let told = if told.is_empty() { "none is known".to_owned() } else { format!("known are {}", told.join("; ")) };
    let codes: Vec<_> =
        rule.container_exit_code.iter().chain(&rule.yarn_exit_status).map(ToString::to_string).collect();
    let mut wanted: Vec<String> = rule.container_role.iter().map(ToString::to_string).collect();
    wanted.extend([rule.container_reason.join(" or "), codes.join(" or ")].into_iter().filter(|text| !text.is_empty()));
    let holds = patterns.structure.container.met_by(&ends).is_some();
    condition("container", holds, format!("one that ended so is wanted: {}; {told}", wanted.join(", ")))
}

fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(120).collect()
}
