//! A mutate call: the patches in scope, applied, and their uses counted.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use paramedic_domain::{
    AppliedPatch, FailureId, Freeze, Job, MutateRequest, MutateResponse, PatchId, Provenance, SkipCode, SkippedPatch,
    Timestamp,
};
use paramedic_store::{Store, StoreError};

use crate::{
    ConfigState,
    entries::Entries,
    live::{Live, Prepared, Rules},
    mutate::{Mutated, Skip, mutate},
};

/// How long a job's start waits for its limited uses to be counted: a healthy store takes milliseconds.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
const GONE: &str = "its uses ended, or it was paused or revoked, while this call was answered";
const UNCOUNTED: &str = "its uses are limited, and the store that counts them does not answer";

/// What a job starts with, and what became of each patch.
#[derive(Debug)]
pub(crate) struct Answer {
    /// In order of precedence, one for each of the steps.
    pub(crate) patches: Vec<Arc<Prepared>>,
    pub(crate) mutated: Mutated,
    /// Patches that were taken out on the way.
    pub(crate) gone: Vec<SkippedPatch>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) freeze: Option<Freeze>,
    pub(crate) degraded: Vec<String>,
}

/// Answers a mutate request.
pub(crate) async fn answer(
    state: &ConfigState,
    request: &MutateRequest,
    now: Timestamp,
) -> Result<MutateResponse, StoreError> {
    let own = Entries::of(&request.config);
    Ok(run(&state.live, &state.store, &request.job, &own, request.dry_run, now).await?.response(&own))
}

/// Applies what applies and counts a use of each patch that was applied.
pub(crate) async fn run(
    live: &Live,
    store: &Store,
    job: &Job,
    own: &Entries<'_>,
    dry_run: bool,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let found = live.applicable(job, now).await?;
    let mutated = mutate(own, job, &found.patches, &found.rules, found.freeze.as_ref());
    let mut answer = Answer {
        patches: found.patches,
        mutated,
        gone: Vec::new(),
        rules: found.rules,
        freeze: found.freeze,
        degraded: found.degraded,
    };
    if !dry_run {
        answer.claim_uses(store, job, own, now).await;
        answer.count_uses(live, job);
    }
    count(dry_run, &answer);
    Ok(answer)
}

