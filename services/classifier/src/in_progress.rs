//! Reports of the same failure, one after the other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use paramedic_domain::FailureId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock a failure: a report that arrives while the same failure is worked on waits, and then finds its decision.
/// (Between replicas the store decides: its first decision wins.)
#[derive(Default)]
pub(crate) struct InProgress(Mutex<HashMap<FailureId, Weak<AsyncMutex<()>>>>);

impl InProgress {
    /// Waits until nobody else works on this failure.
    pub(crate) async fn enter(&self, id: FailureId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let found = locks.get(&id).and_then(Weak::upgrade);
            found.unwrap_or_else(|| {
                let lock = Arc::new(AsyncMutex::new(()));
                locks.insert(id, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}
