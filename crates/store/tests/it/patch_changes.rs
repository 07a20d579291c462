//! Changes to patches, and their history.

use paramedic_domain::{NewPatch, Patch, PatchStatus};
use paramedic_store::{PatchUpdate, Store, StoreError};

use crate::{
    Database,
    samples::{at, job_scope, new_patch, patch_id},
};

async fn stored(store: &Store) -> Patch {
    store.create_patch(patch_id("k"), &new_patch(job_scope("j")), "ada", at(0)).await.unwrap().0
}

async fn change(store: &Store, update: PatchUpdate, seconds: i64) -> Result<Patch, StoreError> {
    store.change_patch(patch_id("k"), None, &update, "bob", Some("why not"), at(seconds)).await
}

fn content(job: &str) -> NewPatch {
    new_patch(job_scope(job))
}

pub(crate) async fn each_change_is_a_version_and_an_entry(Database { store, .. }: Database) {
    let created = stored(&store).await;
    let paused = change(&store, PatchUpdate::Pause, 1).await.unwrap();
    assert_eq!((paused.version, paused.status, paused.updated_at), (2, PatchStatus::Paused, at(1)));
    assert_eq!(store.live_patches(None, at(1)).await.unwrap().0, []);
    let resumed = change(&store, PatchUpdate::Resume, 2).await.unwrap();
    let replaced = change(&store, PatchUpdate::Replace(Box::new(content("x"))), 3).await.unwrap();
    assert_eq!(replaced.content, content("x"));
    assert_eq!(store.live_patches(None, at(3)).await.unwrap().0, std::slice::from_ref(&replaced));
    let revoked = change(&store, PatchUpdate::Revoke, 4).await.unwrap();
    assert_eq!((revoked.version, revoked.status), (5, PatchStatus::Revoked));
    assert_eq!(store.patch(patch_id("k"), at(5)).await.unwrap(), Some(revoked.clone()));

    let history = store.patch_history(patch_id("k"), 10, None).await.unwrap().items;
    let told: Vec<_> =
        history.iter().map(|entry| (entry.version, entry.change.as_str(), entry.actor.as_str())).collect();
    assert_eq!(
        told,
        [(5, "revoke", "bob"), (4, "update", "bob"), (3, "resume", "bob"), (2, "pause", "bob"), (1, "create", "ada")]
    );
    let after: Vec<_> = history.iter().map(|entry| entry.after.clone()).collect();
    assert_eq!(after, [revoked, replaced, resumed, paused, created]);
    assert_eq!(history[0].reason.as_deref(), Some("why not"));
    assert_eq!(history[4].reason.as_deref(), Some("it ran out of heap"));
    assert_eq!(history[0].changed_at, at(4));
}

pub(crate) async fn a_stale_version_changes_nothing(Database { store, .. }: Database) {
    stored(&store).await;
    change(&store, PatchUpdate::Pause, 1).await.unwrap();
    let replace = PatchUpdate::Replace(Box::new(content("x")));
    for expected in [0, 1, 3] {
        let error = store.change_patch(patch_id("k"), Some(expected), &replace, "bob", None, at(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { found: 2, .. }), "{error:?}");
    }
    let changed = store.change_patch(patch_id("k"), Some(2), &replace, "bob", None, at(2)).await.unwrap();
    assert_eq!(changed.version, 3);
}

pub(crate) async fn a_repeated_change_changes_nothing(Database { store, .. }: Database) {
    let created = stored(&store).await;
    assert_eq!(change(&store, PatchUpdate::Resume, 1).await.unwrap(), created);
    let paused = change(&store, PatchUpdate::Pause, 1).await.unwrap();
    assert_eq!(change(&store, PatchUpdate::Pause, 2).await.unwrap(), paused);
    let revoked = change(&store, PatchUpdate::Revoke, 3).await.unwrap();
    assert_eq!(change(&store, PatchUpdate::Revoke, 4).await.unwrap(), revoked);
    assert_eq!(store.patch_history(patch_id("k"), 10, None).await.unwrap().items.len(), 3);
}

pub(crate) async fn revoked_is_for_ever(Database { store, .. }: Database) {
    stored(&store).await;
    change(&store, PatchUpdate::Revoke, 1).await.unwrap();
    for update in [PatchUpdate::Pause, PatchUpdate::Resume, PatchUpdate::Replace(Box::new(content("x")))] {
        let error = change(&store, update, 2).await.unwrap_err();
        assert!(matches!(error, StoreError::WrongStatus { status: PatchStatus::Revoked, .. }), "{error:?}");
    }
    assert_eq!(store.patch(patch_id("k"), at(3)).await.unwrap().unwrap().version, 2);
}

