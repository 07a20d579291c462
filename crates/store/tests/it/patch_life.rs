//! The life of patches, and what a server that answers from memory reads of it.

use std::{collections::BTreeSet, time::Duration};

use paramedic_domain::{AttemptStatus, FailureId, NewPatch, Patch, PatchStatus};
use paramedic_store::{GuardedAttempts, PatchUpdate, Store, StoreError};

use crate::{
    Database,
    samples::{at, attempt, failure_id, job, job_scope, new_patch, patch_id},
};

async fn create(store: &Store, key: &str, content: &NewPatch) -> Patch {
    store.create_patch(patch_id(key), content, "ada", at(0)).await.unwrap().0
}

async fn change(store: &Store, key: &str, update: PatchUpdate) -> Result<Patch, StoreError> {
    store.change_patch(patch_id(key), None, &update, "bob", None, at(1)).await
}

async fn status(store: &Store, key: &str) -> PatchStatus {
    store.patch(patch_id(key), at(1)).await.unwrap().unwrap().status
}

pub(crate) async fn a_draft_applies_once_it_is_activated(Database { store, .. }: Database) {
    let draft = NewPatch { draft: true, ..new_patch(job_scope("j")) };
    assert_eq!(create(&store, "k", &draft).await.status, PatchStatus::Draft);
    assert_eq!(store.live_patches(None, at(1)).await.unwrap().0, []);
    let error = change(&store, "k", PatchUpdate::Pause).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongStatus { status: PatchStatus::Draft, .. }), "{error:?}");
    let active = change(&store, "k", PatchUpdate::Activate).await.unwrap();
    assert_eq!((active.status, active.version), (PatchStatus::Active, 2));
    assert_eq!(change(&store, "k", PatchUpdate::Activate).await.unwrap(), active, "twice is once");
    assert_eq!(store.live_patches(None, at(1)).await.unwrap().0, [active]);
}

pub(crate) async fn a_successor_takes_the_place_of_the_one_before(Database { store, .. }: Database) {
    create(&store, "old", &new_patch(job_scope("j"))).await;
    let successor = |draft| NewPatch { supersedes: Some(patch_id("old")), draft, ..new_patch(job_scope("j")) };
    create(&store, "draft", &successor(true)).await;
    assert_eq!(status(&store, "old").await, PatchStatus::Active, "a draft supersedes nothing yet");
    change(&store, "draft", PatchUpdate::Activate).await.unwrap();
    assert_eq!(status(&store, "old").await, PatchStatus::Superseded);
    let history = store.patch_history(patch_id("old"), 10, None).await.unwrap().items;
    assert_eq!((history[0].change.as_str(), history.len()), ("supersede", 2));
    assert!(history[0].reason.as_deref().unwrap().contains(&patch_id("draft").to_string()));

    create(&store, "again", &successor(false)).await;
    assert_eq!(store.patch_history(patch_id("old"), 10, None).await.unwrap().items.len(), 2, "it was so already");
    change(&store, "old", PatchUpdate::Resume).await.unwrap();
    assert_eq!(status(&store, "old").await, PatchStatus::Active, "and back");
    let unknown = NewPatch { supersedes: Some(patch_id("unknown")), ..new_patch(job_scope("j")) };
    create(&store, "of nothing", &unknown).await;
}

pub(crate) async fn a_patch_goes_back_to_any_version(Database { store, .. }: Database) {
    let first = create(&store, "k", &new_patch(job_scope("j"))).await.content;
    change(&store, "k", PatchUpdate::Replace(Box::new(new_patch(job_scope("x"))))).await.unwrap();
    let content = store.patch_content_at(patch_id("k"), 1).await.unwrap().unwrap();
    assert_eq!(content, first);
    assert_eq!(store.patch_content_at(patch_id("k"), 7).await.unwrap(), None);
    let back = PatchUpdate::Rollback { version: 1, content: Box::new(content) };
    let back = change(&store, "k", back).await.unwrap();
    assert_eq!((back.version, &back.content), (3, &first));
    change(&store, "k", PatchUpdate::Revoke).await.unwrap();
    let again = PatchUpdate::Rollback { version: 1, content: Box::new(first) };
    let error = change(&store, "k", again).await.unwrap_err();
    assert!(error.to_string().contains("cannot be rolled back"), "{error}");
}

