//! Crates with a tree-structured Parzen estimator, for `search_bench.py`: a task in JSON a line, then a point a line out and
//! its value a line in, and at the end what it cost.

mod contestants;

use std::io::{BufRead, Write};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::json;

use contestants::contestant;

/// One search.
#[derive(Deserialize)]
struct Task {
    #[serde(rename = "crate")]
    name: String,
    seed: u64,
    trials: usize,
    parameters: Vec<Parameter>,
    /// Points to score first.
    start: Vec<Vec<f64>>,
}

/// A range of numbers, both ends in it.
#[derive(Clone, Deserialize)]
struct Parameter {
    name: String,
    kind: Kind,
    low: f64,
    high: f64,
    #[serde(default)]
    step: Option<u64>,
    log: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Integer,
    Float,
}

fn main() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let mut output = std::io::stdout().lock();
    while let Some(line) = lines.next() {
        let task: Task = serde_json::from_str(&line?)?;
        let started_s = thread_cpu_s();
        let mut contestant = contestant(&task.name, task.seed, &task.parameters)?;
        for trial in 0..task.trials {
            let start = task.start.get(trial);
            let point = start.map_or_else(|| contestant.ask(), |point| Ok(point.clone()))?;
            writeln!(output, "{}", json!(point))?;
            output.flush()?;
            let value = lines.next().context("the bench ended")??.parse()?;
            if start.is_some() { contestant.seed(&point, value)? } else { contestant.tell(&point, value)? }
        }
        writeln!(output, "{}", json!({"cpu_s": thread_cpu_s() - started_s}))?;
        output.flush()?;
    }
    Ok(())
}

/// Seconds that this thread has been on a processor.
fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