pub(crate) async fn an_expired_patch_can_be_prolonged(Database { store, .. }: Database) {
    let short = NewPatch { expires_at: Some(at(10)), ..content("j") };
    store.create_patch(patch_id("k"), &short, "ada", at(0)).await.unwrap();
    for update in [PatchUpdate::Pause, PatchUpdate::Resume] {
        let error = change(&store, update, 10).await.unwrap_err();
        assert!(matches!(error, StoreError::WrongStatus { status: PatchStatus::Expired, .. }), "{error:?}");
    }
    let longer = NewPatch { expires_at: Some(at(100)), ..content("j") };
    let patch = change(&store, PatchUpdate::Replace(Box::new(longer)), 10).await.unwrap();
    assert_eq!((patch.version, patch.status), (2, PatchStatus::Active));
    assert_eq!(store.live_patches(None, at(99)).await.unwrap().0, [patch]);
}

pub(crate) async fn a_paused_patch_stays_paused_when_it_is_replaced(Database { store, .. }: Database) {
    let short = NewPatch { expires_at: Some(at(10)), ..content("j") };
    store.create_patch(patch_id("k"), &short, "ada", at(0)).await.unwrap();
    change(&store, PatchUpdate::Pause, 1).await.unwrap();
    // Also when it had expired meanwhile: whoever prolongs it has not resumed it.
    let patch = change(&store, PatchUpdate::Replace(Box::new(content("x"))), 20).await.unwrap();
    assert_eq!(patch.status, PatchStatus::Paused);
    assert_eq!(store.live_patches(None, at(20)).await.unwrap().0, []);
}

pub(crate) async fn two_tasks_change_one_patch_in_order(database: Database) {
    stored(&database.store).await;
    let stores = [database.store.clone(), database.other_store().await];
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move {
                change(&store, PatchUpdate::Replace(Box::new(content(&format!("j{number}")))), 1).await.unwrap()
            })
        })
        .collect();
    let mut changed = Vec::new();
    for task in tasks {
        changed.push(task.await.unwrap());
    }
    changed.sort_by_key(|patch| std::cmp::Reverse(patch.version));
    let history = database.store.patch_history(patch_id("k"), 10, None).await.unwrap().items;
    let after: Vec<_> = history.iter().take(6).map(|entry| entry.after.clone()).collect();
    assert_eq!(after, changed, "each task's change is one entry, none is lost");
    assert_eq!(history.len(), 7);
}

pub(crate) async fn history_pages(Database { store, .. }: Database) {
    stored(&store).await;
    change(&store, PatchUpdate::Pause, 1).await.unwrap();
    change(&store, PatchUpdate::Resume, 2).await.unwrap();
    let first = store.patch_history(patch_id("k"), 2, None).await.unwrap();
    let second = store.patch_history(patch_id("k"), 2, first.next_cursor.as_deref()).await.unwrap();
    let versions: Vec<_> = first.items.iter().chain(&second.items).map(|entry| entry.version).collect();
    assert_eq!((versions, second.next_cursor), (vec![3, 2, 1], None));
    assert!(matches!(store.patch_history(patch_id("k"), 2, Some("?")).await, Err(StoreError::BadCursor)));
    assert_eq!(store.patch_history(patch_id("unknown"), 2, None).await.unwrap().items, []);
}

pub(crate) async fn the_same_content_is_still_the_same_patch_after_a_change(Database { store, .. }: Database) {
    stored(&store).await;
    let changed = change(&store, PatchUpdate::Replace(Box::new(content("x"))), 1).await.unwrap();
    // The creator that missed its answer repeats its request after an operator's edit.
    let (patch, created) = store.create_patch(patch_id("k"), &content("j"), "ada", at(2)).await.unwrap();
    assert_eq!((patch, created), (changed, false));
}

pub(crate) async fn an_unknown_patch_is_not_found(Database { store, .. }: Database) {
    let error = change(&store, PatchUpdate::Pause, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "patch", .. }), "{error:?}");
}

pub(crate) async fn uses_do_not_change_the_version(Database { store, .. }: Database) {
    stored(&store).await;
    store.count_uses(&[patch_id("k")], at(1)).await.unwrap();
    let paused = store.change_patch(patch_id("k"), Some(1), &PatchUpdate::Pause, "bob", None, at(2)).await.unwrap();
    assert_eq!((paused.version, paused.uses), (2, 1));
}

pub(crate) async fn a_reason_may_hold_any_character(Database { store, .. }: Database) {
    let reason = "NUL \0, quote ', \u{1F680}";
    let odd = NewPatch { reason: Some(reason.into()), ..content("j") };
    let (patch, _) = store.create_patch(patch_id("k"), &odd, "ada", at(0)).await.unwrap();
    assert_eq!(patch.content.reason.as_deref(), Some(reason));
    store.change_patch(patch_id("k"), None, &PatchUpdate::Revoke, "bob", Some(reason), at(1)).await.unwrap();
    let history = store.patch_history(patch_id("k"), 10, None).await.unwrap().items;
    assert!(history.iter().all(|entry| entry.reason.as_deref() == Some("NUL \u{FFFD}, quote ', \u{1F680}")));
}
