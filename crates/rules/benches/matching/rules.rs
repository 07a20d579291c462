//! 500 rules: the shipped ones that a line decides, and one for each of some exceptions of Hadoop and Spark.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use paramedic_domain::LogKind;
use paramedic_rules::{Rule, RuleSet};

/// Names of exceptions, from the class files of the jars that Spark 4.1.4 brings.
const EXCEPTIONS: &str = include_str!("exceptions.txt");
const RULES: usize = 500;

/// The rules of a contest.
pub(crate) struct Rules {
    /// One pattern a rule. A match lies within one line.
    pub(crate) patterns: Vec<String>,
    /// The rules as a file.
    pub(crate) yaml: String,
    /// Lines that one of the rules matches, or nearly.
    pub(crate) excerpts: Vec<String>,
    /// How many are shipped.
    pub(crate) shipped: usize,
}

pub(crate) fn rules() -> Rules {
    let shipped = RuleSet::load_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules"))).unwrap();
    let plain: Vec<_> = shipped.rules().iter().filter(|rule| is_plain(rule)).collect();
    let examples = plain.iter().flat_map(|rule| rule.examples.hits.iter().chain(&rule.examples.near_misses));
    let mut excerpts: Vec<_> = examples
        .flat_map(|example| example.text.lines())
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect();
    let mut patterns: Vec<_> =
        plain.iter().filter_map(|rule| within_line(rule.regex.as_deref()?)).take(RULES).collect();
    let shipped = patterns.len();
    for class in EXCEPTIONS.lines().take(RULES - shipped) {
        patterns.push(format!(r"\b{}(?:: (?<detail>.*))?$", class.replace('.', r"\.")));
        excerpts.push(format!("{class}: no such thing"));
    }
    let yaml = yaml(&patterns);
    Rules { patterns, yaml, excerpts, shipped }
}

impl Rules {
    pub(crate) fn load(&self) -> RuleSet {
        RuleSet::from_sources(&[("rules.yaml".to_owned(), self.yaml.clone())]).unwrap()
    }
}

/// Does its pattern alone tell whether it matches?
fn is_plain(rule: &Rule) -> bool {
    let conditions = [
        rule.unless.is_some(),
        rule.logger.is_some(),
        rule.within != paramedic_rules::Within::Block,
        !rule.exit_code.is_empty(),
        !rule.container_reason.is_empty(),
        !rule.container_exit_code.is_empty(),
        !rule.yarn_exit_status.is_empty(),
        !rule.error_condition.is_empty(),
        !rule.sql_state.is_empty(),
        !rule.level.is_empty(),
        !rule.config.is_empty(),
    ];
    !conditions.contains(&true) && rule.log.contains(&LogKind::DriverStderr)
}

/// The pattern, kept from taking a line end in. `None` where it asks for several lines.
fn within_line(pattern: &str) -> Option<String> {
    let pattern = pattern.replace(r"\s", r"[ \t]").replace("[^", r"[^\n");
    (!pattern.contains("(?s") && !pattern.contains(r"[^\n[") && !pattern.contains(r"\\n"))
        .then_some(pattern)
        .filter(|pattern| regex::Regex::new(pattern).is_ok())
}

/// None decides, so that every rule's hit is told.
fn yaml(patterns: &[String]) -> String {
    let mut yaml = String::from("rules:\n");
    for (number, pattern) in patterns.iter().enumerate() {
        let rule = BTreeMap::from([
            ("name", serde_json::json!(format!("Rule{number}"))),
            ("source", "spark".into()),
            ("log", serde_json::json!(["driver.stderr"])),
            ("summary", "A rule of the benchmark.".into()),
            ("category", "user_code".into()),
            ("restartable", false.into()),
            ("status", "experimental".into()),
            ("regex", pattern.as_str().into()),
            ("examples", serde_json::json!({"match": ["one"], "no_match": ["other"]})),
        ]);
        let _ = writeln!(yaml, "  - {}", serde_json::to_string(&rule).unwrap());
    }
    yaml
}
