//! Recommendations.

use paramedic_domain::Action::{DoNotRetry, RetryUnchanged, RetryWithConfig};

use crate::{
    Database,
    samples::{at, job, recommendation},
};

pub(crate) async fn the_first_recommendation_wins(Database { store, .. }: Database) {
    let first = recommendation("request", RetryWithConfig);
    assert_eq!(store.recommendation(first.recommendation_id).await.unwrap(), None);
    assert_eq!(store.record_recommendation(&job("j", 1), &first, at(0)).await.unwrap(), first);
    let second = recommendation("request", DoNotRetry);
    assert_eq!(store.record_recommendation(&job("j", 1), &second, at(1)).await.unwrap(), first);
    assert_eq!(store.recommendation(first.recommendation_id).await.unwrap(), Some(first));
}

pub(crate) async fn history_is_of_one_job(Database { store, .. }: Database) {
    let (older, newer) = (recommendation("1", RetryWithConfig), recommendation("2", RetryUnchanged));
    store.record_recommendation(&job("j", 1), &older, at(0)).await.unwrap();
    store.record_recommendation(&job("j", 2), &newer, at(1)).await.unwrap();
    store.record_recommendation(&job("k", 1), &recommendation("3", DoNotRetry), at(2)).await.unwrap();
    assert_eq!(store.recommendations_of_job(&job("j", 3), 10).await.unwrap(), [newer.clone(), older]);
    assert_eq!(store.recommendations_of_job(&job("j", 3), 1).await.unwrap(), [newer]);
}