pub(crate) async fn a_renewal_keeps_the_content(Database { store, .. }: Database) {
    let short = NewPatch { expires_at: Some(at(1)), ..new_patch(job_scope("j")) };
    create(&store, "k", &short).await;
    assert_eq!(status(&store, "k").await, PatchStatus::Expired);
    let renew = || PatchUpdate::Renew { expires_at: Some(at(60)), max_uses: None };
    let renewed = change(&store, "k", renew()).await.unwrap();
    assert_eq!(renewed.status, PatchStatus::Active);
    assert_eq!(renewed.content, NewPatch { expires_at: Some(at(60)), ..short });
    assert_eq!(change(&store, "k", renew()).await.unwrap(), renewed, "twice is once");
}

pub(crate) async fn history_tells_before_after_and_the_decision(Database { store, .. }: Database) {
    let decision_id = Some(failure_id(&job("j", 1)));
    let created = create(&store, "k", &NewPatch { decision_id, ..new_patch(job_scope("j")) }).await;
    let paused = change(&store, "k", PatchUpdate::Pause).await.unwrap();
    let history = store.patch_history(patch_id("k"), 1, None).await.unwrap();
    let entry = &history.items[0];
    assert_eq!((entry.before.as_deref(), &entry.after), (Some(&created), &paused));
    assert_eq!((entry.decision_id, entry.patch_id), (decision_id, created.id));
    let first = store.patch_history(patch_id("k"), 1, history.next_cursor.as_deref()).await.unwrap();
    assert_eq!((first.items[0].before.as_deref(), &first.items[0].after), (None, &created));
}

pub(crate) async fn changes_are_told_in_order_with_revisions(database: Database) {
    let store = &database.store;
    let start = store.config_revision().await.unwrap();
    create(store, "a", &new_patch(job_scope("j"))).await;
    create(&database.other_store().await, "b", &new_patch(job_scope("j"))).await;
    change(store, "a", PatchUpdate::Pause).await.unwrap();
    change(store, "a", PatchUpdate::Pause).await.unwrap();
    let changed = store.patches_changed_since(start, at(1)).await.unwrap();
    let told: Vec<_> = changed.iter().map(|change| (change.patch.id, change.patch.status)).collect();
    assert_eq!(told, [(patch_id("b"), PatchStatus::Active), (patch_id("a"), PatchStatus::Paused)]);
    let end = store.config_revision().await.unwrap();
    assert_eq!((changed[1].revision, end), (start + 3, start + 3), "what changes nothing counts as none");
    assert_eq!(store.patches_changed_since(end, at(1)).await.unwrap(), []);
}

pub(crate) async fn live_patches_are_read_in_pages(Database { store, .. }: Database) {
    for number in 0..501 {
        create(&store, &number.to_string(), &new_patch(job_scope("j"))).await;
    }
    change(&store, "7", PatchUpdate::Revoke).await.unwrap();
    let (first, next) = store.live_patches(None, at(1)).await.unwrap();
    assert_eq!((first.len(), next), (500, Some(first[499].id)));
    let (second, next) = store.live_patches(next, at(1)).await.unwrap();
    let ids: BTreeSet<_> = first.iter().chain(&second).map(|patch| patch.id).collect();
    assert_eq!((ids.len(), next, ids.contains(&patch_id("7"))), (500, None, false));
}

pub(crate) async fn uses_are_added_in_batches(Database { store, .. }: Database) {
    create(&store, "a", &new_patch(job_scope("j"))).await;
    create(&store, "b", &new_patch(job_scope("j"))).await;
    let attempts = [(patch_id("a"), failure_id(&job("j", 1)))];
    for _ in 0..2 {
        store.add_uses(&[(patch_id("b"), 2), (patch_id("a"), 3), (patch_id("gone"), 1)], &attempts).await.unwrap();
    }
    let uses = async |key| store.patch(patch_id(key), at(1)).await.unwrap().unwrap().uses;
    assert_eq!((uses("a").await, uses("b").await), (6, 4));
    let many: Vec<_> = (0..1_201).map(|number| (patch_id("a"), failure_id(&job("j", number)))).collect();
    store.add_uses(&[], &many).await.unwrap();
    let told = store.patches_of_attempt(failure_id(&job("j", 1_200)), at(1)).await.unwrap();
    assert_eq!(told.iter().map(|patch| patch.id).collect::<Vec<_>>(), [patch_id("a")]);
}

