//! `/metrics`: Prometheus' text format, with a bounded number of series.
//!
//! Counters grow over a workload's life and go with it. Beyond the set number of workloads the rest are one, `other`.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use crate::snapshot::{AgentReport, BehindReport, CauseReport, ProgramReport, Snapshot, WorkloadReport};

/// Ends of the exported buckets, as powers of two of nanoseconds: 16 µs to 4.3 s. They fall on the kernel histograms' own.
const BUCKET_SHIFTS: [u32; 10] = [14, 16, 18, 20, 22, 24, 26, 28, 30, 32];
/// A workload that was not seen for so many periods is forgotten.
const FORGET_AFTER: u32 = 30;

/// What is counted of each workload since it was first seen.
#[derive(Debug)]
pub struct Series {
    series_max: usize,
    totals: BTreeMap<Labels, Totals>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    workload: String,
    role: String,
    application_id: String,
    executor_id: String,
}

#[derive(Clone, Debug, Default)]
struct Totals {
    unseen: u32,
    waits: BTreeMap<u32, u64>,
    count: u64,
    waited_s: f64,
    switches: [u64; 4],
    waited_behind_s: [f64; 4],
    oom_kills: u64,
    last: Option<WorkloadReport>,
}

const CAUSES: [&str; 4] = ["same_workload", "other_workload", "system", "idle"];

fn causes(behind: &BehindReport) -> [CauseReport; 4] {
    [behind.same_workload, behind.other_workload, behind.system, behind.idle]
}

impl Series {
    /// At most `series_max` workloads have series of their own.
    pub fn new(series_max: usize) -> Self {
        Self { series_max, totals: BTreeMap::new() }
    }

    /// Adds a period.
    pub fn add(&mut self, snapshot: &Snapshot) {
        for totals in self.totals.values_mut() {
            totals.unseen += 1;
            totals.last = None;
        }
        self.totals.retain(|_, totals| totals.unseen <= FORGET_AFTER);
        for workload in &snapshot.workloads {
            let labels = self.labels(workload);
            self.totals.entry(labels).or_default().add(workload);
        }
    }

    fn labels(&self, workload: &WorkloadReport) -> Labels {
        let own = Labels {
            workload: workload.name.clone(),
            role: workload.kind.clone(),
            application_id: workload.application_id.clone().unwrap_or_default(),
            executor_id: workload.executor_id.clone().unwrap_or_default(),
        };
        if self.totals.contains_key(&own) || self.totals.len() < self.series_max {
            return own;
        }
        let (none, other) = (String::new(), "other".to_owned());
        Labels { workload: other.clone(), role: other, application_id: none.clone(), executor_id: none }
    }

    /// The text.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        let mut text = Text::default();
        self.run_queue(&mut text);
        self.memory(&mut text);
        programs(&mut text, &snapshot.bpf_programs);
        agent(&mut text, &snapshot.agent);
        text.0
    }

    fn run_queue(&self, text: &mut Text) {
        text.head("runq_latency_seconds", "histogram", "How long tasks waited for a CPU, by workload.");
        for (labels, totals) in &self.totals {
            for shift in BUCKET_SHIFTS {
                let end = (1_u64 << shift) as f64 / 1e9;
                let count = totals.waits.get(&shift).copied().unwrap_or(0);
                text.line("runq_latency_seconds_bucket", format_args!("{labels},le=\"{end}\""), count);
            }
            text.line("runq_latency_seconds_bucket", format_args!("{labels},le=\"+Inf\""), totals.count);
            text.line("runq_latency_seconds_sum", labels, totals.waited_s);
            text.line("runq_latency_seconds_count", labels, totals.count);
        }
        text.head("sched_switch_out_total", "counter", "Switches away from a runnable task, by who got the CPU.");
        self.by_cause(text, "sched_switch_out_total", |totals, cause| totals.switches[cause] as f64);
        text.head("runq_waited_behind_seconds_total", "counter", "Waits over 100 us, by who had the CPU meanwhile.");
        self.by_cause(text, "runq_waited_behind_seconds_total", |totals, cause| totals.waited_behind_s[cause]);
        text.head("oom_kills_total", "counter", "Kernel out-of-memory kills.");
        for (labels, totals) in &self.totals {
            text.line("oom_kills_total", labels, totals.oom_kills);
        }
        text.head("workload_verdict", "gauge", "1 for what the workload's waits come from.");
        for (labels, last) in self.seen() {
            text.line("workload_verdict", format_args!("{labels},verdict=\"{}\"", last.verdict.name()), 1);
        }
    }

    fn by_cause(&self, text: &mut Text, name: &str, value: impl Fn(&Totals, usize) -> f64) {
        for (labels, totals) in &self.totals {
            for (index, cause) in CAUSES.iter().enumerate() {
                text.line(name, format_args!("{labels},cause=\"{cause}\""), value(totals, index));
            }
        }
    }

    fn memory(&self, text: &mut Text) {
        text.head("workload_memory_bytes", "gauge", "Memory of a workload's processes.");
        for (labels, last) in self.seen() {
            let memory = &last.memory;
            let kinds = [
                ("rss", Some(memory.rss_bytes)),
                ("rss_peak", Some(memory.rss_peak_bytes)),
                ("python_rss_peak", (last.python_processes > 0).then_some(memory.python_rss_peak_bytes)),
                ("pss", memory.pss_bytes),
                ("uss", memory.uss_bytes),
                ("limit", memory.limit_bytes),
            ];
            for (kind, bytes) in kinds.into_iter().filter_map(|(kind, bytes)| Some((kind, bytes?))) {
                text.line("workload_memory_bytes", format_args!("{labels},kind=\"{kind}\""), bytes);
            }
        }
    }

    fn seen(&self) -> impl Iterator<Item = (&Labels, &WorkloadReport)> {
        // Of `other` the last one of many is known: it would say something wrong.
        let own = self.totals.iter().filter(|(labels, _)| labels.workload != "other");
        own.filter_map(|(labels, totals)| Some((labels, totals.last.as_ref()?)))
    }
}

