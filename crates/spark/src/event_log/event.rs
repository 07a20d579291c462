//! The events in use, with only the fields in use. Names are those of `org.apache.spark.util.JsonProtocol`.

use std::{borrow::Cow, collections::BTreeMap};

use memchr::memmem::Finder;
use serde::Deserialize;

use super::fields::Fields;

/// Longest text that is kept, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Most stages of one heartbeat that are looked at.
const UPDATES_MAX: usize = 1_024;

/// The name of an event, without parsing the line: events begin `{"Event":"…"`, perhaps with spaces between.
pub(super) fn name(line: &[u8]) -> Option<&str> {
    let rest = line.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"Event\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// The first event of a log.
#[derive(Deserialize)]
pub(super) struct LogStart {
    #[serde(rename = "Spark Version")]
    pub(super) spark_version: String,
}

#[derive(Deserialize)]
pub(super) struct ApplicationStart {
    #[serde(rename = "App ID")]
    pub(super) application_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct EnvironmentUpdate {
    #[serde(rename = "Spark Properties", default)]
    pub(super) spark_properties: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct ExecutorRemoved<'l> {
    #[serde(rename = "Executor ID", default, borrow)]
    pub(super) executor: Cow<'l, str>,
    #[serde(rename = "Removed Reason", default, borrow)]
    pub(super) reason: Cow<'l, str>,
}

/// A stage that began or ended.
pub(super) struct StageInfo {
    pub(super) stage: u32,
    pub(super) name: Option<String>,
    pub(super) tasks: u32,
    pub(super) failed: bool,
}

/// A task that began.
pub(super) struct TaskStart<'l> {
    pub(super) stage: u32,
    pub(super) executor: Cow<'l, str>,
}

/// A task that ended.
#[derive(Debug, PartialEq)]
pub(super) struct TaskEnd<'l> {
    pub(super) stage: u32,
    pub(super) succeeded: bool,
    /// Spark itself ended it: another attempt was quicker, or its stage was cancelled.
    pub(super) killed: bool,
    pub(super) index: u32,
    pub(super) executor: Cow<'l, str>,
    pub(super) duration_ms: u64,
    pub(super) peaks: Option<Peaks>,
    pub(super) metrics: Option<TaskMetrics>,
}

/// What a task used.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TaskMetrics {
    pub(super) run_ms: u64,
    pub(super) gc_ms: u64,
    pub(super) result_bytes: u64,
    pub(super) peak_execution_bytes: u64,
    pub(super) memory_spill_bytes: u64,
    pub(super) shuffle_read_bytes: u64,
    pub(super) shuffle_write_bytes: u64,
    pub(super) input_bytes: u64,
}

/// Peaks of one executor or the driver, bytes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Peaks {
    pub(super) heap: u64,
    pub(super) onheap_execution: u64,
    pub(super) offheap_execution: u64,
    pub(super) onheap_storage: u64,
    pub(super) offheap_storage: u64,
    pub(super) onheap_unified: u64,
    pub(super) offheap_unified: u64,
    pub(super) jvm_rss: u64,
    pub(super) python_rss: u64,
    pub(super) other_rss: u64,
}

