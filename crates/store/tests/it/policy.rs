//! The policy.

use paramedic_domain::Policy;
use paramedic_store::StoreError;

use crate::{Database, samples::at};

pub(crate) async fn none_before_one_is_put(Database { store, .. }: Database) {
    assert_eq!(store.policy().await.unwrap(), None);
}

pub(crate) async fn versions_count_up(Database { store, .. }: Database) {
    let narrow = Policy { allowed_keys: vec!["spark.executor.*".into()], ..Policy::default() };
    assert_eq!(store.put_policy(&Policy::default(), None, "ada", at(0)).await.unwrap(), 1);
    assert_eq!(store.put_policy(&narrow, Some(1), "ada", at(1)).await.unwrap(), 2);
    assert_eq!(store.policy().await.unwrap(), Some((narrow, 2)));
}

pub(crate) async fn a_stale_version_puts_nothing(Database { store, .. }: Database) {
    store.put_policy(&Policy::default(), Some(0), "ada", at(0)).await.unwrap();
    let error = store.put_policy(&Policy::default(), Some(0), "bob", at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 0, found: 1, .. }), "{error:?}");
    assert_eq!(store.policy().await.unwrap().unwrap().1, 1);
}

pub(crate) async fn two_tasks_put_one_after_the_other(database: Database) {
    let stores = [database.store.clone(), database.other_store().await];
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move { store.put_policy(&Policy::default(), None, "ada", at(0)).await.unwrap() })
        })
        .collect();
    let mut versions = Vec::new();
    for task in tasks {
        versions.push(task.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
}
