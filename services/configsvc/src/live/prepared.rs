//! A patch, made ready to be applied often.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use paramedic_domain::{Owner, Patch, PatchId, Timestamp};
use serde_json::Value;

use crate::{memory_sum, operation};

/// A patch and what follows from it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) patch: Patch,
    pub(crate) owner: Owner,
    specificity: usize,
    /// The keys that it names, in order, or why it is none for a flat configuration.
    pub(crate) keys: Result<Vec<String>, String>,
    /// Its merge patch.
    pub(crate) merge: Option<Value>,
    /// It changes what a container's memory is the sum of.
    pub(crate) touches_memory: bool,
    /// The store has refused to count a use: no more are asked for until the patch changes.
    spent: AtomicBool,
}

impl Prepared {
    pub(crate) fn new(patch: Patch) -> Self {
        let keys = touched(&patch);
        let merge = (!patch.content.merge.is_empty()).then(|| {
            let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::String);
            Value::Object(patch.content.merge.iter().map(|(key, value)| (key.clone(), text(value))).collect())
        });
        Self {
            owner: patch.content.owner(),
            specificity: patch.content.scope.specificity(),
            touches_memory: keys.iter().flatten().any(|key| memory_sum::counts(key)),
            keys,
            merge,
            spent: AtomicBool::new(false),
            patch,
        }
    }

    /// Orders patches so that the last word comes last: the less specific scope first, then the lower priority, then the
    /// older. Ids break what ties remain.
    pub(crate) fn precedence(&self) -> (usize, i32, Timestamp, PatchId) {
        (self.specificity, self.patch.content.priority, self.patch.created_at, self.patch.id)
    }

    pub(crate) fn applies_at(&self, now: Timestamp) -> bool {
        self.patch.content.expires_at.is_none_or(|end| end > now) && !self.spent.load(Ordering::Relaxed)
    }

    pub(crate) fn spend(&self) {
        self.spent.store(true, Ordering::Relaxed);
    }
}

fn touched(patch: &Patch) -> Result<Vec<String>, String> {
    let mut keys: BTreeSet<String> = patch.content.merge.keys().cloned().collect();
    for (index, operation) in patch.content.patch.iter().enumerate() {
        let at = |field: &str, detail: &str| format!("operation {index}: `{field}` {detail}");
        let (path, from) = operation::keys(operation).map_err(|(field, detail)| at(field, &detail))?;
        operation::value(operation).map_err(|detail| at("value", &detail))?;
        keys.insert(path);
        keys.extend(from);
    }
    Ok(keys.into_iter().collect())
}
