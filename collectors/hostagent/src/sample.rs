//! What the recommender gets to know: a sample for each executor and driver of a known application.

use paramedic_domain::HostSample;

use crate::{
    snapshot::{Snapshot, WorkloadReport},
    verdict::Verdict,
};

/// The samples of a period.
pub fn samples(snapshot: &Snapshot) -> Vec<HostSample> {
    snapshot.workloads.iter().filter_map(|workload| sample(snapshot, workload)).collect()
}

fn sample(snapshot: &Snapshot, workload: &WorkloadReport) -> Option<HostSample> {
    let run_queue = &workload.run_queue;
    let memory = &workload.memory;
    // Nothing but the rest of a wait is left of one that has ended.
    let has_ended = workload.processes == 0 && workload.oom_kills == 0;
    if has_ended {
        return None;
    }
    Some(HostSample {
        host: snapshot.host.clone(),
        application_id: workload.application_id.clone()?,
        executor_id: workload.executor_id.clone()?,
        sampled_at: snapshot.at,
        rss_peak_bytes: memory.rss_peak_bytes,
        python_rss_peak_bytes: (workload.python_processes > 0).then_some(memory.python_rss_peak_bytes),
        pss_bytes: memory.pss_bytes,
        uss_bytes: memory.uss_bytes,
        oom_kills: workload.oom_kills,
        python_oom_kills: workload.python_oom_kills,
        run_queue_p50_s: run_queue.p50_s,
        run_queue_p99_s: run_queue.p99_s,
        run_queue_cause: workload.verdict.cause(),
        run_queue_behind: (workload.verdict == Verdict::NoisyNeighbour)
            .then(|| run_queue.top.as_ref().map(|top| top.name.clone()))
            .flatten(),
    })
}
