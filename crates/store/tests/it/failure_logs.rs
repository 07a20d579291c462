//! Logs of failures.

use paramedic_domain::{FailureId, LogExcerpt, LogKind};
use paramedic_store::LogRetention;

use crate::{
    Database,
    samples::{at, failure_id, job},
};

fn excerpt(text: &str) -> Vec<LogExcerpt> {
    vec![LogExcerpt { log: LogKind::DriverStderr, name: "driver".into(), text: text.into() }]
}

fn failure(number: u32) -> FailureId {
    failure_id(&job("j", number))
}

pub(crate) async fn the_first_logs_win(Database { store, .. }: Database) {
    assert_eq!(store.failure_logs(failure(1)).await.unwrap(), None);
    let first = excerpt("a NUL \0, ünïcode\n");
    assert!(store.keep_failure_logs(failure(1), &first, at(0)).await.unwrap());
    assert!(!store.keep_failure_logs(failure(1), &excerpt("other"), at(1)).await.unwrap());
    assert_eq!(store.failure_logs(failure(1)).await.unwrap(), Some(first));
}

pub(crate) async fn old_and_too_many_logs_are_deleted(Database { store, .. }: Database) {
    for number in 1..=4 {
        store.keep_failure_logs(failure(number), &excerpt("x"), at(i64::from(number))).await.unwrap();
    }
    let age = LogRetention { oldest_kept: at(2), total_bytes_max: u64::MAX };
    assert_eq!(store.delete_failure_logs(&age).await.unwrap(), 1);
    assert_eq!(store.failure_logs(failure(1)).await.unwrap(), None);
    // Each takes some 70 bytes: two fit, and the oldest of the three goes.
    let size = LogRetention { oldest_kept: at(0), total_bytes_max: 180 };
    assert_eq!(store.delete_failure_logs(&size).await.unwrap(), 1);
    assert_eq!(store.failure_logs(failure(2)).await.unwrap(), None);
    assert_eq!(store.failure_logs(failure(4)).await.unwrap(), Some(excerpt("x")));
    assert_eq!(store.delete_failure_logs(&size).await.unwrap(), 0);
}
