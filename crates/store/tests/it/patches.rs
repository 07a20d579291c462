//! Patches: creation, expiry, scope, uses, lists.

use std::collections::BTreeSet;

use paramedic_domain::{NewPatch, PatchStatus, Scope};
use paramedic_store::{PatchFilter, PatchUpdate, Store, StoreError};

use crate::{
    Database,
    samples::{at, job, job_scope, new_patch, patch_id},
};

pub(crate) async fn a_new_patch_is_active_at_version_one(Database { store, .. }: Database) {
    let content = new_patch(Scope::next_attempts_of(&job("j", 1)));
    let (patch, created) = store.create_patch(patch_id("k"), &content, "ada", at(0)).await.unwrap();
    assert!(created);
    assert_eq!((patch.version, patch.status, patch.uses), (1, PatchStatus::Active, 0));
    assert_eq!((&patch.content, patch.created_by.as_str()), (&content, "ada"));
    assert_eq!((patch.created_at, patch.updated_at), (at(0), at(0)));
    assert_eq!(store.patch(patch_id("k"), at(1)).await.unwrap(), Some(patch));
    assert_eq!(store.patch(patch_id("other"), at(1)).await.unwrap(), None);
}

pub(crate) async fn the_same_content_again_is_the_same_patch(Database { store, .. }: Database) {
    let content = new_patch(job_scope("j"));
    let (first, _) = store.create_patch(patch_id("k"), &content, "ada", at(0)).await.unwrap();
    let (second, created) = store.create_patch(patch_id("k"), &content, "bob", at(9)).await.unwrap();
    assert!(!created);
    assert_eq!(second, first);
}

pub(crate) async fn other_content_under_the_same_id_is_refused(Database { store, .. }: Database) {
    store.create_patch(patch_id("k"), &new_patch(job_scope("j")), "ada", at(0)).await.unwrap();
    let error = store.create_patch(patch_id("k"), &new_patch(job_scope("x")), "ada", at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherContent { .. }), "{error:?}");
    assert_eq!(store.patch(patch_id("k"), at(0)).await.unwrap().unwrap().content.scope, job_scope("j"));
}

pub(crate) async fn two_tasks_create_one_patch(database: Database) {
    let stores = [database.store.clone(), database.other_store().await];
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move {
                store.create_patch(patch_id("k"), &new_patch(job_scope("j")), "ada", at(0)).await.unwrap()
            })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += usize::from(task.await.unwrap().1);
    }
    assert_eq!(created, 1);
    let store = &database.store;
    assert_eq!(list(store, PatchFilter::default(), at(0)).await.len(), 1);
    assert_eq!(store.patch_history(patch_id("k"), 10, None).await.unwrap().items.len(), 1);
}

pub(crate) async fn a_patch_expires_by_the_clock(Database { store, .. }: Database) {
    let content = NewPatch { expires_at: Some(at(60)), ..new_patch(job_scope("j")) };
    store.create_patch(patch_id("k"), &content, "ada", at(0)).await.unwrap();
    let status = async |seconds| store.patch(patch_id("k"), at(seconds)).await.unwrap().unwrap().status;
    assert_eq!(status(59).await, PatchStatus::Active);
    assert_eq!(status(60).await, PatchStatus::Expired);
    assert_eq!(store.live_patches(None, at(59)).await.unwrap().0.len(), 1);
    assert_eq!(store.live_patches(None, at(60)).await.unwrap().0, []);
    assert_eq!(store.count_uses(&[patch_id("k")], at(60)).await.unwrap(), []);
}

pub(crate) async fn uses_run_out(Database { store, .. }: Database) {
    let twice = NewPatch { max_uses: Some(2), ..new_patch(job_scope("j")) };
    store.create_patch(patch_id("twice"), &twice, "ada", at(0)).await.unwrap();
    store.create_patch(patch_id("free"), &new_patch(job_scope("j")), "ada", at(0)).await.unwrap();
    let both = [patch_id("twice"), patch_id("free"), patch_id("unknown")];
    assert_eq!(store.count_uses(&both, at(1)).await.unwrap().len(), 2);
    assert_eq!(store.count_uses(&both, at(1)).await.unwrap().len(), 2);
    assert_eq!(store.patch(patch_id("twice"), at(1)).await.unwrap().unwrap().status, PatchStatus::Expired);
    assert_eq!(store.count_uses(&both, at(1)).await.unwrap(), [patch_id("free")]);
    assert_eq!(store.patch(patch_id("twice"), at(1)).await.unwrap().unwrap().uses, 2);
    assert_eq!(store.patch(patch_id("free"), at(1)).await.unwrap().unwrap().uses, 3);
    assert_eq!(store.live_patches(None, at(1)).await.unwrap().0.len(), 1);
}

