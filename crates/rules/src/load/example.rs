//! The checks of a rule's examples, and of what they expect.

use std::collections::BTreeMap;

use paramedic_domain::{Configuration, classification::UNCLASSIFIED};
use serde_saphyr::Spanned;

use super::check::{Check, ExpectedClass};
use crate::{
    expectation::Expectation,
    pattern::Pattern,
    rule::Example,
    source::{RawExample, RawExpectation},
};

/// What a rule's own examples may expect by name.
pub(super) struct Named {
    /// The pattern's groups; `None` where there is no pattern to ask.
    captures: Option<Vec<String>>,
    /// The remedy's keys.
    remedy: Vec<String>,
}

/// Captures that a rule's conditions give, whatever its pattern.
const CAPTURED_BY_CONDITIONS: [&str; 5] =
    ["error_condition", "sql_state", "container_reason", "container_exit_code", "executor_id"];

impl Named {
    pub(super) fn of<'k>(regex: Option<&Pattern>, remedy: impl Iterator<Item = &'k String>) -> Self {
        let names = |regex: &Pattern| regex.names().to_vec();
        Self { captures: regex.map(names), remedy: remedy.cloned().collect() }
    }
}

impl Check<'_> {
    /// The examples of `match` (with what they may expect by name) or of `no_match`, whose verdict is another rule's.
    pub(super) fn examples(
        &mut self,
        field: &str,
        what: &str,
        examples: Vec<Spanned<RawExample>>,
        named: Option<&Named>,
    ) -> Vec<Example> {
        if examples.is_empty() {
            self.complain(None, format!("`examples: {field}` is missing or empty; give {what}"));
        }
        examples.into_iter().map(|example| self.example(field, example, named)).collect()
    }

    fn example(&mut self, field: &str, example: Spanned<RawExample>, named: Option<&Named>) -> Example {
        let at = example.referenced;
        let example = example.value;
        if example.text.trim().is_empty() && example.exit_code.is_none() && example.containers.is_empty() {
            self.complain(Some(at), format!("`examples: {field}` holds an empty excerpt; write the log's lines"));
        }
        if example.text.trim_start().starts_with("TODO") {
            self.complain(Some(at), format!("`examples: {field}` still says TODO; write the log's lines"));
        }
        Example {
            log: example.log.and_then(|log| self.log(&log.value, Some(log.referenced))),
            text: example.text,
            exit_code: example.exit_code,
            containers: example.containers,
            config: Configuration(example.config),
            expect: example.expect.map(|expect| self.expectation(expect, named)),
            line: at.line(),
        }
    }

    fn expectation(&mut self, expect: Spanned<RawExpectation>, named: Option<&Named>) -> Expectation {
        let at = expect.referenced;
        let raw = expect.value;
        if let Some(class) = raw.class.as_ref().filter(|class| class.value != UNCLASSIFIED) {
            let message =
                format!("`expect: class: {}` names no rule; give the name of one in these files", class.value);
            let error = self.mistake(Some(class.referenced), message);
            self.classes.push(ExpectedClass { class: class.value.clone(), error });
        }
        if let Some(named) = named {
            self.names_are_known(&raw, named);
        }
        let expectation = Expectation {
            class: raw.class.map(|class| class.value),
            category: raw.category.and_then(|category| self.parsed("expect: category", &category)),
            memory_side: raw.memory_side.and_then(|side| self.parsed("expect: memory_side", &side)),
            restartable: raw.restartable,
            action: raw.action.and_then(|action| self.parsed("expect: action", &action)),
            captures: values(raw.captures),
            remedy: Configuration(values(raw.remedy)),
            evidence: raw.evidence,
            line: raw.line,
        };
        if expectation.is_empty() {
            self.complain(Some(at), "`expect` names nothing to compare; name a field, or leave it out");
        }
        expectation
    }

    /// A capture or a key that the rule cannot give is a slip of the pen.
    fn names_are_known(&mut self, raw: &RawExpectation, named: &Named) {
        for (name, value) in &raw.captures {
            let Some(captures) = &named.captures else { continue };
            if !captures.contains(name) && !CAPTURED_BY_CONDITIONS.contains(&name.as_str()) {
                let message = format!("`expect: captures: {name}` is no group of the pattern; {}", listed(captures));
                self.complain(Some(value.referenced), message);
            }
        }
        for (key, value) in &raw.remedy {
            if !named.remedy.contains(key) {
                let message = format!("`expect: remedy: {key}` is no key of the remedy; {}", listed(&named.remedy));
                self.complain(Some(value.referenced), message);
            }
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) }
}

fn values(spanned: BTreeMap<String, Spanned<String>>) -> BTreeMap<String, String> {
    spanned.into_iter().map(|(name, value)| (name, value.value)).collect()
}
