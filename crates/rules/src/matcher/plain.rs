//! The plain way that the matcher must agree with: every rule on every block.

use paramedic_domain::{Configuration, LogKind};
use proptest::prelude::*;

use super::{
    Matcher, Outcome,
    hit::{Surroundings, nearer, try_block},
    precondition,
};
use crate::{
    block::split,
    circumstances::Circumstances,
    rarity::HEALTHY_LOG,
    recovery::LazyRecovery,
    rule::Rule,
    set::{LogText, RuleSet},
    structured_log,
};

fn outcomes(matcher: &Matcher, rules: &[Rule], logs: &[LogText], exit_code: Option<i32>) -> Vec<Outcome> {
    let circumstances = Circumstances { exit_code, ..Circumstances::default() };
    // A text that is set in as a whole loses its margin; its lines stay the same ones.
    let rendered = structured_log::render_all(logs);
    let logs = &*structured_log::with_rendered(logs, &rendered);
    let config = precondition::with_dumped(&circumstances.config, logs).into_owned();
    let one = |(index, rule)| outcome(matcher, index, rule, logs, &circumstances, &config);
    rules.iter().enumerate().map(one).collect()
}

fn outcome(
    matcher: &Matcher,
    index: usize,
    rule: &Rule,
    logs: &[LogText],
    circumstances: &Circumstances,
    config: &Configuration,
) -> Outcome {
    let patterns = matcher.patterns(index);
    let before = matcher.before_logs(index, rule, circumstances, config);
    if before != Outcome::NoLog {
        return before;
    }
    let mut outcome = Outcome::NoLog;
    for (number, log) in logs.iter().enumerate().filter(|(_, log)| rule.log.contains(&log.log)) {
        let recovery = LazyRecovery::of(&log.text);
        let around = Surroundings { recovery: &recovery, containers: &[] };
        for block in split(&log.text) {
            match try_block(&block, number, patterns, &around) {
                hit @ Outcome::Hit(_) => return hit,
                miss => outcome = nearer(outcome, miss),
            }
        }
        outcome = nearer(outcome, Outcome::NoMatch);
    }
    outcome
}

fn shipped() -> RuleSet {
    RuleSet::load_dir(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules"))).unwrap()
}

/// Lines to make logs of: healthy ones, every excerpt of the shipped rules, and what sets hits aside.
fn lines(rules: &[Rule]) -> Vec<String> {
    let examples = rules.iter().flat_map(|rule| rule.examples.hits.iter().chain(&rule.examples.near_misses));
    let mut lines: Vec<_> = examples.map(|example| example.text.clone()).collect();
    lines.extend(HEALTHY_LOG.lines().step_by(3).map(str::to_owned));
    let odd = [
        "26/11/26 15:33:04 INFO A: -XX:OnOutOfMemoryError=kill java.lang.OutOfMemoryError: Java heap space",
        "spark.executor.extraJavaOptions=java.lang.OutOfMemoryError: Java heap space",
        "\tat a.b.C.d(C.java:1)",
        "Caused by: java.lang.OutOfMemoryError: Java heap space",
        "CAUSED BY: JAVA.LANG.OUTOFMEMORYERROR: JAVA HEAP SPACE é",
        "",
    ];
    lines.extend(odd.map(str::to_owned));
    lines
}

#[test]
fn the_shipped_rules_find_the_same() {
    let set = shipped();
    let lines = lines(set.rules());
    let logs = proptest::collection::vec(
        (
            proptest::sample::select(vec![LogKind::DriverStderr, LogKind::Scheduler, LogKind::ExecutorStderr]),
            proptest::collection::vec(proptest::sample::select(lines), 0..40),
            "\r?\n",
        ),
        0..4,
    );
    let exit_codes = proptest::sample::select(vec![None, Some(1), Some(137)]);
    proptest!(ProptestConfig::with_cases(64), |(logs in logs, exit_code in exit_codes)| {
        let log = |(log, lines, end): (LogKind, Vec<String>, String)| LogText { log, name: String::new(), text: lines.join(&end) };
        let logs: Vec<_> = logs.into_iter().map(log).collect();
        let found = set.matcher.outcomes(set.rules(), &logs, &Circumstances { exit_code, ..Circumstances::default() });
        prop_assert_eq!(found, outcomes(&set.matcher, set.rules(), &logs, exit_code));
    });
}

/// Rules of every kind of pattern: short and no literals, over line ends, in any case.
#[test]
fn odd_rules_find_the_same() {
    let patterns = [
        "a",
        "abc",
        "(?i)ABC+",
        r"abc\s+def",
        "(?s)abc.*abcdefgh",
        "(?m)^abcdefgh$",
        r"\babcdefgh\b",
        "abcdefgh|def",
        "[^x]abcdefgh",
        r"\d+abcdef",
        "abcdefgh(?<more>.*)",
        "(?i)abcdefgh.{0,5}ABC",
    ];
    let rule = |(index, pattern): (usize, &&str)| {
        format!(
            "  - {{name: R{index}x, source: s, log: [driver.stderr], summary: s, category: user_code, restartable: false, \
             regex: '{pattern}', unless: 'zz', examples: {{match: [a], no_match: [b]}}}}\n"
        )
    };
    let text: String = patterns.iter().enumerate().map(rule).collect();
    let set = RuleSet::from_sources(&[("odd.yaml".to_owned(), format!("rules:\n{text}"))]).unwrap();
    let words = [
        "abc",
        "def",
        "abcdefgh",
        "ABCDEFGH",
        " ",
        "\n",
        "\r\n",
        "\nINFO ",
        "\n\tat ",
        "zz",
        "1",
        "é",
        "-Dabcdefgh",
        "\r",
    ];
    let texts = proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..60);
    proptest!(ProptestConfig::with_cases(512), |(words in texts)| {
        let logs = [LogText { log: LogKind::DriverStderr, name: String::new(), text: words.concat() }];
        let found = set.matcher.outcomes(set.rules(), &logs, &Circumstances::default());
        prop_assert_eq!(found, outcomes(&set.matcher, set.rules(), &logs, None));
    });
}
