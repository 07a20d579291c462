//! Patches applied to a configuration: all of a patch or nothing of it, in order of precedence.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use json_patch::PatchErrorKind;
use paramedic_domain::{Freeze, Job, Owner, PatchId, SkipCode, configuration::ENTRIES_MAX};
use serde_json::{Map, Value};

use crate::{
    entries::Entries,
    live::{Prepared, Rules},
    memory_sum,
    policy::Bounds,
    value::shown,
};

/// What became of one patch.
pub(crate) type Step = Result<Vec<Change>, Skip>;

/// A key that a patch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) code: SkipCode,
    pub(crate) reason: String,
}

impl Skip {
    fn because(code: SkipCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// What the patches made of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mutated {
    /// One for each patch, in order.
    pub(crate) steps: Vec<Step>,
    /// The keys whose values patches have touched, as they are in the end; nothing: unset.
    pub(crate) values: BTreeMap<String, Option<String>>,
}

/// Applies `patches`, in the order given. One that cannot be applied is skipped with a reason.
pub(crate) fn mutate(
    own: &Entries<'_>,
    job: &Job,
    patches: &[Arc<Prepared>],
    rules: &Rules,
    freeze: Option<&Freeze>,
) -> Mutated {
    if let Some(freeze) = freeze {
        let reason = format!("frozen by {}{}", freeze.created_by, because(freeze.reason.as_deref()));
        let skip = || Err(Skip::because(SkipCode::Frozen, reason.clone()));
        return Mutated { steps: patches.iter().map(|_| skip()).collect(), values: BTreeMap::new() };
    }
    let bounds = Bounds::of(rules, job);
    let mut draft = Draft { own, touched: Map::new(), owners: BTreeMap::new(), own_touched: 0 };
    let mut loaded = Loaded::new();
    let steps = patches.iter().map(|patch| draft.step(patch, job, &bounds, &mut loaded)).collect();
    let mut touched = draft.touched;
    let values = loaded.into_iter().map(|key| {
        let value = match touched.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        (key.to_owned(), value)
    });
    Mutated { steps, values: values.collect() }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// A configuration in the middle of its changes. Only the keys that patches name are held, as a flat JSON object of
/// texts, always: a patch of a flat configuration can tell it from the whole by nothing but the number of entries.
struct Draft<'a> {
    own: &'a Entries<'a>,
    touched: Map<String, Value>,
    /// Who set a key last.
    owners: BTreeMap<String, (Owner, PatchId)>,
    /// How many of the job's own entries were touched.
    own_touched: usize,
}

/// The keys that patches have named so far.
type Loaded<'p> = BTreeSet<&'p str>;

impl Draft<'_> {
    fn step<'p>(&mut self, patch: &'p Prepared, job: &Job, bounds: &Bounds<'_>, loaded: &mut Loaded<'p>) -> Step {
        if !patch.patch.content.rolls_out_to(patch.patch.id, job) {
            let percent = patch.patch.content.rollout_percent.unwrap_or(100);
            return Err(Skip::because(
                SkipCode::Rollout,
                format!("it is rolled out to {percent} % of the jobs, not this"),
            ));
        }
        let keys = patch.keys.as_ref().map_err(|reason| Skip::because(SkipCode::Failed, reason))?;
        self.check_preconditions(patch)?;
        self.load(keys, loaded);
        let before: Vec<_> = keys.iter().map(|key| self.get(key).map(str::to_owned)).collect();
        let changes = self.apply(patch, keys, &before).and_then(|()| self.accept(patch, keys, &before, bounds));
        if changes.is_err() {
            self.restore(keys, before);
        }
        changes
    }

    fn check_preconditions(&self, patch: &Prepared) -> Result<(), Skip> {
        for (key, wanted) in &patch.patch.content.only_if {
            let own = self.own.get(key);
            // What earlier patches made of it counts too: a later attempt's patch was made for what the attempt before
            // had started with.
            if own != wanted.as_deref() && self.current(key) != wanted.as_deref() {
                let told =
                    |value: Option<&str>| value.map_or_else(|| "not set".to_owned(), |it| format!("`{}`", shown(it)));
                let reason = format!(
                    "it is for jobs whose own {key} is {}, and this job's is {}",
                    told(wanted.as_deref()),
                    told(own)
                );
                return Err(Skip::because(SkipCode::Precondition, reason));
            }
        }
        Ok(())
    }

    /// The value after the patches so far.
    fn current(&self, key: &str) -> Option<&str> {
        self.touched.get(key).map_or_else(|| self.own.get(key), Value::as_str)
    }

    fn load<'p>(&mut self, keys: &'p [String], loaded: &mut Loaded<'p>) {
        for key in keys {
            if loaded.insert(key)
                && let Some(value) = self.own.get(key)
            {
                self.own_touched += 1;
                self.touched.insert(key.clone(), Value::String(value.to_owned()));
            }
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.touched.get(key).and_then(Value::as_str)
    }

    /// Applies a whole patch; on an error the draft may be anything at its keys.
    fn apply(&mut self, patch: &Prepared, keys: &[String], before: &[Option<String>]) -> Result<(), Skip> {
        let mut document = Value::Object(std::mem::take(&mut self.touched));
        // Reverts itself on an error.
        let patched = json_patch::patch(&mut document, &patch.patch.content.patch);
        if patched.is_ok()
            && let Some(merge) = &patch.merge
        {
            json_patch::merge(&mut document, merge);
        }
        match document {
            Value::Object(touched) => self.touched = touched,
            // `operation::keys` lets no patch name the whole document.
            _ => self.restore(keys, before.to_vec()),
        }
        patched.map_err(|error| Skip::because(SkipCode::Failed, failure(&error)))
    }

    /// What the patch changed, if it may.
    fn accept(&mut self, patch: &Prepared, keys: &[String], before: &[Option<String>], bounds: &Bounds<'_>) -> Step {
        let mut changes = Vec::with_capacity(keys.len());
        for (key, from) in keys.iter().zip(before) {
            let to = self.get(key);
            if from.as_deref() != to {
                changes.push(Change { key: key.clone(), from: from.clone(), to: to.map(str::to_owned) });
            }
        }
        let entries = self.own.len() - self.own_touched + self.touched.len();
        if entries > ENTRIES_MAX && entries > self.own.len() {
            let reason = format!("it would leave {entries} entries; at most {ENTRIES_MAX} are allowed");
            return Err(Skip::because(SkipCode::Failed, reason));
        }
        for Change { key, to, .. } in &changes {
            self.check_owner(patch, key)?;
            bounds.check_change(key, to.as_deref()).map_err(|reason| Skip::because(SkipCode::Policy, reason))?;
        }
        if patch.touches_memory
            && let Some(node) = bounds.node_memory_bytes()
        {
            self.check_memory(node, &changes).map_err(|reason| Skip::because(SkipCode::Policy, reason))?;
        }
        for Change { key, .. } in &changes {
            match self.owners.get_mut(key) {
                Some(owner) => *owner = (patch.owner, patch.patch.id),
                None => drop(self.owners.insert(key.clone(), (patch.owner, patch.patch.id))),
            }
        }
        Ok(changes)
    }

    fn check_owner(&self, patch: &Prepared, key: &str) -> Result<(), Skip> {
        match self.owners.get(key) {
            Some((owner, id)) if *owner > patch.owner => {
                let reason = format!("{key} was set for the {owner} by patch {id}, and the {} is weaker", patch.owner);
                Err(Skip::because(SkipCode::Owned, reason))
            }
            _ => Ok(()),
        }
    }

    fn check_memory(&self, node_bytes: u64, changes: &[Change]) -> Result<(), String> {
        let after = |key: &str| match self.touched.get(key) {
            Some(value) => value.as_str(),
            None if changes.iter().any(|change| change.key == key) => None,
            None => self.own_unless_touched(key),
        };
        let before = |key: &str| match changes.iter().find(|change| change.key == key) {
            Some(change) => change.from.as_deref(),
            None => after(key),
        };
        memory_sum::check(node_bytes, before, after)
    }

    /// The job's own value, unless a patch has unset it.
    fn own_unless_touched(&self, key: &str) -> Option<&str> {
        if self.owners.contains_key(key) { None } else { self.own.get(key) }
    }

    fn restore(&mut self, keys: &[String], before: Vec<Option<String>>) {
        for (key, value) in keys.iter().zip(before) {
            match value {
                Some(value) => self.touched.insert(key.clone(), Value::String(value)),
                None => self.touched.remove(key),
            };
        }
    }
}

/// Why an operation could not be applied, for people.
fn failure(error: &json_patch::PatchError) -> String {
    let what = match error.kind {
        PatchErrorKind::TestFailed => "the `test` found another value",
        PatchErrorKind::InvalidPointer => "the configuration has no such key",
        PatchErrorKind::InvalidFromPointer => "the configuration has no such key as `from`",
        _ => "it cannot be applied to a flat configuration",
    };
    format!("operation {} at {}: {what}", error.operation, error.path)
}

#[cfg(test)]
mod tests;
