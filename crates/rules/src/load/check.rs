//! The checks of one rule.

use std::str::FromStr;

use paramedic_domain::{Category, LogKind, MemorySide};
use serde_saphyr::{Location, Spanned};

use super::{NO_MEMORY_SIDE, example::Named};
use crate::{
    error::RuleError,
    matcher::Patterns,
    pattern::Pattern,
    rule::{Examples, Rule, RuleStatus, Within},
    source::RawRule,
};

/// What a field of a skeleton says until it is filled in.
const TO_DO: &str = "TODO";

/// The checks of one rule.
pub(super) struct Check<'f> {
    file: &'f str,
    /// The file's.
    pub(super) text: &'f str,
    pub(super) line: u64,
    column: u64,
    pub(super) name: Option<String>,
    pub(super) errors: Vec<RuleError>,
    /// Classes that examples expect, which must be rules of these files.
    pub(super) classes: Vec<ExpectedClass>,
}

/// A class that an example expects, and where.
#[derive(Debug)]
pub(super) struct ExpectedClass {
    pub(super) class: String,
    /// What is complained of where there is no such rule.
    pub(super) error: RuleError,
}

impl<'f> Check<'f> {
    pub(super) fn of(file: &'f str, text: &'f str, raw: &Spanned<RawRule>) -> Self {
        let name = raw.value.name.as_ref();
        let at = name.map_or(raw.referenced, |name| name.referenced);
        let name = name.map(|name| name.value.clone());
        let (line, column) = (at.line(), at.column());
        Self { file, text, line, column, name, errors: Vec::new(), classes: Vec::new() }
    }

    pub(super) fn complain(&mut self, at: Option<Location>, message: impl Into<String>) {
        let error = self.mistake(at, message);
        self.errors.push(error);
    }

    pub(super) fn mistake(&self, at: Option<Location>, message: impl Into<String>) -> RuleError {
        let (line, column) = at.map_or((self.line, self.column), |at| (at.line(), at.column()));
        let (file, rule) = (self.file.to_owned(), self.name.clone());
        RuleError { file, line, column, rule, message: message.into(), excerpt: None }
    }

    /// Does a field of a skeleton wait to be filled in? Then that is complained of.
    pub(super) fn is_to_do(&mut self, field: &str, text: &Spanned<String>) -> bool {
        let waits = text.value.trim_start().starts_with(TO_DO);
        if waits {
            self.complain(Some(text.referenced), format!("`{field}` still says {TO_DO}; fill it in"));
        }
        waits
    }

