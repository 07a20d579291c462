//! Host samples.

use crate::{
    Database,
    samples::{at, host_sample},
};

pub(crate) async fn a_repeated_post_stores_nothing_twice(Database { store, .. }: Database) {
    let samples = [host_sample("app-1", 0), host_sample("app-1", 10)];
    assert_eq!(store.record_host_samples(&samples[..1]).await.unwrap(), 1);
    assert_eq!(store.record_host_samples(&samples).await.unwrap(), 1);
    assert_eq!(store.record_host_samples(&[]).await.unwrap(), 0);
    let [older, newer] = samples;
    assert_eq!(store.host_samples_of("app-1", 10).await.unwrap(), [newer, older]);
}

pub(crate) async fn samples_are_of_one_application(Database { store, .. }: Database) {
    let samples = [host_sample("app-1", 0), host_sample("app-1", 10), host_sample("app-2", 20)];
    store.record_host_samples(&samples).await.unwrap();
    assert_eq!(store.host_samples_of("app-1", 1).await.unwrap(), samples[1..2]);
    assert_eq!(store.host_samples_of("app-3", 10).await.unwrap(), []);
}

pub(crate) async fn old_samples_are_deleted(Database { store, .. }: Database) {
    let samples = [host_sample("app-1", 0), host_sample("app-1", 10), host_sample("app-1", 20)];
    store.record_host_samples(&samples).await.unwrap();
    assert_eq!(store.delete_host_samples_before(at(20)).await.unwrap(), 2);
    assert_eq!(store.host_samples_of("app-1", 10).await.unwrap(), samples[2..]);
}
