//! Throughput of matching 500 rules over a long log, beside the ways that others take, on one core, in one run.
//!
//! `cargo bench -p paramedic-rules --bench matching --features bench-hyperscan -- --help`

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at what it does not expect")]

mod contestants;
#[cfg(feature = "bench-hyperscan")]
mod hyperscan;
mod load;
mod log;
mod options;
mod report;
mod rules;

use std::{collections::BTreeMap, time::Duration};

use contestants::{Contestant, Found};
use options::Options;
use paramedic_domain::LogKind;
use paramedic_rules::LogText;
use report::Row;

fn main() {
    let Some(options) = Options::parse(std::env::args().skip(1)) else { return };
    if options.measure_load {
        return load::measure();
    }
    let rules = rules::rules();
    load::report(&rules);
    let contestants = contestants::all(&rules);
    for troubled in [false, true] {
        let log = log::log(options.megabytes << 20, troubled.then_some(rules.excerpts.as_slice()));
        report::heading(&rules, &log, troubled);
        let rows = contest(&contestants, &log, &options);
        report::table(&rows);
    }
}

/// Every contestant in turn, round by round, so that a disturbance hits all alike.
fn contest(contestants: &[Box<dyn Contestant>], log: &str, options: &Options) -> Vec<Row> {
    let mut rows: Vec<_> = contestants.iter().map(|contestant| Row::new(contestant.name())).collect();
    let mut expected = BTreeMap::new();
    for round in 0..options.rounds {
        for (contestant, row) in contestants.iter().zip(&mut rows) {
            if !contestant.name().contains(&options.only) {
                continue;
            }
            eprint!("\r{:<60}\r", contestant.name());
            let part = part_of(log, contestant.megabytes_max());
            let part = LogText { log: LogKind::DriverStderr, name: "driver".to_owned(), text: part.to_owned() };
            let started = processor_time();
            let found = std::hint::black_box(contestant.search(&part));
            row.add(part.text.len(), processor_time().saturating_sub(started));
            if round == 0 {
                let expected = expected.entry(part.text.len()).or_insert_with(|| contestants[0].search(&part));
                check(&contestant.name(), found.as_ref(), expected.as_ref());
            }
        }
    }
    rows
}

/// What this thread has spent on a processor: other programs' share of the machine does not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    Duration::from_nanos(text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).expect("a number"))
}

/// The first lines of a log, for those that would take minutes over all of it.
fn part_of(log: &str, megabytes_max: usize) -> &str {
    let end = log.len().min(megabytes_max.saturating_mul(1 << 20));
    &log[..log[..end].rfind('\n').map_or(end, |newline| newline + 1)]
}

/// Stops unless a contestant that finds lines found the same as the first one on the same text.
fn check(name: &str, found: Option<&Found>, expected: Option<&Found>) {
    let (Some(found), Some(expected)) = (found, expected) else { return };
    if let Some(rule) = found.iter().zip(expected).position(|(one, other)| one != other) {
        eprintln!("{name}: rule {rule} found {:?}, expected {:?}", found[rule], expected[rule]);
        std::process::exit(1);
    }
}
