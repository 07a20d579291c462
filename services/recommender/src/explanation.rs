//! Why a recommendation is what it is, a sentence each.

use paramedic_domain::{Action, Configuration, Prediction, RunQueueCause};
use paramedic_spark::MemoryModel;

use crate::{
    facts::{Facts, capacity_bytes},
    settings::ObjectiveSettings,
};

/// What a recommendation is explained by.
pub struct Grounds<'a> {
    /// What is known.
    pub facts: &'a Facts,
    /// The memory of the failed configuration.
    pub failed: &'a MemoryModel,
    /// The failed configuration.
    pub original: &'a Configuration,
    /// The recommended one.
    pub config: &'a Configuration,
    /// What the model expects of it.
    pub predicted: Option<Prediction>,
    /// What the model expects of an unchanged retry.
    pub baseline: Option<Prediction>,
    /// What is recommended.
    pub action: Action,
}

/// The sentences.
pub fn explain(grounds: &Grounds<'_>, settings: &ObjectiveSettings) -> Vec<String> {
    let mut sentences = vec![what_ran_out(grounds)];
    sentences.extend(evidence(grounds));
    for (key, old, new) in grounds.original.changes(grounds.config) {
        sentences.push(format!("{key}: {} → {}.", old.unwrap_or("Spark's default"), new.unwrap_or("Spark's default")));
    }
    if let (Some(predicted), Some(baseline)) = (grounds.predicted, grounds.baseline) {
        sentences.push(format!(
            "The model expects this retry to fail with a probability of {:.0} % at {}; an unchanged retry with {:.0} % at {}.",
            predicted.failure_probability * 100.0,
            dollars(predicted.cost_usd),
            baseline.failure_probability * 100.0,
            dollars(baseline.cost_usd),
        ));
    }
    sentences.push(verdict(grounds, settings));
    sentences
}

fn what_ran_out(grounds: &Grounds<'_>) -> String {
    let facts = grounds.facts;
    let Some(side) = facts.side else { return "No rule says what failed.".to_owned() };
    let capacity = mebibytes(capacity_bytes(grounds.failed, side));
    match (facts.over_request, facts.maximum_bytes) {
        (true, Some(maximum)) => {
            format!(
                "More {side} was requested ({capacity}) than the cluster has ({}): it heals downwards.",
                mebibytes(maximum)
            )
        }
        _ => format!("{side} ran out at {capacity}."),
    }
}

fn evidence(grounds: &Grounds<'_>) -> Vec<String> {
    let facts = grounds.facts;
    let mut sentences = Vec::new();
    if let Some(need) = facts.required_bytes {
        sentences.push(format!("By the log at least {} are needed.", mebibytes(need)));
    }
    if facts.history.failed_attempts > 0 {
        sentences.push(format!(
            "{} earlier attempt(s) of this run failed the same way; nothing at or below their memory is tried again.",
            facts.history.failed_attempts
        ));
    }
    if let Some(capacity) = facts.history.succeeded_capacity_min {
        sentences.push(format!("The job has succeeded with {}.", mebibytes(capacity)));
    }
    if let Some(skew) =
        facts.event_log.iter().flat_map(|log| &log.stages).map(|stage| stage.shuffle_read_skew).reduce(f64::max)
        && skew > 5.0
    {
        sentences.push(format!("The data is skewed: one task reads {skew:.0} times the median; salting or splitting that key would cost less than memory."));
    }
    sentences.extend(host(facts));
    sentences
}

/// Waits below this 99th percentile are nobody's trouble, in seconds.
const RUN_QUEUE_P99_S: f64 = 0.01;

/// What the host agent saw.
fn host(facts: &Facts) -> Vec<String> {
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
    sentences
}

fn verdict(grounds: &Grounds<'_>, settings: &ObjectiveSettings) -> String {
    match grounds.action {
        Action::RetryWithConfig => "Retry with the changed configuration.".to_owned(),
        Action::RetryUnchanged => {
            "No change of the configuration is expected to do better: retry as it was.".to_owned()
        }
        Action::DoNotRetry => match grounds.predicted {
            Some(_) => format!(
                "Even the best configuration within bounds is expected to fail with at least {:.0} %: do not retry.",
                settings.disable_retry_probability * 100.0
            ),
            None => "Nothing within bounds can be changed that has not failed already: do not retry.".to_owned(),
        },
    }
}

fn dollars(usd: f64) -> String {
    if usd < 0.01 { format!("${usd:.5}") } else { format!("${usd:.2}") }
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / 1_048_576.0)
}