pub(crate) async fn uses_are_counted_once_under_contention(database: Database) {
    let content = NewPatch { max_uses: Some(5), ..new_patch(job_scope("j")) };
    database.store.create_patch(patch_id("a"), &content, "ada", at(0)).await.unwrap();
    database.store.create_patch(patch_id("b"), &new_patch(job_scope("j")), "ada", at(0)).await.unwrap();
    let stores = [database.store.clone(), database.other_store().await];
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let store = stores[number % 2].clone();
            // In either order: the store must not let two callers wait for each other.
            let mut ids = [patch_id("a"), patch_id("b")];
            ids.rotate_left(number % 2);
            tokio::spawn(async move { store.count_uses(&ids, at(1)).await.unwrap() })
        })
        .collect();
    let mut counted = 0;
    for task in tasks {
        counted += usize::from(task.await.unwrap().contains(&patch_id("a")));
    }
    assert_eq!(counted, 5);
    assert_eq!(database.store.patch(patch_id("b"), at(1)).await.unwrap().unwrap().uses, 12);
}

pub(crate) async fn lists_filter_by_status(Database { store, .. }: Database) {
    let limited = NewPatch { expires_at: Some(at(60)), source: "operator".into(), ..new_patch(job_scope("j")) };
    for (key, content) in [
        ("active", new_patch(job_scope("j"))),
        ("paused", new_patch(job_scope("k"))),
        ("revoked", limited.clone()),
        ("expired", limited.clone()),
        ("paused and expired", limited),
        ("used up", NewPatch { max_uses: Some(1), ..new_patch(Scope::default()) }),
    ] {
        store.create_patch(patch_id(key), &content, "ada", at(0)).await.unwrap();
    }
    for (key, update) in
        [("paused", PatchUpdate::Pause), ("revoked", PatchUpdate::Revoke), ("paused and expired", PatchUpdate::Pause)]
    {
        store.change_patch(patch_id(key), None, &update, "ada", None, at(1)).await.unwrap();
    }
    store.count_uses(&[patch_id("used up")], at(1)).await.unwrap();

    let none = PatchFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (PatchFilter { status: Some(PatchStatus::Active), ..none() }, vec!["active"]),
        (PatchFilter { status: Some(PatchStatus::Paused), ..none() }, vec!["paused"]),
        (PatchFilter { status: Some(PatchStatus::Revoked), ..none() }, vec!["revoked"]),
        (
            PatchFilter { status: Some(PatchStatus::Expired), ..none() },
            vec!["expired", "paused and expired", "used up"],
        ),
        (PatchFilter { job: text("k"), ..none() }, vec!["paused"]),
        (PatchFilter { workflow: text("hourly"), ..none() }, vec![]),
        (PatchFilter { scheduler: text("airflow"), ..none() }, vec![]),
        (PatchFilter { run: text("r\0"), ..none() }, vec![]),
        (PatchFilter { source: text("operator"), ..none() }, vec!["expired", "paused and expired", "revoked"]),
    ] {
        let found: BTreeSet<_> = list(&store, filter.clone(), at(60)).await.into_iter().collect();
        assert_eq!(found, expected.into_iter().map(patch_id).collect(), "{filter:?}");
    }
}

pub(crate) async fn lists_page_without_gaps(Database { store, .. }: Database) {
    for number in 0..5 {
        store
            .create_patch(patch_id(&number.to_string()), &new_patch(job_scope("j")), "ada", at(number / 3))
            .await
            .unwrap();
    }
    let first = store.list_patches(&PatchFilter::default(), 2, None, at(9)).await.unwrap();
    let second = store.list_patches(&PatchFilter::default(), 2, first.next_cursor.as_deref(), at(9)).await.unwrap();
    let third = store.list_patches(&PatchFilter::default(), 2, second.next_cursor.as_deref(), at(9)).await.unwrap();
    let read: Vec<_> = [first.items, second.items, third.items].concat();
    let ids: BTreeSet<_> = read.iter().map(|patch| patch.id).collect();
    assert_eq!((read.len(), ids.len(), third.next_cursor), (5, 5, None));
    assert!(read.windows(2).all(|pair| pair[0].created_at >= pair[1].created_at));
    let error = store.list_patches(&PatchFilter::default(), 2, Some("?"), at(9)).await.unwrap_err();
    assert!(matches!(error, StoreError::BadCursor));
}

async fn list(store: &Store, filter: PatchFilter, now: paramedic_domain::Timestamp) -> Vec<paramedic_domain::PatchId> {
    store.list_patches(&filter, 100, None, now).await.unwrap().items.into_iter().map(|patch| patch.id).collect()
}
