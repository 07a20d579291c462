//! What works without a server: `classify` and `rules`.

use std::{fs, io::Write as _, path::Path, process::Stdio};

use crate::program::{paramedic, rules, run, stderr, stdout};

const HEAP: &str = "26/01/31 12:00:00 ERROR Executor: Exception in task 0.0 in stage 1.0 (TID 3)\n\
                    java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n";

fn with_rules(arguments: &[&str]) -> std::process::Output {
    paramedic(arguments).env("PARAMEDIC_RULES", rules()).output().unwrap()
}

#[test]
fn a_log_is_classified_with_its_proof() {
    let directory = tempfile::tempdir().unwrap();
    let executor = directory.path().join("executor-1.stderr");
    fs::write(&executor, HEAP).unwrap();
    let output = with_rules(&["classify", "--json", executor.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let classification: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(classification["category"], "memory_configuration");
    assert_eq!(classification["memory_side"], "executor_heap");
    assert_eq!(classification["evidence"][0]["log"], "executor.stderr");
    let text = stdout(&with_rules(&["classify", executor.to_str().unwrap()]));
    assert!(text.contains("executor.stderr:2: java.lang.OutOfMemoryError: Java heap space"), "{text}");
}

#[test]
fn what_no_rule_matches_exits_with_1_also_from_standard_input() {
    let mut command = paramedic(&["classify", "-"]);
    command.env("PARAMEDIC_RULES", rules()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"nothing that anybody knows\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with("Unclassified"));
}

#[test]
fn the_repositorys_rules_pass_their_check_and_their_examples() {
    for command in ["check", "test"] {
        let output = with_rules(&["rules", command]);
        assert_eq!(output.status.code(), Some(0), "{command}: {}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn the_reader_of_a_list_may_leave() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = paramedic(&["rules", "list"]).env("PARAMEDIC_RULES", rules()).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

fn write_rule(directory: &Path, regex: &str, example: &str) {
    let rule = format!(
        "rules:\n  - name: CoffeeIsOut\n    source: platform\n    log: [driver.stderr]\n    summary: The coffee is out.\n    \
         category: platform\n    restartable: true\n    regex: '{regex}'\n    examples:\n      match: ['{example}']\n      \
         no_match: ['coffee is here']\n"
    );
    fs::write(directory.join("10-coffee.yaml"), rule).unwrap();
}

#[test]
fn a_broken_rule_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    write_rule(directory.path(), "coffee (is out", "coffee is out");
    let output = run(&["rules", "--rules", directory.path().to_str().unwrap(), "check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("10-coffee.yaml:"), "{}", stdout(&output));
}

#[test]
fn an_example_that_fails_exits_with_1_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    write_rule(directory.path(), "coffee is out", "tea is out");
    let output = run(&["rules", "--rules", directory.path().to_str().unwrap(), "test"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("CoffeeIsOut") && stdout(&output).contains("match[0]"), "{}", stdout(&output));
}

#[test]
fn an_explanation_tells_why_a_rule_did_not_decide() {
    let directory = tempfile::tempdir().unwrap();
    write_rule(directory.path(), "coffee is out", "coffee is out");
    let log = directory.path().join("driver.log");
    fs::write(&log, "all is well\n").unwrap();
    let rules = directory.path().to_str().unwrap();
    let explain = |rule: &str| run(&["rules", "--rules", rules, "explain", log.to_str().unwrap(), "--rule", rule]);
    let output = explain("CoffeeIsOut");
    assert!(output.status.success());
    assert!(stdout(&output).contains("CoffeeIsOut does not match"), "{}", stdout(&output));
    assert_eq!(explain("NoSuchRule").status.code(), Some(2));
}