/// Makes the finders of names, once for a log.
macro_rules! names {
    ($($field:ident: $name:literal),+ $(,)?) => {
        /// How the fields in use are found.
        pub(super) struct Names { $($field: Finder<'static>),+ }

        impl Default for Names {
            fn default() -> Self {
                Self { $($field: Finder::new(concat!("\"", $name, "\""))),+ }
            }
        }
    };
}

names! {
    node_name: "nodeName",
    stage: "Stage ID",
    stage_info: "Stage Info",
    stage_name: "Stage Name",
    tasks: "Number of Tasks",
    failure_reason: "Failure Reason",
    reason: "Reason",
    task_info: "Task Info",
    index: "Index",
    launch: "Launch Time",
    finish: "Finish Time",
    executor: "Executor ID",
    task_metrics: "Task Metrics",
    run: "Executor Run Time",
    gc: "JVM GC Time",
    result: "Result Size",
    peak_execution: "Peak Execution Memory",
    memory_spill: "Memory Bytes Spilled",
    remote_read: "Remote Bytes Read",
    local_read: "Local Bytes Read",
    shuffle_write: "Shuffle Bytes Written",
    input: "Input Metrics",
    bytes_read: "Bytes Read",
    task_executor_metrics: "Task Executor Metrics",
    executor_metrics: "Executor Metrics",
    heap: "JVMHeapMemory",
    onheap_execution: "OnHeapExecutionMemory",
    offheap_execution: "OffHeapExecutionMemory",
    onheap_storage: "OnHeapStorageMemory",
    offheap_storage: "OffHeapStorageMemory",
    onheap_unified: "OnHeapUnifiedMemory",
    offheap_unified: "OffHeapUnifiedMemory",
    jvm_rss: "ProcessTreeJVMRSSMemory",
    python_rss: "ProcessTreePythonRSSMemory",
    other_rss: "ProcessTreeOtherRSSMemory",
}

impl Names {
    /// The names of a plan's nodes, found without parsing: plans nest deeper than JSON parsers follow.
    pub(super) fn node_names<'l>(&self, line: &'l [u8]) -> impl Iterator<Item = Cow<'l, str>> {
        let mut rest = Fields::of(line);
        std::iter::from_fn(move || {
            loop {
                rest = rest?.within(&self.node_name);
                if let Some(node) = rest?.leading_text() {
                    return Some(text(node));
                }
            }
        })
    }

    /// A stage that began or ended.
    pub(super) fn stage_info(&self, line: &[u8]) -> Option<StageInfo> {
        let mut fields = Fields::of(line)?.within(&self.stage_info)?;
        Some(StageInfo {
            stage: whole(fields.number(&self.stage)?)?,
            name: fields.text(&self.stage_name).map(|name| bounded(&text(name))),
            tasks: whole(fields.number(&self.tasks).unwrap_or(0))?,
            failed: fields.has(&self.failure_reason),
        })
    }

    /// A task that began.
    pub(super) fn task_start<'l>(&self, line: &'l [u8]) -> Option<TaskStart<'l>> {
        let mut fields = Fields::of(line)?;
        let stage = whole(fields.number(&self.stage)?)?;
        Some(TaskStart { stage, executor: text(fields.text(&self.executor).unwrap_or_default()) })
    }

    /// A task that ended. Its accumulators, most of the line, are passed over.
    pub(super) fn task_end<'l>(&self, line: &'l [u8]) -> Option<TaskEnd<'l>> {
        let mut fields = Fields::of(line)?;
        let stage = whole(fields.number(&self.stage)?)?;
        let reason = fields.text(&self.reason).unwrap_or_default();
        let mut info = fields.within(&self.task_info)?;
        let index = whole(info.number(&self.index).unwrap_or(0))?;
        let launch = info.number(&self.launch).unwrap_or(0);
        let executor = text(info.text(&self.executor).unwrap_or_default());
        let finish = info.number(&self.finish).unwrap_or(0);
        Some(TaskEnd {
            stage,
            succeeded: reason == b"Success",
            killed: reason == b"TaskKilled",
            index,
            executor,
            duration_ms: finish.saturating_sub(launch).max(0).cast_unsigned(),
            peaks: info.within(&self.task_executor_metrics).map(|mut peaks| self.peaks_in(&mut peaks)),
            metrics: info.within(&self.task_metrics).map(|mut metrics| self.task_metrics_in(&mut metrics)),
        })
    }

    /// The peaks of an executor in a stage.
    pub(super) fn stage_executor_peaks<'l>(&self, line: &'l [u8]) -> Option<(Cow<'l, str>, Peaks)> {
        let mut fields = Fields::of(line)?;
        let executor = text(fields.text(&self.executor)?);
        let mut peaks = fields.within(&self.executor_metrics)?;
        Some((executor, self.peaks_in(&mut peaks)))
    }

    /// The peaks that an executor's heartbeat brought, by stage.
    pub(super) fn heartbeat_peaks<'l>(&self, line: &'l [u8]) -> Option<(Cow<'l, str>, Vec<Peaks>)> {
        let mut fields = Fields::of(line)?;
        let executor = text(fields.text(&self.executor)?);
        let mut updates = Vec::new();
        let mut rest = fields.within(&self.executor_metrics);
        while let Some(mut part) = rest.filter(|_| updates.len() < UPDATES_MAX) {
            let mut behind = part;
            rest = behind.within(&self.executor_metrics);
            updates.push(self.peaks_in(&mut part));
        }
        Some((executor, updates))
    }

    fn task_metrics_in(&self, fields: &mut Fields<'_>) -> TaskMetrics {
        let mut bytes = |name| fields.not_negative(name).unwrap_or(0);
        let mut metrics = TaskMetrics {
            run_ms: bytes(&self.run),
            peak_execution_bytes: bytes(&self.peak_execution),
            result_bytes: bytes(&self.result),
            gc_ms: bytes(&self.gc),
            memory_spill_bytes: bytes(&self.memory_spill),
            shuffle_read_bytes: bytes(&self.remote_read).saturating_add(bytes(&self.local_read)),
            shuffle_write_bytes: bytes(&self.shuffle_write),
            input_bytes: 0,
        };
        metrics.input_bytes =
            fields.within(&self.input).and_then(|mut input| input.not_negative(&self.bytes_read)).unwrap_or(0);
        metrics
    }

    fn peaks_in(&self, fields: &mut Fields<'_>) -> Peaks {
        let mut bytes = |name| fields.not_negative(name).unwrap_or(0);
        Peaks {
            heap: bytes(&self.heap),
            onheap_execution: bytes(&self.onheap_execution),
            offheap_execution: bytes(&self.offheap_execution),
            onheap_storage: bytes(&self.onheap_storage),
            offheap_storage: bytes(&self.offheap_storage),
            onheap_unified: bytes(&self.onheap_unified),
            offheap_unified: bytes(&self.offheap_unified),
            jvm_rss: bytes(&self.jvm_rss),
            python_rss: bytes(&self.python_rss),
            other_rss: bytes(&self.other_rss),
        }
    }
}

