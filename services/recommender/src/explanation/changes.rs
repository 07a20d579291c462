//! What each changed key does, in plain words.

use paramedic_spark::MemoryModel;

use super::{Grounds, mebibytes};
use crate::parameters::Parameter;

/// A sentence a changed key.
pub(super) fn explain(grounds: &Grounds<'_>) -> Vec<String> {
    let after = MemoryModel::of(grounds.config).ok();
    let sentence = |(key, old, new): (&str, Option<&str>, Option<&str>)| {
        let (old, new) = (old.unwrap_or("Spark's default"), new.unwrap_or("Spark's default"));
        let parameter = Parameter::ALL.into_iter().find(|parameter| parameter.key() == key);
        match parameter.zip(after.as_ref()).map(|(parameter, after)| effect(parameter, grounds.failed, after)) {
            Some(effect) => format!("{key}: {old} → {new}: {effect}."),
            None => format!("{key}: {old} → {new}."),
        }
    };
    grounds.original.changes(grounds.config).into_iter().map(sentence).collect()
}

/// What a parameter's change does to a job.
fn effect(parameter: Parameter, before: &MemoryModel, after: &MemoryModel) -> String {
    let bytes = |bytes: u64| mebibytes(bytes as f64);
    let execution = || {
        let (before, after) = (before.execution_per_task_max, after.execution_per_task_max);
        format!("a running task may use {} for sorts, joins and aggregates instead of {}", bytes(after), bytes(before))
    };
    match parameter {
        Parameter::ExecutorMemory => format!("the heap of each executor; {}", execution()),
        Parameter::ExecutorMemoryOverhead => format!(
            "what an executor's container has beside its heap, for threads, native libraries and Python; the container takes {} instead of {}",
            bytes(after.container),
            bytes(before.container)
        ),
        Parameter::ExecutorCores | Parameter::TaskCpus => format!(
            "{} task(s) at a time in each executor instead of {}, so that each has more of its memory",
            after.task_slots, before.task_slots
        ),
        Parameter::ExecutorInstances | Parameter::MaxExecutors => {
            format!("{} executor(s) instead of {}: less to pay for", after.executors, before.executors)
        }
        Parameter::MemoryFraction => {
            format!("the share of the heap that Spark manages, the rest is for the job's own objects; {}", execution())
        }
        Parameter::StorageFraction => {
            "the share of managed memory that cached data keeps when tasks need it".to_owned()
        }
        Parameter::OffHeapSize => "memory outside the heap for execution and storage".to_owned(),
        Parameter::PysparkMemory => "what the Python workers of an executor may allocate together".to_owned(),
        Parameter::DriverMemory if before.local => format!("the heap of the one JVM; {}", execution()),
        Parameter::DriverMemory => "the driver's heap: plans, broadcasts being built, collected results".to_owned(),
        Parameter::DriverMemoryOverhead => "what the driver's container has beside its heap".to_owned(),
        Parameter::DriverMaxResultSize => {
            "the limit for results that are collected at the driver; it reserves nothing".to_owned()
        }
        Parameter::KryoBufferMax => {
            "the limit for one object that Kryo serializes; it is used only when needed".to_owned()
        }
        Parameter::ShufflePartitions => format!(
            "shuffled data is cut into {} parts instead of {}, so that each task holds less of it",
            after.shuffle_partitions, before.shuffle_partitions
        ),
        Parameter::BroadcastThreshold if after.broadcast_threshold == 0 => {
            "no table is broadcast for a join any more: the driver need not hold one".to_owned()
        }
        Parameter::BroadcastThreshold => "smaller tables only are broadcast for a join".to_owned(),
    }
}
