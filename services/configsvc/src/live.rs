//! What mutate answers from: the patches that apply, the policy and the freezes, in memory, following the store.
//!
//! A change through this process is read back before it is answered; one through another process arrives by PostgreSQL's
//! notification or by the next poll. While the store is away, what is in memory stays.

mod follow;
mod index;
mod prepared;
mod uses;

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use paramedic_domain::{Clock, Freeze, Job, PatchStatus, Policy, Timestamp};
use paramedic_store::{PAGE_ITEMS_MAX, Store, StoreError};

pub(crate) use follow::follow;
pub(crate) use index::Index;
pub(crate) use prepared::Prepared;
pub(crate) use uses::Uses;

/// From this age on an answer says that it comes from memory. Polls are more often.
const FRESH_S: f64 = 2.0;
/// Most patches that one mutate call considers; the newest.
const PATCHES_FOR_JOB_MAX: usize = 4_096;

/// The policy in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    pub(crate) version: u32,
    /// The keys that are allowed by name and not forbidden: most that patches set, found without trying patterns.
    pub(crate) plain: HashSet<String>,
}

impl Rules {
    pub(crate) fn new(policy: Policy, version: u32) -> Self {
        let plain =
            policy.allowed_keys.iter().filter(|key| !key.contains('*') && policy.allows(key)).cloned().collect();
        Self { policy, version, plain }
    }
}

/// What is known of the store.
#[derive(Debug, Default)]
struct Memory {
    index: Index,
    rules: Arc<Rules>,
    freezes: Vec<Freeze>,
    /// The revision up to which it is known; nothing before the first load.
    revision: Option<i64>,
    /// When it was last known to be all there is.
    fresh_at: Option<Timestamp>,
}

/// What a job's answer is made from.
#[derive(Debug)]
pub(crate) struct Applicable {
    /// In order of precedence: the last one has the last word.
    pub(crate) patches: Vec<Arc<Prepared>>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) freeze: Option<Freeze>,
    /// What could not be used.
    pub(crate) degraded: Vec<String>,
}

/// The memory, and the store that it follows.
#[derive(Debug)]
pub(crate) struct Live {
    store: Store,
    clock: Clock,
    memory: RwLock<Memory>,
    /// Held while the store is read, so that an older reading never replaces a newer one.
    turn: tokio::sync::Mutex<()>,
    pub(crate) uses: Uses,
}

impl Live {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        let (memory, turn, uses) = (RwLock::default(), tokio::sync::Mutex::default(), Uses::default());
        Self { store, clock, memory, turn, uses }
    }

    /// What applies to this attempt. Asks the store only where nothing was ever read.
    pub(crate) async fn applicable(&self, job: &Job, now: Timestamp) -> Result<Applicable, StoreError> {
        if !self.is_loaded() {
            self.refresh().await?;
        }
        let memory = self.read();
        let freeze = memory.freezes.iter().find(|freeze| freeze.scope.matches(job)).cloned();
        let mut patches = memory.index.of(job, now);
        let mut degraded = Vec::new();
        if memory.fresh_at.is_none_or(|at| now.seconds_since(at) > FRESH_S) {
            degraded.push("store_unavailable".to_owned());
        }
        let rules = Arc::clone(&memory.rules);
        drop(memory);
        if patches.len() > PATCHES_FOR_JOB_MAX {
            tracing::warn!(workflow = job.workflow, job = job.job, "more patches than one mutate call considers");
            patches.sort_unstable_by_key(|patch| std::cmp::Reverse((patch.patch.created_at, patch.patch.id)));
            patches.truncate(PATCHES_FOR_JOB_MAX);
            degraded.push("too_many_patches".to_owned());
        }
        patches.sort_unstable_by_key(|patch| patch.precedence());
        Ok(Applicable { patches, rules, freeze, degraded })
    }

    /// Was the store ever read?
    pub(crate) fn is_loaded(&self) -> bool {
        self.read().revision.is_some()
    }

    /// Reads what changed since the last time.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let now = self.clock.now();
        let known = self.read().revision;
        let revision = self.store.config_revision().await?;
        match known {
            None => self.load(revision, now).await?,
            Some(known) if known < revision => self.catch_up(known, revision, now).await?,
            // A database that was put back to an earlier copy.
            Some(known) if known > revision => self.load(revision, now).await?,
            Some(_) => {}
        }
        self.write().fresh_at = Some(now);
        Ok(())
    }

    async fn load(&self, revision: i64, now: Timestamp) -> Result<(), StoreError> {
        let mut index = Index::default();
        let mut after = None;
        loop {
            let (patches, next) = self.store.live_patches(after, now).await?;
            for patch in patches {
                index.put(Prepared::new(patch));
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let (rules, freezes) = self.rules_and_freezes().await?;
        tracing::info!(patches = index.len(), revision, "patches are in memory");
        *self.write() = Memory { index, rules, freezes, revision: Some(revision), fresh_at: Some(now) };
        Ok(())
    }

    async fn catch_up(&self, known: i64, revision: i64, now: Timestamp) -> Result<(), StoreError> {
        let mut known = known;
        loop {
            let changed = self.store.patches_changed_since(known, now).await?;
            let full = changed.len() == PAGE_ITEMS_MAX as usize;
            let last = changed.last().map_or(known, |change| change.revision);
            let mut memory = self.write();
            for change in changed {
                if change.patch.status == PatchStatus::Active {
                    memory.index.put(Prepared::new(change.patch));
                } else {
                    memory.index.remove(change.patch.id);
                }
            }
            drop(memory);
            if !full {
                break;
            }
            // A patch and the one that it supersedes have one revision: the next page may begin with the second.
            known = last - 1;
        }
        let (rules, freezes) = self.rules_and_freezes().await?;
        let mut memory = self.write();
        (memory.rules, memory.freezes, memory.revision) = (rules, freezes, Some(revision));
        Ok(())
    }

    async fn rules_and_freezes(&self) -> Result<(Arc<Rules>, Vec<Freeze>), StoreError> {
        let (policy, version) = self.store.policy().await?.unwrap_or_default();
        Ok((Arc::new(Rules::new(policy, version)), self.store.freezes_in_force().await?))
    }

    /// Forgets what has expired.
    fn sweep(&self, now: Timestamp) {
        self.write().index.remove_expired(now);
    }

    /// The patches that guard themselves.
    fn guarded(&self) -> Vec<Arc<Prepared>> {
        self.read().index.guarded()
    }

    /// Writes the counted uses down. What could not be written is kept for the next time.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        self.uses.flush(&self.store).await
    }

    fn read(&self) -> RwLockReadGuard<'_, Memory> {
        // A panic while it was written leaves it as it was but for one patch, which the next change mends.
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}
