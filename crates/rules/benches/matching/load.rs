//! How long the rules take to load, and how much memory they hold: measured in a process that does nothing else.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    time::Instant,
};

use paramedic_domain::LogKind;
use paramedic_rules::{LogText, RuleSet};

use crate::{log, rules::Rules};

/// Starts this program again, and gives it the rules.
pub(crate) fn report(rules: &Rules) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = command.arg("--measure-load").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(rules.yaml.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Loads the rules from standard input; then again, with the allocator and the caches warm; then uses them.
pub(crate) fn measure() {
    let mut yaml = String::new();
    std::io::stdin().read_to_string(&mut yaml).unwrap();
    let lines: Vec<_> = yaml.lines().map(str::to_owned).collect();
    let log = log::log(20 << 20, Some(&lines));
    let sources = [("rules.yaml".to_owned(), yaml)];
    let (before, started) = (resident_bytes(), Instant::now());
    let set = RuleSet::from_sources(&sources).unwrap();
    let (first, loaded) = (started.elapsed(), resident_bytes());
    let started = Instant::now();
    drop(std::hint::black_box(RuleSet::from_sources(&sources)));
    let second = started.elapsed();
    let before_use = resident_bytes();
    let log = [LogText { log: LogKind::DriverStderr, name: String::new(), text: log }];
    std::hint::black_box(set.hits_in(&log, &paramedic_rules::Circumstances::default()));
    println!(
        "{} rules: loaded in {:.1} ms (again: {:.1} ms); {:.1} MB of memory, {:.1} MB after a log in which most are tried",
        set.rules().len(),
        first.as_secs_f64() * 1e3,
        second.as_secs_f64() * 1e3,
        megabytes(loaded, before),
        megabytes(loaded, before) + megabytes(resident_bytes(), before_use),
    );
}

fn megabytes(now: usize, before: usize) -> f64 {
    now.saturating_sub(before) as f64 / 1e6
}

/// Resident memory of this process, in bytes.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}