/// A text without its escapes; empty where it is none.
fn text(escaped: &[u8]) -> Cow<'_, str> {
    if escaped.contains(&b'\\') {
        let quoted = [b"\"", escaped, b"\""].concat();
        return serde_json::from_slice::<String>(&quoted).unwrap_or_default().into();
    }
    std::str::from_utf8(escaped).unwrap_or_default().into()
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

fn whole(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_with_and_without_spaces() {
        assert_eq!(name(br#"{"Event":"SparkListenerTaskEnd","x":1}"#), Some("SparkListenerTaskEnd"));
        assert_eq!(name(br#" { "Event" : "SparkListenerTaskEnd" }"#), Some("SparkListenerTaskEnd"));
        assert_eq!(name(br#"{"other":"Event"}"#), None);
    }

    #[test]
    fn nodes_are_found_at_any_depth_and_not_in_texts() {
        let mut plan = r#"{"nodeName":"Range"}"#.to_owned();
        for _ in 0..1_000 {
            plan = format!(r#"{{"nodeName": "Project","simpleString":"a \"nodeName\":\"b\"","children":[{plan}]}}"#);
        }
        let names = Names::default();
        let nodes: Vec<_> = names.node_names(plan.as_bytes()).collect();
        assert_eq!(nodes.len(), 1_001);
        assert!(nodes.iter().all(|name| ["Project", "Range"].contains(&name.as_ref())));
    }

    #[test]
    fn a_heartbeat_brings_peaks_by_stage() {
        let line = br#"{"Event":"x","Executor ID":"7","Metrics Updated":[],"Executor Metrics Updated":[
            {"Stage ID":1,"Executor Metrics":{"JVMHeapMemory":-1,"OnHeapUnifiedMemory":5}},
            {"Stage ID":2,"Executor Metrics":{"JVMHeapMemory":9,"OnHeapUnifiedMemory":6}}]}"#;
        let (executor, peaks) = Names::default().heartbeat_peaks(line).unwrap();
        let seen: Vec<_> = peaks.iter().map(|peaks| (peaks.heap, peaks.onheap_unified)).collect();
        assert_eq!((executor.as_ref(), seen), ("7", vec![(0, 5), (9, 6)]));
    }

    #[test]
    fn a_task_is_read_past_its_accumulators() {
        let line = br#"{"Event":"SparkListenerTaskEnd","Stage ID":3,"Stage Attempt ID":0,"Task End Reason":{"Reason":"ExceptionFailure",
            "Description":"\"Stage ID\":9, \"Reason\":\"Success\""},"Task Info":{"Task ID":12,"Index":4,"Launch Time":1000,
            "Executor ID":"1","Finish Time":3500,"Accumulables":[{"ID":1,"Name":"Index","Update":"7"}]},"Task Metrics":{
            "Executor Run Time":2000,"Shuffle Read Metrics":{"Remote Bytes Read":5,"Local Bytes Read":6},
            "Input Metrics":{"Bytes Read":7}}}"#;
        let task = Names::default().task_end(line).unwrap();
        assert_eq!((task.stage, task.succeeded, task.index, task.duration_ms), (3, false, 4, 2_500));
        let metrics = task.metrics.unwrap();
        assert_eq!((metrics.run_ms, metrics.shuffle_read_bytes, metrics.input_bytes), (2_000, 11, 7));
        assert!(task.peaks.is_none());
    }
}
