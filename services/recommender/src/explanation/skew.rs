//! Skew is named, and what it costs to pay for it in memory.

use paramedic_domain::{Action, StageSummary};
use paramedic_spark::MemoryModel;

use super::{Grounds, dollars, mebibytes};
use crate::own_remedies::OwnRemedy;

/// From so many times the median on a task is called skewed: Spark's own
/// `spark.sql.adaptive.skewJoin.skewedPartitionFactor`.
const SKEW_MIN: f64 = 5.0;

/// A task that reads less is no trouble, however little the others read.
const READ_BYTES_MIN: u64 = 1 << 20;

/// Which task of which stage has how much more to do than the others, and the price of the memory for it.
pub(super) fn explain(grounds: &Grounds<'_>) -> Vec<String> {
    let stages = grounds.facts.event_log.iter().flat_map(|log| &log.stages);
    let skewed = stages.filter(|stage| skew(stage) > SKEW_MIN);
    // The failed one says the most.
    let Some(stage) = skewed.max_by(|one, other| one.failed.cmp(&other.failed).then(skew(one).total_cmp(&skew(other))))
    else {
        return Vec::new();
    };
    let mut sentences = vec![name(stage)];
    sentences.extend(price(grounds));
    sentences
}

/// Greatest over median of what the tasks read; 0 where even the greatest is small.
fn skew(stage: &StageSummary) -> f64 {
    if stage.largest_task.is_some_and(|task| task.read_bytes < READ_BYTES_MIN) {
        return 0.0;
    }
    stage.shuffle_read_skew.max(input_skew(stage))
}

fn input_skew(stage: &StageSummary) -> f64 {
    let input = stage.input_per_task.filter(|input| input.p50_bytes > 0);
    input.map_or(0.0, |input| input.max_bytes as f64 / input.p50_bytes as f64)
}

fn name(stage: &StageSummary) -> String {
    let place = stage.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let times = skew(stage);
    match stage.largest_task {
        Some(task) => {
            let end = if task.succeeded { "" } else { " before it failed" };
            format!(
                "The data is skewed: in stage {}{place} task {} read {}{end}, {times:.0} times the median.",
                stage.stage,
                task.index,
                mebibytes(task.read_bytes as f64),
            )
        }
        None => {
            format!("The data is skewed: in stage {}{place} one task reads {times:.0} times the median.", stage.stage)
        }
    }
}

/// What the retry costs only because every executor gets the memory that one task needs.
fn price(grounds: &Grounds<'_>) -> Option<String> {
    let predicted = grounds.predicted.filter(|_| grounds.action == Action::RetryWithConfig)?;
    let rate = |memory: &MemoryModel| grounds.prices.hourly_usd(memory);
    let (before, after) = (rate(grounds.failed), rate(&MemoryModel::of(grounds.config).ok()?));
    if after <= before {
        return None;
    }
    let extra = predicted.cost_usd * (1.0 - before / after);
    let tried = grounds.facts.own_remedies.contains(&OwnRemedy::SkewJoin);
    let mend = if tried {
        "Spark's own splitting of skewed joins was on and did not help here: salting that key would"
    } else {
        "salting that key, or Spark's own splitting of skewed joins (spark.sql.adaptive.skewJoin.enabled), would"
    };
    Some(format!(
        "The memory for that one task costs {} of this retry, in every run again; {mend} save it.",
        dollars(extra)
    ))
}
