//! What the host agent saw.

use paramedic_domain::RunQueueCause;

use super::mebibytes;
use crate::{elsewhere::Elsewhere, facts::Facts};

/// Waits below this 99th percentile are nobody's trouble, in seconds.
const RUN_QUEUE_P99_S: f64 = 0.01;

/// The sentences.
pub(super) fn explain(facts: &Facts) -> Vec<String> {
    let host = &facts.host;
    let mut sentences = Vec::new();
    if host.oom_kills > 0 {
        let python = match host.python_oom_kills {
            0 => String::new(),
            python => format!(", {python} of them Python's"),
        };
        sentences.push(format!(
            "The host's kernel killed {} process(es) of the application for memory{python}.",
            host.oom_kills
        ));
    }
    if host.executor_rss_peak_bytes > 0.0 {
        let python = match host.python_rss_peak_bytes {
            none if none <= 0.0 => String::new(),
            python => format!(", its Python workers at {}", mebibytes(python)),
        };
        let peak = mebibytes(host.executor_rss_peak_bytes);
        sentences.push(format!("On its host the largest executor peaked at {peak} resident{python}."));
    }
    if host.run_queue_p99_s >= RUN_QUEUE_P99_S {
        let wait_ms = host.run_queue_p99_s * 1e3;
        let cause = match host.run_queue_cause {
            Some(RunQueueCause::NoisyNeighbour) => ": others on its host had the CPU; memory does not mend that",
            Some(RunQueueCause::Throttled) => ": its CPU quota was used up; memory does not mend that",
            Some(RunQueueCause::Busy) => ": it had more to run than CPUs",
            Some(RunQueueCause::Waiting) | None => "",
        };
        sentences.push(format!("One wait for a CPU in a hundred took {wait_ms:.0} ms or more{cause}."));
    }
    sentences.extend(facts.elsewhere.as_ref().map(elsewhere));
    sentences
}

fn elsewhere(elsewhere: &Elsewhere) -> String {
    match elsewhere {
        Elsewhere::NodePressure { host, executor_id, resident_bytes, container_bytes } => format!(
            "On {host} the kernel killed {} at {} of the {} that its container may have: the node ran out of memory, not the job.",
            if executor_id == "driver" { "the driver".to_owned() } else { format!("executor {executor_id}") },
            mebibytes(*resident_bytes as f64),
            mebibytes(*container_bytes as f64),
        ),
        Elsewhere::NoisyNeighbour { host, wait_p99_s } => format!(
            "On {host} one wait for a processor in a hundred took {:.0} ms or more, and the heap had room: others had the processor.",
            wait_p99_s * 1e3
        ),
    }
}
