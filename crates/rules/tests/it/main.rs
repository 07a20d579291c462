//! The rules engine from outside: what it refuses, how it matches, what it explains; and the packs that ship.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod examples;
mod loading;
mod matching;
mod packs;
mod schema;
mod structured_logs;

use paramedic_domain::LogKind;
use paramedic_rules::{LogText, RuleErrors, RuleSet};

/// A rule of this name and pattern, with more lines of YAML.
pub(crate) fn rule(name: &str, regex: &str, more: &str) -> String {
    format!(
        "  - name: {name}\n    source: spark\n    log: [driver.stderr]\n    summary: A summary.\n    category: user_code\n    \
         restartable: false\n    regex: '{regex}'\n{more}    examples: {{match: [one], no_match: [other]}}\n"
    )
}

/// A set of these rules, in one file.
pub(crate) fn rules(texts: &[String]) -> Result<RuleSet, RuleErrors> {
    RuleSet::from_sources(&[("rules.yaml".to_owned(), format!("rules:\n{}", texts.concat()))])
}

/// A driver's log.
pub(crate) fn driver(text: &str) -> Vec<LogText> {
    vec![LogText { log: LogKind::DriverStderr, name: "driver.stderr".to_owned(), text: text.to_owned() }]
}
