//! Matching: the shipped rules over a log, beside the same rules in a form that is tried on every log entry.

use std::{path::Path, sync::OnceLock};

use paramedic_rules::{Circumstances, LogText, Question, RuleHit, RuleSet, explain_in};
use serde_json::{Value, json};

use crate::input;

/// Longest input, in bytes: the slow rules are some hundred regular expressions on every entry.
const LOG_BYTES_MAX: usize = 16 * 1024;
/// Groups of slow rules, of which an input's length chooses one: together they take a quarter of a second.
const GROUPS: usize = 16;

/// Classifies a log by the shipped rules. Fast and slow rules find the same; evidence is a line of a log that was
/// given; what is explained is what was decided.
pub fn rule_match(data: &[u8]) {
    let text = input::text(&data[..data.len().min(LOG_BYTES_MAX)]);
    let logs = input::logs(&text);
    let exit_code = [None, Some(1), Some(137)][data.len() % 3];
    let circumstances = Circumstances { exit_code, ..Circumstances::default() };
    let fast = shipped_rules();
    let slow = slow_twins(data.len() % GROUPS);
    let hits = fast.hits_in(&logs, &circumstances);
    let named = |rules: &RuleSet, hits: &[(usize, RuleHit)]| -> Vec<(String, RuleHit)> {
        let hits = hits.iter().map(|(rule, hit)| (rules.rules()[*rule].name.clone(), hit.clone()));
        hits.filter(|(name, _)| slow.rule(name).is_some()).collect()
    };
    assert_eq!(named(fast, &hits), named(slow, &slow.hits_in(&logs, &circumstances)), "as if tried on every entry");
    for (_, hit) in &hits {
        assert_is_in(hit, &logs);
    }

    let verdict = fast.classify_in(&logs, &circumstances);
    let names: Vec<_> = hits.iter().map(|(rule, _)| fast.rules()[*rule].name.clone()).collect();
    assert_eq!(verdict.matched, names);
    assert!(verdict.rule.iter().all(|rule| names.contains(rule)));
    if !(data.len() / GROUPS).is_multiple_of(4) {
        return;
    }
    let question = Question { rule: verdict.rule.as_deref(), near_max: 3 };
    let explained = explain_in(fast, &logs, &circumstances, question);
    assert_eq!(explained.classification.rule, verdict.rule);
    assert!(explained.near.len() <= 3);
    if let Some(asked) = explained.asked {
        assert!(asked.decides && asked.matched);
        assert!(asked.conditions.iter().all(|condition| condition.holds), "{:?}", asked.conditions);
    }
}

fn assert_is_in(hit: &RuleHit, logs: &[LogText]) {
    for evidence in &hit.evidence {
        let lines = logs.iter().filter(|log| log.log == evidence.log).map(|log| log.text.lines().count().max(1) as u64);
        assert!(lines.max().is_some_and(|lines| (1..=lines).contains(&evidence.line)), "{evidence:?}");
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules"))
}

fn shipped_rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| RuleSet::load_dir(folder()).expect("the shipped rules load"))
}

/// Every so many-th of the shipped rules, each with a choice that never matches and has no fixed text: so the search
/// for fixed texts tells nothing, and the pattern is tried on every entry as a whole.
fn slow_twins(group: usize) -> &'static RuleSet {
    static TWINS: [OnceLock<RuleSet>; GROUPS] = [const { OnceLock::new() }; GROUPS];
    TWINS[group].get_or_init(|| {
        let rules: Vec<_> = rules_as_data().into_iter().skip(group).step_by(GROUPS).map(slowed_down).collect();
        // As JSON, which YAML takes in.
        let text = json!({"rules": rules}).to_string();
        RuleSet::from_sources(&[("slow.yaml".to_owned(), text)]).expect("the twins of rules are rules")
    })
}

fn rules_as_data() -> Vec<Value> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder()).expect("the rules' folder").flatten().map(|f| f.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let rules = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).expect("a rule file");
        let file: Value = serde_saphyr::from_str(&text).expect("a rule file is YAML");
        file["rules"].as_array().cloned().unwrap_or_default()
    });
    rules.collect()
}

fn slowed_down(mut rule: Value) -> Value {
    if let Some(regex) = rule["regex"].as_str() {
        rule["regex"] = json!(format!(r"(?:{regex})|\b\B"));
    }
    // What other rules must be there for is no part of matching.
    rule["examples"] = json!({"match": ["one"], "no_match": ["other"]});
    if let Some(rule) = rule.as_object_mut() {
        rule.remove("replaced_by");
        rule.remove("status");
    }
    rule
}
