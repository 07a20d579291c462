//! A snapshot as text.

use paramedic_hostagent::{Snapshot, snapshot::WorkloadReport};

use crate::output;

/// Rows of the plain form: what is idle and is nobody's job is left out.
const ROWS_MAX: usize = 40;

pub(super) const HEADERS: [&str; 9] =
    ["workload", "p50", "p99", "waited", "throttled", "behind", "rss", "pss", "verdict"];

/// The table, and below it the programs and the agent.
pub(super) fn text(snapshot: &Snapshot) -> String {
    let rows: Vec<_> =
        shown(snapshot).take(ROWS_MAX).map(|workload| row(workload, snapshot.period_s).to_vec()).collect();
    let mut text = output::table(&HEADERS, &rows);
    for line in programs(snapshot) {
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&agent(snapshot));
    text.push('\n');
    text
}

/// The workloads that are worth a row.
pub(super) fn shown(snapshot: &Snapshot) -> impl Iterator<Item = &WorkloadReport> {
    snapshot
        .workloads
        .iter()
        .filter(|workload| workload.kind != "system" && workload.kind != "kernel" || workload.run_queue.waits > 0)
}

/// A workload's cells, as [`HEADERS`].
pub(super) fn row(workload: &WorkloadReport, period_s: f64) -> [String; 9] {
    let (run_queue, memory) = (&workload.run_queue, &workload.memory);
    let limit = memory.limit_bytes.map_or_else(String::new, |limit| format!("/{}", bytes(limit)));
    [
        output::shown(&workload.name, 44),
        run_queue.p50_s.map_or_else(dash, seconds),
        run_queue.p99_s.map_or_else(dash, seconds),
        percent(run_queue.waited_s / period_s.max(1e-3)),
        run_queue.throttled_share.map_or_else(dash, percent),
        run_queue.top.as_ref().map_or_else(dash, |top| output::shown(&top.name, 28)),
        format!("{}{limit}", bytes(memory.rss_bytes)),
        memory.pss_bytes.map_or_else(dash, bytes),
        workload.verdict.name().replace('_', " "),
    ]
}

/// A line for each of the agent's programs.
pub(super) fn programs(snapshot: &Snapshot) -> Vec<String> {
    let line = |program: &paramedic_hostagent::snapshot::ProgramReport| {
        format!(
            "{}: {:.0} runs/s, {:.0} ns/run, {:.3} % of a CPU",
            program.name,
            program.runs_per_s,
            program.ns_per_run,
            program.cpu_share * 100.0
        )
    };
    snapshot.bpf_programs.iter().map(line).collect()
}

/// A line for the agent.
pub(super) fn agent(snapshot: &Snapshot) -> String {
    let agent = &snapshot.agent;
    format!(
        "agent: {:.2} % of a CPU, {} resident, {} in tables, {} processes, waits from {}",
        agent.cpu_share * 100.0,
        bytes(agent.rss_bytes),
        bytes(agent.tables_bytes),
        agent.processes,
        agent.run_queue_source
    )
}

fn dash() -> String {
    "-".to_owned()
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// `12us`, `3.4ms`, `1.2s`.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        short if short < 1e-3 => format!("{:.0}us", short * 1e6),
        middle if middle < 1.0 => format!("{:.1}ms", middle * 1e3),
        long => format!("{long:.1}s"),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        small if small < 1 << 20 => format!("{}K", small >> 10),
        middle if middle < 10 << 30 => format!("{}M", middle >> 20),
        large => format!("{}G", large >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(
            (seconds(0.000_012), seconds(0.0034), seconds(1.25)),
            ("12us".into(), "3.4ms".into(), "1.2s".into())
        );
        assert_eq!((bytes(2048), bytes(3 << 20), bytes(64 << 30)), ("2K".into(), "3M".into(), "64G".into()));
    }
}
