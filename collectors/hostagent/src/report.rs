//! A workload's part of a snapshot.

use crate::{
    collector::CgroupSeen,
    host::proc_fs::Rollup,
    memory::MemoryReader,
    run_queue::{Behind, Blame, Waits},
    snapshot::{BehindReport, CauseReport, MemoryReport, RunQueueReport, TopReport, WorkloadReport},
    verdict::{VerdictSettings, verdict},
    workload::{Process, Table, Workload},
};

/// What was seen of a workload in a period.
pub(crate) struct Seen<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) pids: &'a [u32],
    pub(crate) waits: Waits,
    pub(crate) cgroup: CgroupSeen,
    pub(crate) period_s: f64,
}

/// Its report.
pub(crate) fn workload(
    seen: &Seen<'_>,
    table: &Table,
    memory: &MemoryReader,
    settings: &VerdictSettings,
) -> WorkloadReport {
    let processes: Vec<(u32, &Process)> = seen.pids.iter().filter_map(|pid| Some((*pid, table.get(*pid)?))).collect();
    let (application_id, executor_id) = spark_ids(seen.workload, table);
    let container = processes.first().and_then(|(_, process)| process.container.as_ref());
    let throttled_share = seen.cgroup.throttled_share;
    WorkloadReport {
        name: name(seen.workload, application_id.as_deref()),
        kind: seen.workload.kind().to_owned(),
        application_id,
        executor_id,
        container: container.filter(|_| !seen.workload.is_system()).map(crate::workload::Container::name),
        processes: processes.iter().filter(|(_, process)| !process.status.has_no_memory).count() as u32,
        python_processes: processes.iter().filter(|(_, process)| process.is_python()).count() as u32,
        cpus: seen.cgroup.cpus,
        memory: memory_report(&processes, memory, seen.cgroup.memory_bytes),
        run_queue: run_queue_report(&seen.waits, throttled_share),
        oom_kills: seen.cgroup.oom_kills,
        python_oom_kills: seen.cgroup.python_oom_kills,
        verdict: verdict(&seen.waits, seen.period_s, throttled_share.unwrap_or(0.0), settings),
    }
}

/// Spark's first, then by how long they waited.
pub(crate) fn sort(workloads: &mut [WorkloadReport]) {
    let is_spark = |report: &WorkloadReport| report.executor_id.is_some();
    workloads.sort_by(|a, b| {
        let by_wait = b.run_queue.waited_s.total_cmp(&a.run_queue.waited_s);
        is_spark(b).cmp(&is_spark(a)).then(by_wait).then_with(|| a.name.cmp(&b.name))
    });
}

fn spark_ids(workload: &Workload, table: &Table) -> (Option<String>, Option<String>) {
    match workload {
        Workload::Executor { application_id, executor_id } => (Some(application_id.clone()), Some(executor_id.clone())),
        Workload::Driver { pid } => {
            (table.get(*pid).and_then(|driver| driver.application_id.clone()), Some("driver".to_owned()))
        }
        _ => (None, None),
    }
}

fn name(workload: &Workload, application_id: Option<&str>) -> String {
    match (workload, application_id) {
        (Workload::Driver { .. }, Some(application_id)) => format!("{application_id} driver"),
        _ => workload.name(),
    }
}

fn memory_report(processes: &[(u32, &Process)], memory: &MemoryReader, limit_bytes: Option<u64>) -> MemoryReport {
    let sum = |of: fn(&Process) -> u64| processes.iter().map(|(_, process)| of(process)).sum();
    let python = processes.iter().filter(|(_, process)| process.is_python());
    MemoryReport {
        rss_bytes: sum(|process| process.status.rss_bytes),
        rss_peak_bytes: sum(|process| process.rss_peak_bytes),
        python_rss_peak_bytes: python.map(|(_, process)| process.rss_peak_bytes).sum(),
        pss_bytes: walked(processes, memory, |rollup| rollup.pss_bytes),
        uss_bytes: walked(processes, memory, |rollup| rollup.uss_bytes),
        limit_bytes,
    }
}

/// A sum over the processes, where each was walked.
fn walked(processes: &[(u32, &Process)], memory: &MemoryReader, of: fn(Rollup) -> u64) -> Option<u64> {
    let with_memory = processes.iter().filter(|(_, process)| !process.status.has_no_memory);
    let each = with_memory.map(|(pid, _)| memory.rollup(*pid).map(of));
    let sum = each.sum::<Option<u64>>()?;
    (sum > 0).then_some(sum)
}

fn run_queue_report(waits: &Waits, throttled_share: Option<f64>) -> RunQueueReport {
    RunQueueReport {
        histogram: waits.histogram.clone(),
        waits: waits.count,
        waited_s: waits.waited_s(),
        p50_s: waits.p50_s(),
        p99_s: waits.p99_s(),
        behind: behind_report(waits.behind),
        top: waits.top.as_ref().map(|(by, blame)| TopReport { name: by.name(), took: cause_report(*blame) }),
        throttled_share,
    }
}

fn behind_report(behind: Behind) -> BehindReport {
    BehindReport {
        same_workload: cause_report(behind.same_workload),
        other_workload: cause_report(behind.other_workload),
        system: cause_report(behind.system),
        idle: cause_report(behind.idle),
    }
}

fn cause_report(blame: Blame) -> CauseReport {
    CauseReport { switches: blame.switches, waited_s: blame.waited_ns as f64 / 1e9 }
}
