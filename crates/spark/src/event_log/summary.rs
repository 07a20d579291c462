//! Events, summed up.

use std::collections::BTreeSet;

use paramedic_domain::EventLogSummary;
use serde::Deserialize;

use super::{
    EventLogError, EventLogLimits,
    event::{self, Names, Peaks},
    running::Running,
    stages::Stages,
};

/// Words in a key whose value is left out: Spark's own `spark.redaction.regex`.
const SECRET_WORDS: [&str; 6] = ["secret", "password", "token", "access.key", "accesskey", "credential"];

/// Words of a removal's reason, in lower case, that tell of memory: limits of YARN and Kubernetes, `SparkExitCode.OOM`,
/// SIGKILL.
const MEMORY_REASONS: [&str; 6] = [
    "exceeding memory limits",
    "oomkilled",
    "outofmemoryerror",
    "exited with code 52",
    "exited with code 137",
    "code: 137",
];
/// Words of a removal's reason, in lower case, that tell of Spark's own will: shutdown, dynamic allocation, decommission.
const SENT_AWAY_REASONS: [&str; 4] = ["shutdown hooks", "shutting down", "killed by driver", "executor decommission"];

/// Events that carry a plan.
const PLAN_EVENTS: [&str; 2] = [
    "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",
    "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate",
];

pub(super) struct Summarizer {
    limits: EventLogLimits,
    names: Names,
    summary: EventLogSummary,
    stages: Stages,
    running: Running,
    operators: BTreeSet<String>,
    events: u64,
    bytes: u64,
    run_ms: u64,
    gc_ms: u64,
    jobs_running: i64,
    jobs_started: bool,
    ended: bool,
    cut: bool,
}

impl Summarizer {
    pub(super) fn new(limits: EventLogLimits) -> Self {
        Self {
            limits,
            names: Names::default(),
            summary: EventLogSummary::default(),
            stages: Stages::default(),
            running: Running::default(),
            operators: BTreeSet::new(),
            events: 0,
            bytes: 0,
            run_ms: 0,
            gc_ms: 0,
            jobs_running: 0,
            jobs_started: false,
            ended: false,
            cut: false,
        }
    }

    /// Counts what was read; `false` when it is enough.
    pub(super) fn count_bytes(&mut self, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.cut |= self.bytes > self.limits.total_bytes_max;
        !self.cut
    }

    /// Takes one line. A line that is no event of interest, or is damaged, is passed over.
    pub(super) fn line(&mut self, line: &[u8]) {
        let Some(name) = event::name(line) else { return };
        self.events += 1;
        match name {
            "SparkListenerTaskStart" => {
                if let Some(task) = self.names.task_start(line) {
                    self.running.began(task.stage, &task.executor);
                }
            }
            "SparkListenerTaskEnd" => self.task_end(line),
            "SparkListenerStageExecutorMetrics" => {
                if let Some((executor, peaks)) = self.names.stage_executor_peaks(line) {
                    self.peaks(&executor, &peaks);
                }
            }
            "SparkListenerExecutorMetricsUpdate" => {
                if let Some((executor, updates)) = self.names.heartbeat_peaks(line) {
                    for peaks in &updates {
                        self.peaks(&executor, peaks);
                    }
                }
            }
            "SparkListenerStageSubmitted" | "SparkListenerStageCompleted" => {
                if let Some(info) = self.names.stage_info(line) {
                    self.stages.info(info, self.limits.stages_max);
                }
            }
            "SparkListenerExecutorAdded" => self.summary.executors_added += 1,
            "SparkListenerExecutorRemoved" => self.on(line, |this, removed| this.executor_removed(&removed)),
            "SparkListenerEnvironmentUpdate" => self.on(line, Self::environment),
            "SparkListenerApplicationStart" => {
                self.on(line, |this, event: event::ApplicationStart| {
                    this.summary.application_id = event.application_id;
                });
            }
            "SparkListenerLogStart" => {
                self.on(line, |this, event: event::LogStart| this.summary.spark_version = Some(event.spark_version));
            }
            "SparkListenerJobStart" => {
                self.jobs_running += 1;
                self.jobs_started = true;
            }
            "SparkListenerJobEnd" => self.jobs_running -= 1,
            "SparkListenerApplicationEnd" => self.ended = true,
            _ if PLAN_EVENTS.contains(&name) => {
                let (operators, most) = (&mut self.operators, self.limits.operators_max);
                self.names.node_names(line).for_each(|name| add_operator(operators, most, &name));
            }
            _ => {}
        }
    }

