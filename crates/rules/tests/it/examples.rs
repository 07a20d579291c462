//! What examples may expect beside who decides them.

use paramedic_rules::{ExampleOutcome, RuleSet, lint, run_examples};

use crate::{rule, rules};

/// A rule with a capture and a remedy, whose one hit expects this.
fn set(expect: &str) -> Result<RuleSet, paramedic_rules::RuleErrors> {
    let text = format!(
        "rules:
  - name: MessageTooLarge
    source: spark
    log: [driver.stderr]
    summary: A message is too large.
    category: configuration
    restartable: false
    regex: 'needs (?<required_bytes>\\d+) bytes'
    remedy: {{spark.rpc.message.maxSize: 'ceil(required_bytes / 1m, 8)'}}
    examples:
      match:
        - 'it needs 1 bytes'
        - text: \"26/01/31 12:00:00 INFO Main: began\\n26/01/31 12:00:01 ERROR Main: it needs 209715200 bytes\\n\"
          expect:
{expect}
      no_match: ['it needs no bytes']
"
    );
    RuleSet::from_sources(&[("size.yaml".to_owned(), text)])
}

fn outcome(expect: &str) -> ExampleOutcome {
    let set = set(expect).unwrap();
    run_examples(&set).into_iter().find(|outcome| outcome.expected_match && outcome.index == 1).unwrap()
}

fn refusal(expect: &str) -> String {
    set(expect).map_or_else(|errors| errors.to_string(), |_| "nothing was refused".to_owned())
}

#[test]
fn what_is_named_must_come_and_the_rest_may_be_anything() {
    let expect = "            action: retry_with_config
            category: configuration
            captures: {required_bytes: 209715200}
            remedy: {spark.rpc.message.maxSize: 200}
            evidence: 'it needs'
            line: 2";
    let outcome = outcome(expect);
    assert!(outcome.passed, "{outcome:#?}");
}

#[test]
fn what_came_otherwise_is_told_with_both_values() {
    let outcome = outcome("            captures: {required_bytes: 7}\n            restartable: true");
    assert!(!outcome.passed);
    assert_eq!(
        outcome.detail,
        "restartable: expected true, came false; captures.required_bytes: expected 7, came 209715200"
    );
    assert_eq!((outcome.file.as_str(), outcome.line), ("size.yaml", 13));
}

#[test]
fn an_unknown_name_is_refused_with_its_place() {
    let said = refusal("            captres: {required_bytes: 7}");
    assert!(said.contains("size.yaml:15:13") && said.contains("captres") && said.contains("captures"), "{said}");
    let said = refusal("            captures: {required: 7}");
    assert!(said.contains("size.yaml:15:34") && said.contains("there are required_bytes"), "{said}");
    let said = refusal("            remedy: {spark.driver.memory: 7g}");
    assert!(said.contains("size.yaml:15:43") && said.contains("there are spark.rpc.message.maxSize"), "{said}");
    let said = refusal("            class: Nobody");
    assert!(said.contains("size.yaml:15:20") && said.contains("names no rule"), "{said}");
    let said = refusal("            action: retry");
    assert!(said.contains("size.yaml:15:21") && said.contains("ask_recommender"), "{said}");
    assert!(refusal("            {}").contains("names nothing"));
}

#[test]
fn a_near_miss_may_expect_who_decides_it_instead() {
    let with = |class: &str| {
        rule("Wanted", "one", "")
            .replace("no_match: [other]", &format!("no_match: [{{text: the other, expect: {{class: {class}}}}}]"))
    };
    let other =
        rule("Other", "other", "").replace("match: [one], no_match: [other]", "match: [other], no_match: [one]");
    let failed = |class: &str| {
        let set = rules(&[with(class), other.clone()]).unwrap();
        run_examples(&set).into_iter().filter(|outcome| !outcome.passed).map(|o| o.detail).collect::<Vec<_>>()
    };
    assert_eq!(failed("Other"), Vec::<String>::new());
    assert_eq!(failed("Unclassified"), ["class: expected Unclassified, came Other"]);
}

#[test]
fn a_deprecated_rule_may_stand_before_or_after_its_replacement() {
    let old = rule("OldName", "^one$", "    status: deprecated\n    replaced_by: NewName\n");
    let new = rule("NewName", "^one$", "");
    for set in [rules(&[old.clone(), new.clone()]).unwrap(), rules(&[new, old]).unwrap()] {
        let findings = lint(&set);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert!(!findings[0].error && findings[0].message.contains("deprecated"));
    }
}

#[test]
fn a_rule_behind_one_that_it_does_not_replace_is_shadowed_still() {
    let set = rules(&[rule("FirstName", "^one$", ""), rule("SecondName", "^one$", "")]).unwrap();
    let kinds: Vec<_> = lint(&set).into_iter().map(|finding| format!("{:?}", finding.kind)).collect();
    assert_eq!(kinds, ["Shadowed", "MissedExample", "SamePattern"]);
}