impl Answer {
    /// Counts a use of each patch whose uses are limited in the store, before anyone is told: one that no longer applies
    /// by then (its last use went to another call) is taken out and the rest is applied anew, so that no patch is applied
    /// more often than it allows.
    async fn claim_uses(&mut self, store: &Store, job: &Job, own: &Entries<'_>, now: Timestamp) {
        let mut claimed = BTreeSet::new();
        // Ends: every further round has at least one patch less.
        loop {
            let limited = self.applied().filter(|(it, _)| it.patch.content.max_uses.is_some());
            let unclaimed: Vec<PatchId> =
                limited.map(|(it, _)| it.patch.id).filter(|id| !claimed.contains(id)).collect();
            if unclaimed.is_empty() {
                return;
            }
            let (code, reason) = match tokio::time::timeout(CLAIM_TIMEOUT, store.count_uses(&unclaimed, now)).await {
                Ok(Ok(counted)) => {
                    claimed.extend(counted);
                    (SkipCode::Gone, GONE)
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "limited uses could not be counted: those patches are skipped");
                    (SkipCode::Uncounted, UNCOUNTED)
                }
                Err(_) => {
                    tracing::warn!("limited uses could not be counted in time: those patches are skipped");
                    (SkipCode::Uncounted, UNCOUNTED)
                }
            };
            let refused: Vec<_> = unclaimed.into_iter().filter(|id| !claimed.contains(id)).collect();
            if refused.is_empty() {
                return;
            }
            self.take_out(&refused, code, reason);
            self.mutated = mutate(own, job, &self.patches, &self.rules, self.freeze.as_ref());
        }
    }

    fn take_out(&mut self, refused: &[PatchId], code: SkipCode, reason: &str) {
        for patch in &self.patches {
            if code == SkipCode::Gone && refused.contains(&patch.patch.id) {
                patch.spend();
            }
        }
        self.patches.retain(|patch| !refused.contains(&patch.patch.id));
        let skipped = |id: &PatchId| SkippedPatch { patch_id: *id, code, reason: reason.to_owned() };
        self.gone.extend(refused.iter().map(skipped));
    }

    fn count_uses(&self, live: &Live, job: &Job) {
        let attempt = FailureId::of(&job.attempt_key());
        for (patch, _) in self.applied() {
            if patch.patch.content.max_uses.is_none() {
                live.uses.add(patch.patch.id);
            }
            live.uses.started(patch.patch.id, attempt);
        }
    }

    /// Each patch that was applied, with the keys that it changed.
    pub(crate) fn applied(&self) -> impl Iterator<Item = (&Arc<Prepared>, &Vec<crate::mutate::Change>)> {
        self.patches.iter().zip(&self.mutated.steps).filter_map(|(patch, step)| Some((patch, step.as_ref().ok()?)))
    }

    /// Each patch that was not.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = (&Arc<Prepared>, &Skip)> {
        self.patches.iter().zip(&self.mutated.steps).filter_map(|(patch, step)| Some((patch, step.as_ref().err()?)))
    }

    pub(crate) fn response(&self, own: &Entries<'_>) -> MutateResponse {
        let applied = self
            .applied()
            .map(|(patch, _)| AppliedPatch { patch_id: patch.patch.id, source: patch.patch.content.source.clone() });
        let skipped = self.skipped().map(|(patch, skip)| SkippedPatch {
            patch_id: patch.patch.id,
            code: skip.code,
            reason: skip.reason.clone(),
        });
        let provenance = self.applied().flat_map(|(patch, changes)| {
            let provenance = |change: &crate::mutate::Change| {
                let (patch_id, from, to) = (patch.patch.id, change.from.clone(), change.to.clone());
                (change.key.clone(), Provenance { patch_id, from, to })
            };
            changes.iter().map(provenance)
        });
        MutateResponse {
            config: self.config(own).map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            applied: applied.collect(),
            skipped: skipped.chain(self.gone.iter().cloned()).collect(),
            provenance: provenance.collect(),
            degraded: self.degraded.clone(),
        }
    }

    /// The entries in the end, in order of their keys.
    pub(crate) fn config<'a>(&'a self, own: &'a Entries<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut own = own.iter().peekable();
        let mut touched = self.mutated.values.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let next_is_own = match (own.peek(), touched.peek()) {
                    (Some((key, _)), Some((other, _))) => *key < other.as_str(),
                    (own, _) => own.is_some(),
                };
                if next_is_own {
                    return own.next();
                }
                let (key, value) = touched.next()?;
                own.next_if(|(other, _)| *other == key.as_str());
                if let Some(value) = value {
                    return Some((key.as_str(), value.as_str()));
                }
            }
        })
    }
}

fn count(dry_run: bool, answer: &Answer) {
    let changed = answer.applied().any(|(_, changes)| !changes.is_empty());
    let text = |yes: bool| if yes { "true" } else { "false" };
    metrics::counter!("paramedic_mutations_total", "dry_run" => text(dry_run), "changed" => text(changed)).increment(1);
    if !dry_run {
        metrics::counter!("paramedic_patches_applied_total").increment(answer.applied().count() as u64);
        let skipped = answer.skipped().count() + answer.gone.len();
        metrics::counter!("paramedic_patches_skipped_total").increment(skipped as u64);
    }
}

#[cfg(test)]
mod tests {
    use paramedic_domain::{Clock, NewPatch};
    use paramedic_store::PatchUpdate;
    use serde_json::json;

    use super::*;

    async fn stored(store: &Store, key: &str, max_uses: Option<u32>, operations: serde_json::Value) {
        let content: NewPatch =
            serde_json::from_value(json!({"scope": {}, "patch": operations, "source": "test", "max_uses": max_uses}))
                .unwrap();
        // One after the other, so that the order is that of creation.
        let number = store.config_revision().await.unwrap();
        store.create_patch(PatchId::of(key), &content, "test", Timestamp::from_microseconds(number)).await.unwrap();
    }

