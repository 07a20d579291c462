//! Why a recommendation is what it is, a sentence each.

mod changes;
mod host;
mod skew;

use paramedic_domain::{Action, Alternative, Configuration, Prediction};
use paramedic_spark::{MemoryModel, PriceTable};

use crate::{
    facts::{Facts, capacity_bytes},
    own_remedies::OwnRemedy,
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
    /// Others on the front of cost and risk.
    pub alternatives: &'a [Alternative],
    /// What memory and cores cost.
    pub prices: PriceTable,
    /// What is recommended.
    pub action: Action,
}

/// The sentences.
pub fn explain(grounds: &Grounds<'_>, settings: &ObjectiveSettings) -> Vec<String> {
    let mut sentences = vec![what_ran_out(grounds)];
    sentences.extend(evidence(grounds));
    sentences.extend(changes::explain(grounds));
    if let (Some(predicted), Some(baseline)) = (grounds.predicted, grounds.baseline) {
        sentences.push(format!(
            "The model expects this retry to fail with a probability of {} at {}; an unchanged retry with {} at {}.",
            percent(predicted.failure_probability),
            dollars(predicted.cost_usd),
            percent(baseline.failure_probability),
            dollars(baseline.cost_usd),
        ));
    }
    sentences.push(verdict(grounds, settings));
    sentences.extend(alternatives(grounds));
    sentences
}

/// What else lies on the front of cost and risk, a sentence each.
fn alternatives(grounds: &Grounds<'_>) -> Vec<String> {
    let Some(chosen) = grounds.predicted.filter(|_| grounds.action == Action::RetryWithConfig) else {
        return Vec::new();
    };
    let sentence = |alternative: &Alternative| {
        let predicted = alternative.predicted;
        let changes: Vec<String> = grounds
            .original
            .changes(&alternative.config)
            .into_iter()
            .map(|(key, _, new)| format!("{key}={}", new.unwrap_or("default")))
            .collect();
        let changes = if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") };
        let compared = if predicted.cost_usd > chosen.cost_usd { "safer, dearer" } else { "cheaper, riskier" };
        format!(
            "Instead ({compared}): {changes} is expected to fail with {} at {}.",
            percent(predicted.failure_probability),
            dollars(predicted.cost_usd),
        )
    };
    grounds.alternatives.iter().map(sentence).collect()
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
    if let Some(raised) = facts.history.raised_capacity_max {
        sentences.push(format!(
            "An attempt of this run with {} ended for another reason; what it was given is kept.",
            mebibytes(raised)
        ));
    }
    sentences.extend(running(facts));
    sentences.extend(skew::explain(grounds));
    sentences.extend(own_remedies(facts));
    sentences.extend(host::explain(facts));
    sentences
}

/// What ran at the failure.
fn running(facts: &Facts) -> Option<String> {
    let running = facts.event_log.as_ref()?.running_at_failure.as_ref()?;
    if running.stages.is_empty() {
        return None;
    }
    let stages: Vec<String> = running.stages.iter().map(u32::to_string).collect();
    let there = match running.tasks_of_executor {
        0 => String::new(),
        tasks => format!(", {tasks} of them on the executor that failed"),
    };
    Some(format!("At the failure {} task(s) of stage {} ran{there}.", running.tasks, stages.join(", ")))
}

/// What Spark did itself, so that the same is not proposed again.
fn own_remedies(facts: &Facts) -> Vec<String> {
    let sentence = |remedy: &OwnRemedy| match remedy {
        OwnRemedy::RecoveryMode => Some(
            "This Spark itself runs one task at a time on executors that it starts after an OOM; fewer cores are not proposed again.",
        ),
        OwnRemedy::OomRetryCpus => Some(
            "This Spark itself gives a task that ran out of memory more cores; more cores a task are not proposed again.",
        ),
        OwnRemedy::SkewJoin => None,
    };
    facts.own_remedies.iter().filter_map(sentence).map(str::to_owned).collect()
}

fn verdict(grounds: &Grounds<'_>, settings: &ObjectiveSettings) -> String {
    match grounds.action {
        Action::RetryUnchanged if grounds.facts.elsewhere.is_some() => {
            "Memory would not mend that: retry as it was, on another host.".to_owned()
        }
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

fn percent(probability: f64) -> String {
    format!("{:.0} %", probability * 100.0)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / 1_048_576.0)
}