pub(crate) async fn a_guard_counts_attempts_with_and_without_the_patch(Database { store, .. }: Database) {
    use AttemptStatus::{Failed, Succeeded};
    create(&store, "k", &new_patch(job_scope("j"))).await;
    assert_eq!(store.guarded_attempts(patch_id("k")).await.unwrap(), GuardedAttempts::default());
    let mut started = Vec::new();
    for (name, number, status, treated) in [
        ("j", 1, Failed, true),
        ("j", 2, Succeeded, true),
        ("j", 3, Failed, false),
        ("j", 4, Succeeded, false),
        ("j", 5, Succeeded, false),
        ("other", 1, Failed, false),
    ] {
        store.record_attempt(&attempt(job(name, number), status), at(1)).await.unwrap();
        if treated {
            started.push((patch_id("k"), failure_id(&job(name, number))));
        }
    }
    started.push((patch_id("k"), FailureId::of(&job("still running", 1).attempt_key())));
    store.add_uses(&[], &started).await.unwrap();
    let expected = GuardedAttempts { treated: 2, treated_failed: 1, others: 3, others_failed: 1 };
    assert_eq!(store.guarded_attempts(patch_id("k")).await.unwrap(), expected);
}

pub(crate) async fn what_ended_long_ago_is_forgotten(Database { store, .. }: Database) {
    for (name, seconds) in [("j", 20), ("other", 12)] {
        create(&store, name, &new_patch(job_scope(name))).await;
        store.record_attempt(&attempt(job(name, 1), AttemptStatus::Failed), at(seconds)).await.unwrap();
        store.add_uses(&[], &[(patch_id(name), failure_id(&job(name, 1)))]).await.unwrap();
    }
    store.change_patch(patch_id("j"), None, &PatchUpdate::Revoke, "ada", None, at(10)).await.unwrap();
    assert_eq!(store.forget_patched_attempts(at(10)).await.unwrap(), 0, "it has just ended");
    assert_eq!(store.forget_patched_attempts(at(11)).await.unwrap(), 1);
    assert_eq!(store.guarded_attempts(patch_id("j")).await.unwrap().treated, 0);
    assert_eq!(store.guarded_attempts(patch_id("other")).await.unwrap().treated, 1, "it goes on");
    assert_eq!(store.forget_patched_attempts(at(13)).await.unwrap(), 1, "its attempt ended long ago");
}

pub(crate) async fn history_cannot_be_rewritten(database: Database) {
    create(&database.store, "k", &new_patch(job_scope("j"))).await;
    for sql in ["update patch_history set actor = 'eve'", "delete from patch_history"] {
        if let Some(error) = crate::refused(&database.url, sql).await {
            assert!(error.contains("append-only"), "{error}");
        }
    }
}

pub(crate) async fn word_of_a_change_comes_from_another_store(database: Database) {
    let other = database.other_store().await;
    let postgres = database.url.starts_with("postgres");
    let mut signals = database.store.change_signals();
    // The first word is that it listens.
    signals.wait(Duration::from_millis(if postgres { 60_000 } else { 1 })).await;
    create(&other, "k", &new_patch(job_scope("j"))).await;
    let waiting = signals.wait(Duration::from_millis(if postgres { 60_000 } else { 1 }));
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect("PostgreSQL tells, SQLite returns for the poll");
    assert_eq!(database.store.live_patches(None, at(1)).await.unwrap().0.len(), 1);
}

pub(crate) async fn an_attempt_tells_its_patches(Database { store, .. }: Database) {
    for key in ["a", "b", "c"] {
        create(&store, key, &new_patch(job_scope("j"))).await;
    }
    let attempt = failure_id(&job("j", 1));
    store.add_uses(&[], &[(patch_id("a"), attempt), (patch_id("b"), attempt)]).await.unwrap();
    change(&store, "a", PatchUpdate::Revoke).await.unwrap();
    let patches = store.patches_of_attempt(attempt, at(1)).await.unwrap();
    let mut told: Vec<_> = patches.iter().map(|patch| (patch.id, patch.status)).collect();
    told.sort_unstable();
    let mut expected = [(patch_id("a"), PatchStatus::Revoked), (patch_id("b"), PatchStatus::Active)];
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(store.patches_of_attempt(failure_id(&job("j", 2)), at(1)).await.unwrap(), []);
}