impl Totals {
    fn add(&mut self, workload: &WorkloadReport) {
        let run_queue = &workload.run_queue;
        self.unseen = 0;
        self.count += run_queue.waits;
        self.waited_s += run_queue.waited_s;
        self.oom_kills += u64::from(workload.oom_kills);
        for shift in BUCKET_SHIFTS {
            let within = run_queue.histogram.as_ref().map_or(0, |waits| waits.count_within_ns(1 << shift));
            *self.waits.entry(shift).or_default() += within;
        }
        for (index, cause) in causes(&run_queue.behind).iter().enumerate() {
            self.switches[index] += cause.switches;
            self.waited_behind_s[index] += cause.waited_s;
        }
        self.last = Some(workload.clone());
    }
}

fn programs(text: &mut Text, programs: &[ProgramReport]) {
    let columns = [
        ("hostagent_bpf_program_runs_per_second", "Runs a second of a program, when last counted."),
        ("hostagent_bpf_program_run_seconds", "Seconds a run of a program, when last counted."),
        ("hostagent_bpf_program_cpu_share", "Share of one CPU of a program, when last counted."),
    ];
    for (column, (name, help)) in columns.into_iter().enumerate() {
        text.head(name, "gauge", help);
        for program in programs {
            let values = [program.runs_per_s, program.ns_per_run / 1e9, program.cpu_share];
            text.line(name, format_args!("program=\"{}\"", escaped(&program.name)), values[column]);
        }
    }
}

fn agent(text: &mut Text, agent: &AgentReport) {
    let mut gauge = |name: &str, kind: &str, help: &str, value: f64| {
        text.head(name, kind, help);
        text.line(name, format_args!("source=\"{}\"", escaped(&agent.run_queue_source)), value);
    };
    gauge("hostagent_cpu_share", "gauge", "Share of one CPU that the agent uses.", agent.cpu_share);
    gauge("hostagent_rss_bytes", "gauge", "Resident bytes of the agent.", agent.rss_bytes as f64);
    gauge("hostagent_bpf_tables_bytes", "gauge", "Kernel memory of the agent's tables.", agent.tables_bytes as f64);
    gauge("hostagent_processes", "gauge", "Processes looked at.", agent.processes as f64);
    gauge(
        "hostagent_processes_left_out",
        "gauge",
        "Processes beyond the most that are looked at.",
        agent.processes_left_out as f64,
    );
    gauge("hostagent_memory_walks_total", "counter", "Walks over processes' mappings.", agent.memory_walks as f64);
    gauge("hostagent_memory_walk_cpu_seconds_total", "counter", "CPU time of these walks.", agent.memory_walk_cpu_s);
    gauge("hostagent_memory_longest_walk_seconds", "gauge", "The longest walk.", agent.memory_longest_walk_s);
    gauge("hostagent_lost_total", "counter", "What the eBPF programs could not count.", agent.lost as f64);
    gauge("hostagent_samples_sent_total", "counter", "Samples that the recommender took.", agent.samples_sent as f64);
    gauge(
        "hostagent_samples_dropped_total",
        "counter",
        "Samples dropped, the oldest first.",
        agent.samples_dropped as f64,
    );
    gauge("hostagent_samples_waiting", "gauge", "Samples that wait to be sent.", agent.samples_waiting as f64);
    text.head("hostagent_memory_skipped_total", "counter", "Processes that were not walked, by reason.");
    for (reason, count) in [
        ("unmoved", agent.memory_skipped_unmoved),
        ("budget", agent.memory_skipped_budget),
        ("denied", agent.memory_denied),
    ] {
        text.line("hostagent_memory_skipped_total", format_args!("reason=\"{reason}\""), count);
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workload=\"{}\",role=\"{}\"", escaped(&self.workload), escaped(&self.role))?;
        if !self.application_id.is_empty() {
            write!(f, ",application_id=\"{}\"", escaped(&self.application_id))?;
        }
        if !self.executor_id.is_empty() {
            write!(f, ",executor_id=\"{}\"", escaped(&self.executor_id))?;
        }
        Ok(())
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: impl fmt::Display, value: impl fmt::Display) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }
}
