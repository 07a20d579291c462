//! The JSON schema names what the reader knows, no more and no less.

use std::collections::BTreeSet;

use paramedic_rules::RuleSet;
use serde_json::Value;

fn schema() -> Value {
    paramedic_rules::json_schema()
}

fn properties(definition: &str) -> BTreeSet<String> {
    schema()["$defs"][definition]["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The fields that the reader says it knows, when it meets one that it does not.
fn known_beside(yaml: &str) -> BTreeSet<String> {
    let refusal = RuleSet::from_sources(&[("a.yaml".to_owned(), yaml.to_owned())]).unwrap_err().to_string();
    let (_, listed) = refusal.split_once("unknown field").unwrap();
    let (_, listed) = listed.split_once("expected one of").unwrap();
    listed.split(',').map(|name| name.trim().trim_matches(['`', '\n']).to_owned()).collect()
}

#[test]
fn every_field_of_a_rule_is_in_the_schema() {
    assert_eq!(properties("RuleEntry"), known_beside("rules:\n  - nonsense: 1\n"));
}

#[test]
fn every_field_of_an_example_and_its_expectation_is_in_the_schema() {
    let example = "rules:\n  - examples:\n      match:\n        - text: a\n          nonsense: 1\n";
    assert_eq!(properties("RuleExampleMapping"), known_beside(example));
    let expect = "rules:\n  - examples:\n      match:\n        - text: a\n          expect: {nonsense: 1}\n";
    assert_eq!(properties("RuleExpectation"), known_beside(expect));
    let container = "rules:\n  - examples:\n      match:\n        - containers: [{nonsense: 1}]\n";
    assert_eq!(properties("RuleExampleContainer"), known_beside(container));
}

#[test]
fn enumerations_list_every_name() {
    let schema = schema();
    let of = |definition: &str, field: &str| schema["$defs"][definition]["properties"][field]["enum"].clone();
    assert_eq!(of("RuleEntry", "status"), serde_json::json!(["experimental", "stable", "deprecated"]));
    let actions = serde_json::json!(["retry_with_config", "retry_unchanged", "do_not_retry", "ask_recommender"]);
    assert_eq!(of("RuleExpectation", "action"), actions);
    assert!(of("RuleExpectation", "memory_side").as_array().unwrap().contains(&"none".into()));
}
