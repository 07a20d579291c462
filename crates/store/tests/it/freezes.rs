//! Freezes.

use paramedic_domain::{FreezeId, NewFreeze};
use paramedic_store::{Store, StoreError};

use crate::{
    Database,
    samples::{at, job_scope},
};

async fn freeze(store: &Store, seconds: i64) -> FreezeId {
    let new = NewFreeze { scope: job_scope("j"), reason: Some("odd \0".into()) };
    let freeze = store.create_freeze(FreezeId::fresh(), &new, "ada", at(seconds)).await.unwrap();
    assert_eq!((&freeze.scope, freeze.reason.as_deref()), (&new.scope, Some("odd \u{FFFD}")));
    freeze.id
}

pub(crate) async fn a_freeze_is_in_force_until_it_is_lifted(Database { store, .. }: Database) {
    let before = store.config_revision().await.unwrap();
    let id = freeze(&store, 0).await;
    assert_eq!(store.freezes_in_force().await.unwrap()[0].id, id);
    let lifted = store.lift_freeze(id, "bob", at(1)).await.unwrap();
    assert_eq!((lifted.lifted_by.as_deref(), lifted.lifted_at), (Some("bob"), Some(at(1))));
    assert_eq!(store.lift_freeze(id, "eve", at(2)).await.unwrap(), lifted, "the first to lift it stays named");
    assert_eq!(store.freezes_in_force().await.unwrap(), []);
    assert!(store.config_revision().await.unwrap() > before + 1);
    let error = store.lift_freeze(FreezeId::fresh(), "bob", at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "freeze", .. }), "{error:?}");
}

pub(crate) async fn freezes_page(Database { store, .. }: Database) {
    for seconds in 0..3 {
        freeze(&store, seconds).await;
    }
    let first = store.list_freezes(2, None).await.unwrap();
    let second = store.list_freezes(2, first.next_cursor.as_deref()).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (2, 1, None));
    assert!(first.items[0].created_at > first.items[1].created_at);
}
