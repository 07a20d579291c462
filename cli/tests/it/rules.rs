//! What rule authors run: `paramedic rules …` without a server.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{nobody, rules, run, stderr, stdout};

const COFFEE: &str = "rules:
  - name: CoffeeIsOut
    source: kitchen
    log: [driver.stderr]
    summary: The coffee is out.
    category: platform
    restartable: true
    regex: '(?<drink>coffee|espresso) is out of (?<limit_bytes>\\d+) bytes'
    examples:
      match:
        - {text: 'the coffee is out of 7 bytes', expect: {captures: {drink: coffee}, action: retry_unchanged}}
      no_match: ['coffee is here']
";

/// A folder with one file of rules.
fn folder(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("10-coffee.yaml"), text).unwrap();
    directory
}

fn on(directory: &TempDir, arguments: &[&str]) -> Output {
    let mut all = vec!["rules", "--rules", directory.path().to_str().unwrap()];
    all.extend(arguments);
    run(&all)
}

fn path_in(directory: &TempDir, name: &str) -> String {
    directory.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn check_marks_the_place_of_a_bad_pattern_in_every_format() {
    let directory = folder(&COFFEE.replace("bytes'", "(bytes'"));
    let output = on(&directory, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(
        text.contains("10-coffee.yaml:8:69: error: rule CoffeeIsOut: `regex` is no pattern: unclosed group"),
        "{text}"
    );
    let (above, mark) = text.lines().zip(text.lines().skip(1)).find(|(_, mark)| mark.trim() == "^").unwrap();
    assert!(above[mark.len() - 1..].starts_with("(bytes"), "{text}");
    let github = stdout(&on(&directory, &["check", "--format", "github"]));
    assert!(github.starts_with("::error file=") && github.contains("line=8,col=69"), "{github}");
    let json: Value = serde_json::from_slice(&on(&directory, &["check", "--json"]).stdout).unwrap();
    assert_eq!((&json[0]["kind"], &json[0]["line"], &json[0]["column"]), (&"refused".into(), &8.into(), &69.into()));
}

#[test]
fn check_fails_on_advice_only_when_asked_to() {
    let deprecated = "    status: deprecated\n    replaced_by: CoffeeIsOut\n    examples:";
    let old = COFFEE.replace("CoffeeIsOut", "NoCoffee").replace("    examples:", deprecated);
    let directory = folder(&format!("{old}{}", COFFEE.trim_start_matches("rules:\n")));
    let output = on(&directory, &["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("2 rules, 0 errors, 1 advice\n"), "{}", stdout(&output));
    assert_eq!(on(&directory, &["check", "--fail-on", "advice"]).status.code(), Some(1));
}

#[test]
fn test_tells_what_was_expected_and_what_came() {
    let directory = folder(&COFFEE.replace("drink: coffee", "drink: tea"));
    let output = on(&directory, &["test"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "10-coffee.yaml:11: CoffeeIsOut match[0] failed\n  captures.drink\n    expected: tea\n    came:     \
                    coffee\n  decided by CoffeeIsOut\n1 example passed, 1 failed\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn test_writes_junit_and_holds_coverage_to_a_bound() {
    let directory = folder(COFFEE);
    let junit = path_in(&directory, "rules.xml");
    let output = on(&directory, &["test", "--junit", &junit, "--coverage", "--min-coverage", "100"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("no example tries 1 alternative: regex: espresso"), "{}", stdout(&output));
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"2\"") && xml.contains("classname=\"CoffeeIsOut\""), "{xml}");
    let output = on(&directory, &["test", "--min-alternatives", "80"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("50.0 % of the alternatives"), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&on(&directory, &["test", "--json", "--coverage"]).stdout).unwrap();
    assert_eq!(json["coverage"]["rules"]["reached"], 1);
}

#[test]
fn test_runs_one_rule_and_knows_what_was_meant() {
    let packs = rules();
    let packs = packs.to_str().unwrap();
    let output = run(&["rules", "--rules", packs, "test", "--rule", "SparkExecutorHeapOom"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let output = run(&["rules", "--rules", packs, "test", "--rule", "sparkexecutorheap"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is it SparkExecutorHeapOom?"), "{}", stderr(&output));
}

#[test]
fn explain_names_the_condition_that_failed_and_the_nearest_line() {
    let directory = folder(&COFFEE.replace("    examples:", "    exit_code: [137]\n    examples:"));
    let log = path_in(&directory, "driver.log");
    fs::write(&log, "all is well\nthe coffee is out of 9 kilobytes\n").unwrap();
    let text = stdout(&on(&directory, &["explain", &log, "--exit-code", "137"]));
    assert!(text.contains("came close") && text.contains("driver.log:2: the coffee is out of 9"), "{text}");
    let text = stdout(&on(&directory, &["explain", &log, "--rule", "CoffeeIsOut", "--exit-code", "1"]));
    assert!(text.contains("fails  exit_code: one of [137] is wanted; it is 1"), "{text}");
    let all = stdout(&on(&directory, &["explain", &log, "--all"]));
    assert!(all.contains("   1 CoffeeIsOut does not match: the exit code is not known"), "{all}");
}

#[test]
fn a_containers_end_is_given_on_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let log = path_in(&directory, "driver.stderr");
    fs::write(&log, "nothing that anybody knows\n").unwrap();
    let packs = rules();
    let with = |end: &str| run(&["classify", "--rules", packs.to_str().unwrap(), "--json", &log, "--container", end]);
    let output = with("executor:OOMKilled:137");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["memory_side"], "executor_overhead", "{json}");
    assert_eq!(with("executor").status.code(), Some(2));
}

#[test]
fn backtest_tells_what_a_change_changes() {
    let (before, after) = (folder(&COFFEE.replace("coffee|", "")), folder(COFFEE));
    let logs = tempfile::tempdir().unwrap();
    fs::write(logs.path().join("one.log"), "the coffee is out of 1 bytes\n").unwrap();
    fs::create_dir(logs.path().join("two")).unwrap();
    fs::write(logs.path().join("two/driver.stderr"), "the espresso is out of 1 bytes\n").unwrap();
    fs::write(logs.path().join("two/driver.stdout"), "quiet\n").unwrap();
    let baseline = before.path().to_str().unwrap();
    let arguments = ["backtest", "--baseline", baseline, "--logs", logs.path().to_str().unwrap()];
    let output = on(&after, &[&arguments[..], &["--fail-on-change"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "a bar is drawn on a terminal only");
    let text = stdout(&output);
    assert!(text.contains("2 failures compared with") && text.contains("unclassified: 1 before, 0 after"), "{text}");
    let json: Value = serde_json::from_slice(&on(&after, &[&arguments[..], &["--json"]].concat()).stdout).unwrap();
    assert_eq!((&json["compared"], &json["changed"]), (&2.into(), &1.into()));
    assert_eq!(json["changes"][0]["samples"], serde_json::json!(["one.log"]));
    assert_eq!(json["rules"]["CoffeeIsOut"]["gained"], 1);
    let same = on(&before, &[&arguments[..], &["--fail-on-change"]].concat());
    assert_eq!(same.status.code(), Some(0));
}

#[test]
fn backtest_reads_json_lines_with_their_cost() {
    let (before, after) = (folder(&COFFEE.replace("coffee|", "")), folder(COFFEE));
    let corpus = path_in(&after, "failures.jsonl");
    let line = r#"{"id": "a", "log": "driver.stderr", "text": "coffee is out of 1 bytes", "cost_usd": 2.5}"#;
    fs::write(&corpus, format!("{line}\n\n{line}\n")).unwrap();
    let arguments = ["backtest", "--baseline", before.path().to_str().unwrap(), "--corpus", &corpus];
    let text = stdout(&on(&after, &arguments));
    assert!(text.contains("$5.00") && text.contains("Unclassified  CoffeeIsOut"), "{text}");
    fs::write(&corpus, format!("{line}\nnonsense\n")).unwrap();
    let output = on(&after, &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("failures.jsonl:2:"), "{}", stderr(&output));
}

#[test]
fn backtest_says_which_part_is_not_there() {
    let directory = folder(COFFEE);
    let output = on(&directory, &["backtest", "--server", &nobody()]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let corpus = path_in(&directory, "none.jsonl");
    for (arguments, mend) in [
        (["--baseline", "/no/such/folder"], "there is no such folder"),
        (["--corpus", &corpus], "git worktree add"),
        (["--limit", "0"], "1..=100000"),
    ] {
        let output = on(&directory, &["backtest", arguments[0], arguments[1]]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(mend), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn new_prints_a_skeleton_that_check_complains_of() {
    let directory = folder(COFFEE);
    let file = path_in(&directory, "20-tea.yaml");
    let output = on(&directory, &["new", "TeaIsOut", "--category", "platform", "--output", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(Path::new(&file).is_file());
    let check = on(&directory, &["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(
        stdout(&check).contains("20-tea.yaml:3:13: error: rule TeaIsOut: `source` still says TODO"),
        "{}",
        stdout(&check)
    );
    fs::remove_file(&file).unwrap();
    let output = on(&directory, &["new", "CoffeeIsOut"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("10-coffee.yaml:2"), "{}", stderr(&output));
    assert_eq!(on(&directory, &["new", "coffee"]).status.code(), Some(2));
}

#[test]
fn schema_covers_what_examples_may_expect() {
    let schema: Value = serde_json::from_slice(&run(&["rules", "schema"]).stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["$defs"]["RuleExpectation"]["properties"]["captures"].is_object());
}
