//! Why a job starts with what it starts with.

use std::collections::BTreeMap;

use json_patch::PatchOperation;
use paramedic_domain::{ExplainedKey, ExplainedPatch, Explanation, Job, LostValue, Patch};

use crate::{answer::Answer, entries::Entries, live::Prepared, operation};

/// The answer, told by patch and by key.
pub(crate) fn explain(job: Job, own: &Entries<'_>, answer: &Answer) -> Explanation {
    Explanation {
        job,
        config: answer.config(own).map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        patches: patches(answer),
        keys: keys(own, answer),
        frozen_by: answer.freeze.as_ref().map(|freeze| freeze.id),
        policy_version: answer.rules.version,
        degraded: answer.degraded.clone(),
    }
}

fn patches(answer: &Answer) -> Vec<ExplainedPatch> {
    let told = answer.patches.iter().zip(&answer.mutated.steps).map(|(prepared, step)| {
        let Patch { id, version, content, created_at, .. } = &prepared.patch;
        let skip = step.as_ref().err();
        ExplainedPatch {
            patch_id: *id,
            version: *version,
            source: content.source.clone(),
            owner: prepared.owner,
            scope: content.scope.clone(),
            specificity: content.scope.specificity(),
            priority: content.priority,
            created_at: *created_at,
            reason: content.reason.clone(),
            applied: skip.is_none(),
            skip_code: skip.map(|skip| skip.code),
            skip_reason: skip.map(|skip| skip.reason.clone()),
        }
    });
    told.collect()
}

/// Every key that a patch set, or would have set had it not been skipped.
fn keys(own: &Entries<'_>, answer: &Answer) -> BTreeMap<String, ExplainedKey> {
    let mut keys: BTreeMap<String, ExplainedKey> = BTreeMap::new();
    let untouched = |key: &str| {
        let value = own.get(key).map(str::to_owned);
        ExplainedKey { own: value.clone(), value, ..ExplainedKey::default() }
    };
    for (patch, step) in answer.patches.iter().zip(&answer.mutated.steps) {
        match step {
            Ok(changes) => {
                for change in changes {
                    let key = keys.entry(change.key.clone()).or_insert_with(|| untouched(&change.key));
                    set(key, &answer.patches, patch, change.to.clone());
                }
            }
            Err(skip) => {
                for (name, value) in wanted(&patch.patch) {
                    let key = keys.entry(name.clone()).or_insert_with(|| untouched(&name));
                    let reason = format!("the patch was skipped: {}", skip.reason);
                    key.lost.push(LostValue { patch_id: Some(patch.patch.id), value, reason });
                }
            }
        }
    }
    keys
}

fn set(key: &mut ExplainedKey, patches: &[std::sync::Arc<Prepared>], by: &Prepared, to: Option<String>) {
    let before = std::mem::replace(&mut key.value, to);
    let earlier = key.set_by.replace(by.patch.id);
    key.owner = Some(by.owner);
    let reason = earlier.map_or_else(
        || format!("patch {} set it", by.patch.id),
        |id| {
            let earlier = patches.iter().find(|patch| patch.patch.id == id);
            format!("patch {} came after it: {}", by.patch.id, earlier.map_or("", |earlier| advantage(earlier, by)))
        },
    );
    key.lost.push(LostValue { patch_id: earlier, value: before, reason });
}

/// What gave `later` the last word.
fn advantage(earlier: &Prepared, later: &Prepared) -> &'static str {
    let specificity = |patch: &Prepared| patch.patch.content.scope.specificity();
    if specificity(later) > specificity(earlier) {
        "its scope is more specific"
    } else if later.patch.content.priority > earlier.patch.content.priority {
        "its priority is higher"
    } else {
        "it is newer"
    }
}

/// What a patch would set, as far as the patch alone tells.
fn wanted(patch: &Patch) -> Vec<(String, Option<String>)> {
    let operations = patch.content.patch.iter().filter_map(|operation| {
        let (key, _) = operation::keys(operation).ok()?;
        match operation {
            PatchOperation::Add(_) | PatchOperation::Replace(_) => {
                Some((key, operation::value(operation).ok()?.map(str::to_owned)))
            }
            PatchOperation::Remove(_) => Some((key, None)),
            PatchOperation::Test(_) | PatchOperation::Move(_) | PatchOperation::Copy(_) => None,
        }
    });
    operations.chain(patch.content.merge.iter().map(|(key, value)| (key.clone(), value.clone()))).collect()
}
