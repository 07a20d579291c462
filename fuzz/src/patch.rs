//! Patches: a configuration is changed by one, and changed back.

use json_patch::{PatchOperation, jsonptr::PointerBuf};
use paramedic_domain::{Configuration, Job, NewPatch, PatchId, Scope, patch::OPERATIONS_MAX};
use serde::Deserialize;
use serde_json::Value;

use crate::failure_report::document;

/// What a seed holds.
#[derive(Deserialize)]
struct Case {
    /// The job that starts.
    job: Job,
    /// Its own configuration.
    config: Configuration,
    /// The patch.
    patch: Value,
}

/// Applies a patch to a configuration. One that fails changes nothing; what it says that it sets is set; the difference
/// of two configurations leads from either to the other; a rollout only grows, and a retry's scope is what it says.
pub fn patch(data: &[u8]) {
    let Ok(Case { job, config, patch }) = serde_json::from_slice(data) else { return };
    let patch = serde_json::to_vec(&patch).expect("a value can be written");
    let Some(patch) = document::<NewPatch>(&patch) else { return };
    assert!((1..=OPERATIONS_MAX).contains(&(patch.patch.0.len() + patch.merge.len())));
    scopes(&patch, &job);
    let before = serde_json::to_value(&config).expect("a configuration is an object of texts");
    let Some(after) = applied(&patch, &before) else { return };
    let Ok(changed) = serde_json::from_value::<Configuration>(after.clone()) else { return };
    if is_plain(&patch) {
        assert!(patch.shows_in(&changed), "{:?} in {changed:?}", patch.values());
    }
    assert_eq!(patched(&before, &config.patch_to(&changed)), Some(after), "the way there");
    let after = serde_json::to_value(&changed).expect("a configuration is an object of texts");
    assert_eq!(patched(&after, &changed.patch_to(&config)), Some(before), "and back");
    assert_eq!(config.changes(&changed).len(), changed.changes(&config).len());
}

/// The document after the patch; nothing where it cannot be applied.
fn applied(patch: &NewPatch, before: &Value) -> Option<Value> {
    let mut after = patched(before, &patch.patch)?;
    if !patch.merge.is_empty() {
        json_patch::merge(&mut after, &serde_json::to_value(&patch.merge).expect("a merge patch is an object"));
    }
    Some(after)
}

fn patched(before: &Value, patch: &json_patch::Patch) -> Option<Value> {
    let mut after = before.clone();
    let done = json_patch::patch(&mut after, patch).is_ok();
    assert!(done || after == *before, "a patch that fails half way is taken back: {before} became {after}");
    done.then_some(after)
}

/// Only sets texts and takes keys away, each by its own name.
fn is_plain(patch: &NewPatch) -> bool {
    let is_key = |path: &PointerBuf| path.count() == 1;
    patch.patch.0.iter().all(|operation| match operation {
        PatchOperation::Add(add) => is_key(&add.path) && add.value.is_string(),
        PatchOperation::Replace(replace) => is_key(&replace.path) && replace.value.is_string(),
        PatchOperation::Remove(remove) => is_key(&remove.path),
        PatchOperation::Test(_) => !patch.values().is_empty(),
        PatchOperation::Move(_) | PatchOperation::Copy(_) => false,
    })
}

fn scopes(patch: &NewPatch, job: &Job) {
    let scope = &patch.scope;
    assert!(scope.is_within(scope) && scope.is_within(&Scope::default()));
    assert_eq!(scope.is_empty(), *scope == Scope::default());
    let retry = Scope::next_attempts_of(job);
    assert!(!retry.matches(job), "not the attempt that failed");
    let next = Job { attempt: job.attempt.saturating_add(1), ..job.clone() };
    assert!(job.attempt == u32::MAX || retry.matches(&next));
    assert!(
        !retry.is_within(scope) || job.attempt == u32::MAX || scope.matches(&next),
        "a wider scope holds all of it"
    );
    let id = PatchId::of(&patch.source);
    let gets = |percent| NewPatch { rollout_percent: Some(percent), ..NewPatch::default() }.rolls_out_to(id, job);
    assert!(gets(100) && (!gets(30) || gets(60)));
    assert_eq!(patch.rolls_out_to(id, job), patch.rolls_out_to(id, &next), "the job decides, not the attempt");
}
