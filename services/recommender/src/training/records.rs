//! Attempts to training records: a failed attempt and the configuration of the next one are what was asked, how that one
//! ended is the label. Features are computed as they were when the recommender was asked, from what was known by then.

use std::collections::{HashMap, VecDeque};

use paramedic_domain::{
    AttemptRecord, AttemptStatus, Category, Classification, Decision, RecommendationRequest, Timestamp,
};
use paramedic_spark::{MemoryModel, PriceTable};
use paramedic_store::{Store, StoreError};

use super::TrainingProgress;
use crate::{
    facts::Facts,
    features::FeatureSpace,
    pipeline::{reference, slim},
    simulator::Record,
    tokens::TokenHash,
};

/// Most failed attempts that wait for the next one; the longest waiting is given up.
const WAITING_MAX: usize = 50_000;
/// Earlier attempts of a job that a record knows of.
const HISTORY_MAX: usize = 50;
/// Attempts of one read.
const PAGE: u32 = 500;

/// Scheduler, workflow, job.
type JobKey = (String, String, String);
type RunKey = (JobKey, String);

/// A failed attempt whose retry has not been met.
struct Waiting {
    attempt: u32,
    facts: Facts,
    reference: MemoryModel,
}

/// Builds records from attempts in the order of their recording.
pub struct RecordBuilder {
    hash: TokenHash,
    prices: PriceTable,
    history: HashMap<JobKey, VecDeque<AttemptRecord>>,
    waiting: HashMap<RunKey, Waiting>,
    order: VecDeque<RunKey>,
}

impl RecordBuilder {
    /// A builder that has seen nothing.
    pub fn new(hash: TokenHash, prices: PriceTable) -> Self {
        Self { hash, prices, history: HashMap::new(), waiting: HashMap::new(), order: VecDeque::new() }
    }

    /// Adds the next attempt, with the decision on it where it failed. The record that it completes, if it does.
    pub fn push(&mut self, attempt: AttemptRecord, decision: Option<&Decision>) -> Option<Record> {
        let of = &attempt.job;
        let job: JobKey = (of.scheduler.clone(), of.workflow.clone(), of.job.clone());
        let run: RunKey = (job.clone(), of.run.clone());
        let memory = MemoryModel::of(&attempt.config).ok()?;
        let record = self.waiting.remove(&run).filter(|before| before.attempt + 1 == of.attempt).map(|before| {
            let space = FeatureSpace::new(&before.facts, before.reference.clone(), self.prices);
            Record {
                context: space.context(&self.hash),
                candidate: space.candidate(&memory),
                failed: attempt.status == AttemptStatus::Failed,
                seconds: seconds(&attempt).unwrap_or(f64::NAN),
            }
        });
        let history = self.history.entry(job).or_default();
        history.push_front(AttemptRecord { config: slim(&attempt.config), evidence: None, ..attempt.clone() });
        history.truncate(HISTORY_MAX);
        if attempt.status == AttemptStatus::Failed {
            let known = history.make_contiguous();
            let waiting = waiting(attempt, decision, &memory, known);
            self.wait(run, waiting);
        }
        record
    }

    fn wait(&mut self, run: RunKey, waiting: Waiting) {
        self.waiting.insert(run.clone(), waiting);
        self.order.push_back(run);
        while self.order.len() > WAITING_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.waiting.remove(&oldest);
            }
        }
    }
}

fn waiting(
    attempt: AttemptRecord,
    decision: Option<&Decision>,
    memory: &MemoryModel,
    history: &[AttemptRecord],
) -> Waiting {
    let classification = decision.map_or_else(|| classification(&attempt), |decision| decision.classification.clone());
    let number = attempt.job.attempt;
    let request = RecommendationRequest {
        job: attempt.job,
        application_id: attempt.application_id,
        config: attempt.config,
        classification,
        evidence: attempt.evidence,
    };
    let facts = Facts::gather(&request, memory, history, &[]);
    let reference = reference(&facts, memory, &request.config);
    Waiting { attempt: number, facts, reference }
}

/// What an attempt's record says of its failure, where no decision is kept.
fn classification(attempt: &AttemptRecord) -> Classification {
    let unclassified = Classification::unclassified();
    Classification {
        class: attempt.class.clone().unwrap_or_else(|| unclassified.class.clone()),
        category: attempt.category.unwrap_or(Category::Unclassified),
        memory_side: attempt.memory_side,
        ..unclassified
    }
}

fn seconds(attempt: &AttemptRecord) -> Option<f64> {
    let measured = || Some(attempt.finished_at?.seconds_since(attempt.started_at?));
    let told = attempt.evidence.as_ref().and_then(|evidence| evidence.duration_s);
    told.or_else(measured).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
}

/// Reads the attempts recorded at `since` or later, oldest first, at most `attempts_max` of them, as records.
pub async fn read_records(
    store: &Store,
    since: Timestamp,
    attempts_max: u64,
    mut builder: RecordBuilder,
    progress: &mut (dyn FnMut(TrainingProgress) + Send),
) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    let mut cursor = None;
    let mut done = 0;
    loop {
        let page = store.decided_attempts_since(since, PAGE, cursor.as_deref()).await?;
        done += page.items.len() as u64;
        records
            .extend(page.items.into_iter().filter_map(|(attempt, decision)| builder.push(attempt, decision.as_ref())));
        progress(TrainingProgress::Reading { done });
        cursor = page.next_cursor;
        if cursor.is_none() || done >= attempts_max {
            return Ok(records);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempt(run: &str, number: u32, status: &str, memory: &str) -> AttemptRecord {
        serde_json::from_value(json!({
            "job": {"scheduler": "s", "workflow": "w", "job": "j", "run": run, "attempt": number},
            "config": {"spark.executor.memory": memory, "spark.master": "yarn"}, "status": status,
            "memory_side": (status == "failed").then_some("executor_heap"),
            "category": (status == "failed").then_some("memory_configuration"),
            "started_at": "2026-01-31T12:00:00Z", "finished_at": "2026-01-31T12:01:30Z"
        }))
        .unwrap()
    }

    #[test]
    fn a_failure_and_its_retry_make_a_record() {
        let mut builder = RecordBuilder::new(TokenHash::new(1, 64), PriceTable::default());
        assert!(builder.push(attempt("1", 1, "failed", "1g"), None).is_none());
        assert!(builder.push(attempt("2", 1, "succeeded", "8g"), None).is_none());
        let record = builder.push(attempt("1", 2, "failed", "2g"), None).unwrap();
        assert!(record.failed && (record.seconds - 90.0).abs() < 1e-9);
        // Twice the memory of the failing side: an octave.
        assert!((record.candidate.capacity[0] - 1.0).abs() < 1e-6, "{:?}", record.candidate.capacity);
        let last = builder.push(attempt("1", 3, "succeeded", "3g"), None).unwrap();
        assert!(!last.failed);
        // An attempt that was not the next one tells nothing.
        builder.push(attempt("3", 1, "failed", "1g"), None);
        assert!(builder.push(attempt("3", 3, "failed", "1g"), None).is_none());
    }
}
