//! Patches applied to a configuration: all of a patch or nothing of it, in order of precedence.

use std::collections::{BTreeMap, BTreeSet};

use json_patch::{PatchErrorKind, PatchOperation};
use paramedic_domain::{
    AppliedPatch, Configuration, MutateResponse, Patch, PatchId, Policy, Provenance, SkippedPatch,
    configuration::ENTRIES_MAX,
};
use serde_json::{Map, Value};

use crate::{operation, policy};

/// Orders patches so that the last word comes last: the less specific scope first, then the lower priority, then the
/// older. Ids break what ties remain.
pub(crate) fn in_order(patches: &mut [Patch]) {
    patches
        .sort_by_key(|patch| (patch.content.scope.specificity(), patch.content.priority, patch.created_at, patch.id));
}

/// Applies `patches`, in the order given. One that cannot be applied is skipped with a reason.
pub(crate) fn mutate(config: &Configuration, patches: &[Patch], policy: &Policy) -> MutateResponse {
    let mut draft = Draft::of(config);
    let (mut applied, mut skipped, mut provenance) = (Vec::new(), Vec::new(), BTreeMap::new());
    for patch in patches {
        match draft.apply(&patch.content.patch, policy) {
            Ok(changes) => {
                applied.push(AppliedPatch { patch_id: patch.id, source: patch.content.source.clone() });
                provenance.extend(changes.into_iter().map(|change| change.provenance(patch.id)));
            }
            Err(reason) => skipped.push(SkippedPatch { patch_id: patch.id, reason }),
        }
    }
    MutateResponse { config: draft.configuration(), applied, skipped, provenance }
}

/// A configuration in the middle of its changes: a flat JSON object of texts, always.
struct Draft(Value);

/// A key that a patch changed.
struct Change {
    key: String,
    from: Option<String>,
    to: Option<String>,
}

impl Change {
    fn provenance(self, patch_id: PatchId) -> (String, Provenance) {
        (self.key, Provenance { patch_id, from: self.from, to: self.to })
    }
}

impl Draft {
    fn of(config: &Configuration) -> Self {
        let entries = config.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
        Self(Value::Object(entries.collect()))
    }

    fn configuration(self) -> Configuration {
        let Value::Object(entries) = self.0 else { return Configuration::default() };
        let text = |(key, value)| if let Value::String(text) = value { Some((key, text)) } else { None };
        entries.into_iter().filter_map(text).collect()
    }

    fn entries(&self) -> usize {
        self.0.as_object().map_or(0, Map::len)
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    fn set(&mut self, key: &str, value: Option<String>) {
        if let Value::Object(entries) = &mut self.0 {
            match value {
                Some(value) => entries.insert(key.to_owned(), Value::String(value)),
                None => entries.remove(key),
            };
        }
    }

    /// Applies a whole patch and returns what it changed; on an error the draft is as before.
    fn apply(&mut self, patch: &json_patch::Patch, policy: &Policy) -> Result<Vec<Change>, String> {
        let before: Vec<_> = touched(patch)?.into_iter().map(|key| (self.get(&key), key)).collect();
        // Reverts itself on an error.
        json_patch::patch(&mut self.0, patch).map_err(|error| failure(&error))?;
        let changes = self.changes_since(&before);
        let verdict = self.check(&changes, policy);
        if verdict.is_err() {
            for (value, key) in before {
                self.set(&key, value);
            }
        }
        verdict.map(|()| changes)
    }

    fn changes_since(&self, before: &[(Option<String>, String)]) -> Vec<Change> {
        let change = |(from, key): &(Option<String>, String)| {
            let to = self.get(key);
            (*from != to).then(|| Change { key: key.clone(), from: from.clone(), to })
        };
        before.iter().filter_map(change).collect()
    }

    fn check(&self, changes: &[Change], policy: &Policy) -> Result<(), String> {
        if self.entries() > ENTRIES_MAX {
            return Err(format!("it would leave {} entries; at most {ENTRIES_MAX} are allowed", self.entries()));
        }
        changes.iter().try_for_each(|change| policy::check_change(policy, &change.key, change.to.as_deref()))
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

/// The keys that a patch names, or why it is none for a flat configuration.
fn touched(operations: &[PatchOperation]) -> Result<BTreeSet<String>, String> {
    let mut keys = BTreeSet::new();
    for (index, operation) in operations.iter().enumerate() {
        let at = |field: &str, detail: &str| format!("operation {index}: `{field}` {detail}");
        let (path, from) = operation::keys(operation).map_err(|(field, detail)| at(field, &detail))?;
        operation::value(operation).map_err(|detail| at("value", &detail))?;
        keys.insert(path);
        keys.extend(from);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
