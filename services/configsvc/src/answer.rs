//! A mutate call: the patches in scope, applied, and their uses counted.

use std::collections::BTreeSet;

use paramedic_domain::{Configuration, MutateRequest, MutateResponse, Patch, PatchId, Policy, SkippedPatch, Timestamp};
use paramedic_store::{Store, StoreError};

use crate::{
    ConfigState,
    mutate::{in_order, mutate},
};

const GONE: &str = "its uses ended, or it was paused or revoked, while this call was answered";

/// Answers a mutate request.
pub(crate) async fn answer(
    state: &ConfigState,
    request: &MutateRequest,
    now: Timestamp,
) -> Result<MutateResponse, StoreError> {
    let (policy, _) = state.policy().await?;
    let mut patches = state.store.patches_for(&request.job, now).await?;
    in_order(&mut patches);
    let response = if request.dry_run {
        mutate(&request.config, &patches, &policy)
    } else {
        mutate_and_count(&state.store, &request.config, patches, &policy, now).await?
    };
    count(request, &response);
    Ok(response)
}

/// Applies `patches` and counts a use of each that was applied, before anyone is told: a patch that no longer applies by
/// then (its last use went to another call) is taken out and the rest is applied anew, so that no patch is applied more
/// often than it allows.
async fn mutate_and_count(
    store: &Store,
    config: &Configuration,
    mut patches: Vec<Patch>,
    policy: &Policy,
    now: Timestamp,
) -> Result<MutateResponse, StoreError> {
    let mut counted = BTreeSet::new();
    let mut gone = Vec::new();
    // Ends: every further round has at least one patch less.
    loop {
        let mut response = mutate(config, &patches, policy);
        let applied = response.applied.iter().map(|applied| applied.patch_id);
        let uncounted: Vec<PatchId> = applied.filter(|id| !counted.contains(id)).collect();
        counted.extend(store.count_uses(&uncounted, now).await?);
        let refused: Vec<_> = uncounted.into_iter().filter(|id| !counted.contains(id)).collect();
        if refused.is_empty() {
            response.skipped.extend(gone);
            return Ok(response);
        }
        patches.retain(|patch| !refused.contains(&patch.id));
        gone.extend(refused.into_iter().map(|patch_id| SkippedPatch { patch_id, reason: GONE.to_owned() }));
    }
}

fn count(request: &MutateRequest, response: &MutateResponse) {
    let dry_run = if request.dry_run { "true" } else { "false" };
    let changed = if response.provenance.is_empty() { "false" } else { "true" };
    metrics::counter!("paramedic_mutations_total", "dry_run" => dry_run, "changed" => changed).increment(1);
    if !request.dry_run {
        metrics::counter!("paramedic_patches_applied_total").increment(response.applied.len() as u64);
        metrics::counter!("paramedic_patches_skipped_total").increment(response.skipped.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use paramedic_domain::NewPatch;
    use paramedic_store::PatchUpdate;
    use serde_json::json;

    use super::*;

    async fn stored(store: &Store, key: &str, max_uses: Option<u32>, operations: serde_json::Value) -> Patch {
        let content: NewPatch =
            serde_json::from_value(json!({"scope": {}, "patch": operations, "source": "test", "max_uses": max_uses}))
                .unwrap();
        store.create_patch(PatchId::of(key), &content, "test", NOW).await.unwrap().0
    }

    const NOW: Timestamp = Timestamp::from_microseconds(0);

    #[tokio::test]
    async fn a_patch_that_went_to_another_call_is_taken_out_and_the_rest_applied_anew() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let cores = |value: &str| json!([{"op": "add", "path": "/spark.executor.cores", "value": value}]);
        let mut patches = vec![
            stored(&store, "base", None, cores("2")).await,
            stored(&store, "once", Some(1), cores("4")).await,
            stored(&store, "paused", None, json!([{"op": "add", "path": "/spark.driver.memory", "value": "2g"}])).await,
        ];
        // Applies only where `once` has not: its use is counted in the second round.
        let test = json!([{"op": "test", "path": "/spark.executor.cores", "value": "2"},
                          {"op": "add", "path": "/spark.executor.memory", "value": "3g"}]);
        patches.push(stored(&store, "instead", None, test).await);
        // Between this call's read and its count:
        store.count_uses(&[PatchId::of("once")], NOW).await.unwrap();
        store.change_patch(PatchId::of("paused"), None, &PatchUpdate::Pause, "test", None, NOW).await.unwrap();

        let config = Configuration::default();
        let answer = mutate_and_count(&store, &config, patches, &Policy::default(), NOW).await.unwrap();
        let expected = [("spark.executor.cores", "2"), ("spark.executor.memory", "3g")];
        assert_eq!(answer.config, expected.into_iter().collect());
        let applied: Vec<_> = answer.applied.iter().map(|applied| applied.patch_id).collect();
        assert_eq!(applied, ["base", "instead"].map(PatchId::of));
        let skipped: Vec<_> =
            answer.skipped.iter().map(|skipped| (skipped.patch_id, skipped.reason.as_str())).collect();
        assert_eq!(skipped, [(PatchId::of("once"), GONE), (PatchId::of("paused"), GONE)]);
        for (key, uses) in [("base", 1), ("once", 1), ("paused", 0), ("instead", 1)] {
            assert_eq!(store.patch(PatchId::of(key), NOW).await.unwrap().unwrap().uses, uses, "{key}");
        }
    }
}