    const NOW: Timestamp = Timestamp::from_microseconds(1_000);

    #[tokio::test]
    async fn a_patch_that_went_to_another_call_is_taken_out_and_the_rest_applied_anew() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let live = Live::new(store.clone(), Clock::from_fn(|| NOW));
        let cores = |value: &str| json!([{"op": "add", "path": "/spark.executor.cores", "value": value}]);
        stored(&store, "base", None, cores("2")).await;
        stored(&store, "once", Some(1), cores("4")).await;
        stored(&store, "paused", Some(9), json!([{"op": "add", "path": "/spark.driver.memory", "value": "2g"}])).await;
        // Applies only where `once` has not: its use is counted in the second round.
        let test = json!([{"op": "test", "path": "/spark.executor.cores", "value": "2"},
                          {"op": "add", "path": "/spark.executor.memory", "value": "3g"}]);
        stored(&store, "instead", None, test).await;
        live.refresh().await.unwrap();
        // Another replica, after this one's memory:
        store.count_uses(&[PatchId::of("once")], NOW).await.unwrap();
        store.change_patch(PatchId::of("paused"), None, &PatchUpdate::Pause, "test", None, NOW).await.unwrap();

        let job = serde_json::from_value(json!({
            "scheduler": "s", "workflow": "w", "job": "j", "run": "r", "attempt": 1
        }))
        .unwrap();
        let own = Entries::default();
        let answer = run(&live, &store, &job, &own, false, NOW).await.unwrap().response(&own);
        let expected = [("spark.executor.cores", "2"), ("spark.executor.memory", "3g")];
        assert_eq!(answer.config, expected.into_iter().collect());
        let applied: Vec<_> = answer.applied.iter().map(|applied| applied.patch_id).collect();
        assert_eq!(applied, ["base", "instead"].map(PatchId::of));
        let skipped: Vec<_> =
            answer.skipped.iter().map(|skipped| (skipped.patch_id, skipped.reason.as_str())).collect();
        assert_eq!(skipped, [(PatchId::of("once"), GONE), (PatchId::of("paused"), GONE)]);
        let again = run(&live, &store, &job, &own, false, NOW).await.unwrap().response(&own);
        assert_eq!((again.config, again.skipped.len()), (answer.config, 0), "what is spent is asked for once");
        live.flush().await.unwrap();
        for (key, uses) in [("base", 2), ("once", 1), ("paused", 0), ("instead", 2)] {
            assert_eq!(store.patch(PatchId::of(key), NOW).await.unwrap().unwrap().uses, uses, "{key}");
        }
    }

    #[tokio::test]
    async fn while_the_store_is_away_mutate_goes_on_from_memory() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let live = Live::new(store.clone(), Clock::from_fn(|| NOW));
        let set = |key: &str| json!([{"op": "add", "path": format!("/spark.{key}"), "value": "2g"}]);
        stored(&store, "free", None, set("executor.memory")).await;
        stored(&store, "limited", Some(9), set("driver.memory")).await;
        live.refresh().await.unwrap();
        store.close().await;
        let job = serde_json::from_value(json!({
            "scheduler": "s", "workflow": "w", "job": "j", "run": "r", "attempt": 1
        }))
        .unwrap();
        let own = Entries::default();
        let later = NOW.plus_seconds(3);
        let answer = run(&live, &store, &job, &own, false, later).await.unwrap().response(&own);
        assert_eq!(answer.config, [("spark.executor.memory", "2g")].into_iter().collect());
        assert_eq!(answer.degraded, ["store_unavailable"]);
        let [skipped] = &answer.skipped[..] else { panic!("{answer:?}") };
        assert_eq!((skipped.patch_id, skipped.code), (PatchId::of("limited"), SkipCode::Uncounted));
        assert!(matches!(live.refresh().await, Err(StoreError::Unavailable(_))));
        assert!(live.flush().await.is_err(), "the use is kept, not lost");
        assert!(live.flush().await.is_err());
        let unread = Live::new(store.clone(), Clock::from_fn(|| NOW));
        assert!(run(&unread, &store, &job, &own, true, NOW).await.is_err(), "nothing was ever read");
    }
}