    pub(super) fn finish(mut self) -> Result<EventLogSummary, EventLogError> {
        if self.events == 0 {
            return Err(EventLogError::NoEvents);
        }
        if self.run_ms > 0 {
            self.summary.gc_time_share = (self.gc_ms as f64 / self.run_ms as f64).clamp(0.0, 1.0);
        }
        self.summary.stages = self.stages.finish(self.limits.stages_max);
        self.summary.running_at_failure = self.running.finish(self.ended);
        self.summary.plan_operators = self.operators.into_iter().collect();
        self.summary.incomplete = self.cut || !self.ended;
        Ok(self.summary)
    }

    fn on<'a, T: Deserialize<'a>>(&mut self, line: &'a [u8], take: impl FnOnce(&mut Self, T)) {
        if let Ok(event) = serde_json::from_slice(line) {
            take(self, event);
        }
    }

    fn task_end(&mut self, line: &[u8]) {
        let Some(task) = self.names.task_end(line) else { return };
        if !task.succeeded && !task.killed {
            self.running.failed(&task.executor);
        }
        self.running.ended(task.stage, &task.executor);
        self.stages.task_end(&task, self.limits.stages_max);
        if let Some(peaks) = &task.peaks {
            self.peaks(&task.executor, peaks);
        }
        let Some(metrics) = task.metrics else { return };
        self.run_ms = self.run_ms.saturating_add(metrics.run_ms);
        self.gc_ms = self.gc_ms.saturating_add(metrics.gc_ms);
        let summary = &mut self.summary;
        summary.result_bytes = summary.result_bytes.saturating_add(metrics.result_bytes);
        raise(&mut summary.task_execution_memory_peak_bytes, metrics.peak_execution_bytes);
    }

    fn peaks(&mut self, executor: &str, peaks: &Peaks) {
        let summary = &mut self.summary;
        if executor == "driver" {
            raise(&mut summary.driver_heap_peak_bytes, peaks.heap);
        }
        // In local mode the driver runs the tasks: no executor is ever added beside it.
        let local = || {
            let master = summary.spark_properties.get("spark.master");
            master.is_some_and(|master| master == "local" || master.starts_with("local["))
        };
        if executor != "driver" || local() {
            for (peak, value) in [
                (&mut summary.executor_heap_peak_bytes, peaks.heap),
                (&mut summary.onheap_unified_peak_bytes, peaks.onheap_unified),
                (&mut summary.offheap_unified_peak_bytes, peaks.offheap_unified),
                (&mut summary.onheap_execution_peak_bytes, peaks.onheap_execution),
                (&mut summary.onheap_storage_peak_bytes, peaks.onheap_storage),
                (&mut summary.offheap_execution_peak_bytes, peaks.offheap_execution),
                (&mut summary.offheap_storage_peak_bytes, peaks.offheap_storage),
                (&mut summary.executor_jvm_rss_peak_bytes, peaks.jvm_rss),
                (&mut summary.executor_python_rss_peak_bytes, peaks.python_rss),
                (&mut summary.executor_other_rss_peak_bytes, peaks.other_rss),
            ] {
                raise(peak, value);
            }
        }
    }

    /// Executors that go when all work is done, or that Spark itself sends away, are not lost; one that memory killed
    /// is, whenever it goes.
    fn executor_removed(&mut self, removed: &event::ExecutorRemoved<'_>) {
        let reason = removed.reason.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        let idle = self.jobs_started && self.jobs_running <= 0;
        let killed_by_memory = !self.ended && says(&MEMORY_REASONS);
        let sent_away = self.ended || idle || says(&SENT_AWAY_REASONS);
        if killed_by_memory || !sent_away {
            self.summary.executors_lost += 1;
            self.running.failed(&removed.executor);
        }
    }

    fn environment(&mut self, environment: event::EnvironmentUpdate) {
        let kept = environment.spark_properties.into_iter().filter(|(key, _)| {
            let lower = key.to_ascii_lowercase();
            key.starts_with("spark.") && !SECRET_WORDS.iter().any(|word| lower.contains(word))
        });
        let properties = &mut self.summary.spark_properties;
        for (key, value) in kept {
            // Every update of the environment counts to the one bound; what is kept already may still change.
            if properties.len() < self.limits.properties_max || properties.contains_key(&key) {
                properties.insert(key, value);
            }
        }
    }
}

fn add_operator(operators: &mut BTreeSet<String>, most: usize, node_name: &str) {
    let operator = node_name.split(['(', ' ']).next().unwrap_or_default();
    let fits = !operator.is_empty() && operator.len() <= 64 && operators.len() < most;
    if fits && !operators.contains(operator) {
        operators.insert(operator.to_owned());
    }
}

fn raise(peak: &mut u64, value: u64) {
    *peak = (*peak).max(value);
}