    /// The rule, where nothing at all is wrong with it.
    pub(super) fn rule(&mut self, raw: RawRule) -> Option<(Rule, Patterns)> {
        self.name_is_camel_case(raw.name.as_ref());
        let within = self.within(raw.within.as_ref());
        let structure = self.structure(&raw, within);
        let source = self.text("source", raw.source, "the system that prints the line, such as `spark`");
        let summary = self.text("summary", raw.summary, "the cause in one sentence");
        let log = self.logs(raw.log);
        let category = self.category(raw.category);
        let memory_side = self.memory_side(category, raw.memory_side.as_ref());
        let restartable = self.restartable(raw.restartable.as_ref());
        let status = self.status(raw.status.as_ref(), raw.replaced_by.as_ref());
        let by_structure = structure.pattern();
        if raw.regex.is_none() && raw.exit_code.is_empty() && by_structure.is_none() {
            self.complain(
                None,
                "`regex` is missing; only a rule with `exit_code`, `error_condition`, `sql_state`, `container_reason`, \
                 `container_exit_code` or `yarn_exit_status` does without",
            );
        }
        let regex = self.pattern("regex", raw.regex.as_ref());
        let patterns = Patterns {
            remedy: self.remedy(&raw.remedy, regex.as_ref()),
            regex: regex.or_else(|| by_structure.and_then(|pattern| Pattern::parse(&pattern).ok())),
            unless: self.pattern("unless", raw.unless.as_ref()),
            config: raw
                .config
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), self.pattern(&format!("config: {key}"), Some(value))?)))
                .collect(),
            structure,
        };
        for text in raw.advice.iter().chain(&raw.links) {
            self.is_to_do("advice` or `links", text);
        }
        let named = Named::of(patterns.regex.as_ref(), raw.remedy.keys());
        let raw_examples = raw.examples.unwrap_or_default();
        let examples = Examples {
            hits: self.examples("match", "an excerpt that this rule must decide", raw_examples.hits, Some(&named)),
            near_misses: self.examples("no_match", "an excerpt that comes close", raw_examples.near_misses, None),
        };
        let rule = Rule {
            name: self.name.clone().unwrap_or_default(),
            source,
            log,
            summary,
            category: category?,
            memory_side,
            restartable: restartable?,
            status,
            replaced_by: raw.replaced_by.map(|other| other.value),
            regex: raw.regex.map(|regex| regex.value),
            unless: raw.unless.map(|unless| unless.value),
            exit_code: raw.exit_code,
            container_reason: raw.container_reason,
            container_role: patterns.structure.container.role,
            container_exit_code: raw.container_exit_code,
            yarn_exit_status: raw.yarn_exit_status,
            error_condition: texts(raw.error_condition),
            sql_state: texts(raw.sql_state),
            level: texts(raw.level),
            logger: raw.logger.map(|logger| logger.value),
            within,
            remedy: raw.remedy.into_iter().map(|(key, value)| (key, value.value)).collect(),
            config: raw.config.into_iter().map(|(key, value)| (key, value.value)).collect(),
            advice: raw.advice.map(|advice| advice.value),
            links: raw.links.into_iter().map(|link| link.value).collect(),
            examples,
            file: self.file.to_owned(),
            line: self.line,
        };
        self.errors.is_empty().then_some((rule, patterns))
    }

    fn name_is_camel_case(&mut self, name: Option<&Spanned<String>>) {
        let Some(name) = name else {
            return self.complain(None, "`name` is missing; give the class of failure a CamelCase name");
        };
        let camel = name.value.starts_with(|c: char| c.is_ascii_uppercase())
            && name.value.chars().all(|c| c.is_ascii_alphanumeric())
            && name.value.chars().any(|c| c.is_ascii_lowercase());
        if !camel {
            self.complain(
                Some(name.referenced),
                format!(
                    "`{}` is not CamelCase; write letters and digits only, such as `SparkExecutorHeapOom`",
                    name.value
                ),
            );
        }
    }

    fn restartable(&mut self, restartable: Option<&Spanned<String>>) -> Option<bool> {
        match restartable.map(|restartable| restartable.value.as_str()) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            other => {
                let what =
                    other.map_or("is missing".to_owned(), |other| format!("`{other}` is neither true nor false"));
                let message = format!(
                    "`restartable` {what}; say `true` if a retry with nothing changed would plausibly succeed, else \
                     `false`"
                );
                self.complain(restartable.map(|restartable| restartable.referenced), message);
                None
            }
        }
    }

    fn text(&mut self, field: &str, text: Option<Spanned<String>>, what: &str) -> String {
        match text {
            Some(text) if !text.value.trim().is_empty() => {
                self.is_to_do(field, &text);
                text.value
            }
            Some(text) => {
                self.complain(Some(text.referenced), format!("`{field}` is empty; say {what}"));
                String::new()
            }
            None => {
                self.complain(None, format!("`{field}` is missing; say {what}"));
                String::new()
            }
        }
    }

    fn logs(&mut self, logs: Option<Vec<Spanned<String>>>) -> Vec<LogKind> {
        let logs = logs.unwrap_or_default();
        if logs.is_empty() {
            self.complain(None, format!("`log` is missing or empty; list one or more of {}", log_names()));
        }
        logs.into_iter().filter_map(|log| self.log(&log.value, Some(log.referenced))).collect()
    }

    pub(super) fn log(&mut self, name: &str, at: Option<Location>) -> Option<LogKind> {
        let known = LogKind::ALL.into_iter().find(|log| log.as_str() == name);
        if known.is_none() {
            self.complain(at, format!("log `{name}` is none of {}", log_names()));
        }
        known
    }

    fn category(&mut self, category: Option<Spanned<String>>) -> Option<Category> {
        let Some(category) = category else {
            self.complain(None, "`category` is missing; say the kind of cause, such as `user_code`");
            return None;
        };
        if category.value == Category::Unclassified.as_str() {
            let message = "category `unclassified` is for failures that no rule matches; choose another";
            self.complain(Some(category.referenced), message);
            return None;
        }
        self.parsed("category", &category)
    }

    fn memory_side(&mut self, category: Option<Category>, side: Option<&Spanned<String>>) -> Option<MemorySide> {
        match (category, side) {
            (Some(Category::MemoryConfiguration), None) => {
                let sides: Vec<_> = MemorySide::ALL.iter().map(|side| side.as_str()).collect();
                let message = format!(
                    "`memory_side` is missing; say which memory ran out: {}, or {NO_MEMORY_SIDE} where it is none of \
                     the job's (the host's, a daemon's)",
                    sides.join(", ")
                );
                self.complain(None, message);
            }
            (Some(other), Some(side)) if other != Category::MemoryConfiguration => {
                let message = format!("`memory_side` is for category memory_configuration; remove it, or `{other}`");
                self.complain(Some(side.referenced), message);
            }
            _ => {}
        }
        let side = side?;
        if side.value == NO_MEMORY_SIDE {
            return None;
        }
        self.parsed("memory_side", side)
    }

    fn status(&mut self, status: Option<&Spanned<String>>, replaced_by: Option<&Spanned<String>>) -> RuleStatus {
        let named = |text: &Spanned<String>| RuleStatus::ALL.into_iter().find(|known| known.as_str() == text.value);
        let known = status.map_or(Some(RuleStatus::Stable), named);
        let at = status.map(|status| status.referenced);
        match (known, replaced_by) {
            (None, _) => {
                let other = status.map_or("", |status| status.value.as_str());
                let all = RuleStatus::ALL.map(RuleStatus::as_str).join(", ");
                self.complain(at, format!("status `{other}` is none of {all}"));
            }
            (Some(RuleStatus::Deprecated), None) => {
                self.complain(at, "`replaced_by` is missing; name the rule that takes the deprecated one's place");
            }
            (Some(RuleStatus::Experimental | RuleStatus::Stable), Some(other)) => {
                let message = "`replaced_by` is for a deprecated rule; add `status: deprecated`, or remove it";
                self.complain(Some(other.referenced), message);
            }
            _ => {}
        }
        known.unwrap_or_default()
    }

    fn within(&mut self, within: Option<&Spanned<String>>) -> Within {
        match within.map(|within| within.value.as_str()) {
            None | Some("block") => Within::Block,
            Some("root_cause") => Within::RootCause,
            Some(other) => {
                let message = format!("within `{other}` is none of block, root_cause");
                self.complain(within.map(|within| within.referenced), message);
                Within::Block
            }
        }
    }

    pub(super) fn parsed<T: FromStr<Err = String>>(&mut self, field: &str, text: &Spanned<String>) -> Option<T> {
        match text.value.parse() {
            Ok(value) => Some(value),
            Err(message) => {
                self.complain(Some(text.referenced), format!("{field} {message}"));
                None
            }
        }
    }
}

fn texts(spanned: Vec<Spanned<String>>) -> Vec<String> {
    spanned.into_iter().map(|text| text.value).collect()
}

fn log_names() -> String {
    LogKind::ALL.map(LogKind::as_str).join(", ")
}
