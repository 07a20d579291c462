//! How rules match.

use paramedic_domain::Configuration;
use paramedic_rules::{LogText, explain};
use proptest::prelude::*;

use crate::{driver, rule, rules};

const TRACE: &str = "26/01/31 12:00:00 WARN Main: started\n\
    26/01/31 12:00:01 ERROR Main: it failed\n\
    java.lang.IllegalStateException: outer\n\
    \tat com.example.Main.run(Main.scala:7)\n\
    Caused by: java.io.IOException: inner 42\n\
    \t... 3 more\n\
    26/01/31 12:00:02 WARN Main: stopped\n";

#[test]
fn the_first_rule_in_order_decides_and_all_are_listed() {
    let set = rules(&[rule("LaterInTheLog", "stopped", ""), rule("EarlierInTheLog", "started", "")]).unwrap();
    let verdict = set.classify(&driver(TRACE), None);
    assert_eq!(verdict.class, "LaterInTheLog");
    assert_eq!(verdict.matched, ["LaterInTheLog", "EarlierInTheLog"]);
}

#[test]
fn a_stack_trace_is_one_block_and_two_entries_are_two() {
    let set = rules(&[rule("SpansTheTrace", "(?s)it failed.*inner (?<number>\\d+)", "")]).unwrap();
    let verdict = set.classify(&driver(TRACE), None);
    assert_eq!(verdict.class, "SpansTheTrace");
    assert_eq!(verdict.captures.get("number").map(String::as_str), Some("42"));
    let set = rules(&[rule("SpansEntries", "(?s)it failed.*stopped", "")]).unwrap();
    assert_eq!(set.classify(&driver(TRACE), None).class, "Unclassified");
}

#[test]
fn the_evidence_names_the_line() {
    let set = rules(&[rule("InnerCause", "inner", "")]).unwrap();
    let verdict = set.classify(&driver(TRACE), None);
    let line = verdict.evidence.first().unwrap();
    assert_eq!((line.line, line.text.as_str()), (5, "Caused by: java.io.IOException: inner 42"));
}

#[test]
fn windows_line_ends_change_nothing() {
    let set = rules(&[rule("InnerCause", "(?m)inner 42$", "")]).unwrap();
    assert_eq!(set.classify(&driver(&TRACE.replace('\n', "\r\n")), None).class, "InnerCause");
}

#[test]
fn unless_looks_at_the_block_and_the_next_block_counts() {
    let text = "26/01/31 12:00:00 WARN A: broken (ignored)\n26/01/31 12:00:01 ERROR B: broken\n";
    let set = rules(&[rule("ReallyBroken", "broken", "    unless: ignored\n")]).unwrap();
    assert_eq!(set.classify(&driver(text), None).evidence.first().unwrap().line, 2);
    assert_eq!(set.classify(&driver("26/01/31 12:00:00 WARN A: broken (ignored)\n"), None).class, "Unclassified");
}

#[test]
fn a_jvm_flag_is_no_hit() {
    let set = rules(&[rule("OutOfMemory", "OutOfMemoryError", "")]).unwrap();
    let flag = "26/01/31 12:00:00 INFO Main: options -XX:OnOutOfMemoryError=kill -XX:+HeapDumpOnOutOfMemoryError\n";
    assert_eq!(set.classify(&driver(flag), None).class, "Unclassified");
    assert_eq!(set.classify(&driver("java.lang.OutOfMemoryError: x\n"), None).class, "OutOfMemory");
}

#[test]
fn circumstances_narrow_a_rule() {
    let more = "    exit_code: [137]\n    config: {spark.master: \"^yarn$\"}\n";
    let set = rules(&[rule("KilledOnYarn", "killed", more)]).unwrap();
    let yarn = Configuration::from_iter([("spark.master", "yarn")]);
    let class = |exit_code, config: &Configuration| set.classify_with(&driver("killed\n"), exit_code, config).class;
    assert_eq!(class(Some(137), &yarn), "KilledOnYarn");
    assert_eq!(class(Some(1), &yarn), "Unclassified");
    assert_eq!(class(Some(137), &Configuration::default()), "Unclassified");
}

#[test]
fn an_experimental_rule_is_listed_and_decides_nothing() {
    let set =
        rules(&[rule("InShadow", "broken", "    status: experimental\n"), rule("Decides", "broken", "")]).unwrap();
    let verdict = set.classify(&driver("broken\n"), None);
    assert_eq!(verdict.class, "Decides");
    assert!(verdict.matched.contains(&"InShadow".to_owned()));
}

#[test]
fn a_deprecated_rule_decides_still_and_check_advises_its_replacement() {
    let old = rule("OldName", "broken", "    status: deprecated\n    replaced_by: NewName\n");
    let set = rules(&[old, rule("NewName", "broken", "")]).unwrap();
    assert_eq!(set.classify(&driver("broken\n"), None).class, "OldName");
    let advice = paramedic_rules::lint(&set);
    let found = advice.iter().find(|finding| finding.kind == paramedic_rules::FindingKind::Deprecated).unwrap();
    assert!(!found.error && found.message.contains("NewName"), "{found}");
}

#[test]
fn an_explanation_says_why_a_rule_did_not_match() {
    let set = rules(&[rule("Decides", "started", ""), rule("NotThere", "absent", "")]).unwrap();
    let told = explain(&set, &driver(TRACE), None, Some("NotThere"));
    assert_eq!(told.classification.class, "Decides");
    let asked = told.asked.unwrap();
    assert!(!asked.matched && !asked.why.is_empty());
}

#[test]
fn no_logs_and_empty_logs_are_unclassified() {
    let set = rules(&[rule("FirstRule", "a", "")]).unwrap();
    assert_eq!(set.classify(&[], None).class, "Unclassified");
    assert_eq!(set.classify(&driver(""), None).class, "Unclassified");
}

proptest! {
    #[test]
    fn any_log_can_be_classified(text in "(\\PC|\n|\r|\t){0,400}") {
        let set = rules(&[rule("AnyWord", "(?<word>\\w+)", "    unless: z\n")]).unwrap();
        let logs: Vec<LogText> = driver(&text);
        let verdict = set.classify(&logs, Some(1));
        for line in verdict.evidence {
            prop_assert!(line.line >= 1 && line.line <= text.lines().count() as u64 + 1);
        }
    }
}
