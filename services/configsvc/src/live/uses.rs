//! Uses that were counted and not written yet.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use paramedic_domain::{FailureId, PatchId};
use paramedic_store::{Store, StoreError};

/// Most uses and most attempts kept while the store is away; further ones are not counted.
const KEPT_MAX: usize = 100_000;
/// Most that one transaction writes.
const BATCH_MAX: usize = 500;

/// How often a patch was used.
type Used = (PatchId, u32);
/// A patch, and an attempt that started with it.
type Started = (PatchId, FailureId);

#[derive(Debug, Default)]
struct Pending {
    uses: HashMap<PatchId, u32>,
    attempts: BTreeSet<Started>,
}

/// Uses of patches without a limit, by patch, and the attempts that started with them.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<Pending>);

impl Uses {
    /// Counts one use.
    pub(crate) fn add(&self, id: PatchId) {
        self.change(|pending| {
            if pending.uses.len() < KEPT_MAX || pending.uses.contains_key(&id) {
                let uses = pending.uses.entry(id).or_default();
                *uses = uses.saturating_add(1);
            } else {
                metrics::counter!("paramedic_patch_uses_lost_total").increment(1);
            }
        });
    }

    /// Keeps that an attempt started with a patch.
    pub(crate) fn started(&self, id: PatchId, attempt: FailureId) {
        self.change(|pending| {
            if pending.attempts.len() < KEPT_MAX || pending.attempts.contains(&(id, attempt)) {
                pending.attempts.insert((id, attempt));
            } else {
                metrics::counter!("paramedic_patch_uses_lost_total").increment(1);
            }
        });
    }

    /// Writes it in batches, down to one that is not full: while calls come in there is always something more.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        loop {
            let (uses, attempts) = self.take();
            if uses.is_empty() && attempts.is_empty() {
                return Ok(());
            }
            let last = uses.len() < BATCH_MAX && attempts.len() < BATCH_MAX;
            if let Err(error) = store.add_uses(&uses, &attempts).await {
                self.change(|pending| {
                    for (id, number) in uses {
                        let kept = pending.uses.entry(id).or_default();
                        *kept = kept.saturating_add(number);
                    }
                    pending.attempts.extend(attempts);
                });
                return Err(error);
            }
            if last {
                return Ok(());
            }
        }
    }

    fn take(&self) -> (Vec<Used>, Vec<Started>) {
        self.change(|pending| {
            let ids: Vec<_> = pending.uses.keys().take(BATCH_MAX).copied().collect();
            let uses = ids.into_iter().filter_map(|id| Some((id, pending.uses.remove(&id)?))).collect();
            let attempts = std::iter::from_fn(|| pending.attempts.pop_first()).take(BATCH_MAX).collect();
            (uses, attempts)
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Pending) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicU32, Ordering},
        },
        time::Duration,
    };

    use super::*;

    #[tokio::test]
    async fn a_flush_ends_though_uses_keep_coming() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let uses = Arc::new(Uses::default());
        let (done, added) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let adding = std::thread::spawn({
            let (uses, done, added) = (Arc::clone(&uses), Arc::clone(&done), Arc::clone(&added));
            move || {
                while !done.load(Ordering::Relaxed) {
                    uses.add(PatchId::of("p"));
                    added.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        while added.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let flushed = tokio::time::timeout(Duration::from_secs(20), uses.flush(&store)).await;
        done.store(true, Ordering::Relaxed);
        adding.join().unwrap();
        flushed.expect("it ends").unwrap();
    }

    #[tokio::test]
    async fn more_than_a_batch_is_written_in_one_flush() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let uses = Uses::default();
        let attempt = "0192d3f0-5c1e-7b7e-9d41-2f1a6a7f0c55".parse().unwrap();
        for number in 0..=2 * BATCH_MAX {
            uses.started(PatchId::of(&number.to_string()), attempt);
        }
        uses.flush(&store).await.unwrap();
        assert_eq!(uses.take(), (vec![], vec![]));
    }
}
