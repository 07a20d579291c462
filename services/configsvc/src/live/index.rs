//! Patches by what their scopes name, so that a job's are found without looking at the others.
//!
//! Scopes that name the same fields are told apart by one hash of those fields' values: a job has one lookup for each
//! combination of fields that occurs among the patches (for labels, one for each of its labels), however many patches
//! there are. Equal hashes are settled by the scope itself.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use paramedic_domain::{Job, PatchId, Scope, Timestamp};

use super::prepared::Prepared;

/// Which of the six names a scope has, a bit each, and whether it has labels.
type Fields = u8;
const LABELS: Fields = 1 << 6;

/// The patches, by scope.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_id: HashMap<PatchId, Arc<Prepared>>,
    by_scope: HashMap<u64, Vec<Arc<Prepared>>>,
    /// How many patches name these fields.
    combinations: BTreeMap<Fields, usize>,
    hasher: RandomState,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The patches that apply to this attempt at `now`, in no order.
    pub(crate) fn of(&self, job: &Job, now: Timestamp) -> Vec<Arc<Prepared>> {
        let mut found = Vec::new();
        let names = names_of(job);
        for fields in self.combinations.keys().copied() {
            if fields & LABELS == 0 {
                self.collect(self.key(fields, names, None), job, now, &mut found);
            } else {
                for (label, value) in &job.labels {
                    self.collect(self.key(fields, names, Some((label, value))), job, now, &mut found);
                }
            }
        }
        found
    }

    fn collect(&self, key: u64, job: &Job, now: Timestamp, found: &mut Vec<Arc<Prepared>>) {
        let bucket = self.by_scope.get(&key).into_iter().flatten();
        found.extend(bucket.filter(|it| it.patch.content.scope.matches(job) && it.applies_at(now)).cloned());
    }

    /// Adds a patch, in the place of an earlier version of it.
    pub(crate) fn put(&mut self, patch: Prepared) {
        self.remove(patch.patch.id);
        let (key, fields) = self.place(&patch.patch.content.scope);
        let patch = Arc::new(patch);
        *self.combinations.entry(fields).or_default() += 1;
        self.by_scope.entry(key).or_default().push(Arc::clone(&patch));
        self.by_id.insert(patch.patch.id, patch);
    }

    pub(crate) fn remove(&mut self, id: PatchId) {
        let Some(patch) = self.by_id.remove(&id) else { return };
        let (key, fields) = self.place(&patch.patch.content.scope);
        if let Some(bucket) = self.by_scope.get_mut(&key) {
            bucket.retain(|other| other.patch.id != id);
            if bucket.is_empty() {
                self.by_scope.remove(&key);
            }
        }
        if let Some(count) = self.combinations.get_mut(&fields) {
            *count -= 1;
            if *count == 0 {
                self.combinations.remove(&fields);
            }
        }
    }

    pub(crate) fn remove_expired(&mut self, now: Timestamp) {
        let expired: Vec<_> = self.by_id.values().filter(|it| !it.applies_at(now)).map(|it| it.patch.id).collect();
        for id in expired {
            self.remove(id);
        }
    }

    pub(crate) fn guarded(&self) -> Vec<Arc<Prepared>> {
        self.by_id.values().filter(|it| it.patch.content.guard.is_some()).cloned().collect()
    }

    fn place(&self, scope: &Scope) -> (u64, Fields) {
        let names = [&scope.scheduler, &scope.cluster, &scope.workflow, &scope.job, &scope.run, &scope.user];
        let mut fields = if scope.labels.is_empty() { 0 } else { LABELS };
        for (bit, name) in names.iter().enumerate() {
            fields |= Fields::from(name.is_some()) << bit;
        }
        let label = scope.labels.iter().next().map(|(label, value)| (label.as_str(), value.as_str()));
        (self.key(fields, names.map(Option::as_deref), label), fields)
    }

    fn key<'a>(&self, fields: Fields, mut names: [Option<&'a str>; 6], label: Option<(&'a str, &'a str)>) -> u64 {
        for (bit, name) in names.iter_mut().enumerate() {
            if fields & (1 << bit) == 0 {
                *name = None;
            }
        }
        self.hasher.hash_one((fields, names, label))
    }
}

fn names_of(job: &Job) -> [Option<&str>; 6] {
    let Job { scheduler, cluster, workflow, job, run, user, .. } = job;
    [Some(scheduler), cluster.as_deref(), Some(workflow), Some(job), Some(run), user.as_deref()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use paramedic_domain::{NewPatch, Patch, PatchStatus};
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_microseconds(0);

    fn patch(number: usize, scope: Scope, end: Option<i64>) -> Patch {
        let content = NewPatch { scope, expires_at: end.map(Timestamp::from_microseconds), ..NewPatch::default() };
        let (id, status, created_by) = (PatchId::of(&number.to_string()), PatchStatus::Active, String::new());
        Patch { id, version: 1, status, content, uses: 0, created_by, created_at: NOW, updated_at: NOW }
    }

    fn name() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[ab]")
    }

    fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
        proptest::collection::btree_map("[kl]", "[ab]", 0..3)
    }

    prop_compose! {
        fn scope()(scheduler in name(), cluster in name(), workflow in name(), job in name(), run in name(),
            user in name(), labels in labels(), after_attempt in proptest::option::of(0_u32..3)) -> Scope {
            Scope { scheduler, cluster, workflow, job, run, user, labels, after_attempt }
        }
    }

    prop_compose! {
        fn job()(scheduler in "[ab]", cluster in name(), workflow in "[ab]", job in "[ab]", run in "[ab]",
            attempt in 1_u32..4, user in name(), labels in labels()) -> Job {
            Job { scheduler, cluster, workflow, job, run, attempt, user, labels }
        }
    }

    proptest! {
        /// The index finds what a look at every scope finds; also after patches were changed and taken out.
        #[test]
        fn it_agrees_with_the_scopes(
            scopes in proptest::collection::vec((scope(), proptest::option::of(-1_i64..2)), 0..24),
            changed in proptest::collection::vec((0_usize..24, scope()), 0..6),
            gone in proptest::collection::vec(0_usize..24, 0..6),
            job in job(),
        ) {
            let mut index = Index::default();
            let mut all = BTreeMap::new();
            for (number, (scope, end)) in scopes.into_iter().enumerate() {
                all.insert(number, patch(number, scope, end));
            }
            for patch in all.values() {
                index.put(Prepared::new(patch.clone()));
            }
            for (number, scope) in changed {
                all.insert(number, patch(number, scope, None));
                index.put(Prepared::new(all[&number].clone()));
            }
            for number in gone {
                all.remove(&number);
                index.remove(PatchId::of(&number.to_string()));
            }
            let live = |it: &&Patch| {
                it.content.scope.matches(&job) && it.content.expires_at.is_none_or(|end| end > NOW)
            };
            let expected: BTreeSet<_> = all.values().filter(live).map(|patch| patch.id).collect();
            let found = index.of(&job, NOW);
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(found.iter().map(|it| it.patch.id).collect::<BTreeSet<_>>(), expected.clone());
            prop_assert_eq!(index.len(), all.len());
            index.remove_expired(NOW);
            prop_assert_eq!(index.of(&job, NOW).len(), expected.len());
        }
    }
}
