//! Uses that were counted and not written yet.

use std::{
    collections::HashMap,
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
    attempts: Vec<Started>,
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
            if pending.attempts.len() < KEPT_MAX {
                pending.attempts.push((id, attempt));
            } else {
                metrics::counter!("paramedic_patch_uses_lost_total").increment(1);
            }
        });
    }

    /// Writes all of it, in batches.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        loop {
            let (uses, attempts) = self.take();
            if uses.is_empty() && attempts.is_empty() {
                return Ok(());
            }
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
        }
    }

    fn take(&self) -> (Vec<Used>, Vec<Started>) {
        self.change(|pending| {
            let ids: Vec<_> = pending.uses.keys().take(BATCH_MAX).copied().collect();
            let uses = ids.into_iter().filter_map(|id| Some((id, pending.uses.remove(&id)?))).collect();
            let first = pending.attempts.len().saturating_sub(BATCH_MAX);
            (uses, pending.attempts.split_off(first))
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Pending) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
