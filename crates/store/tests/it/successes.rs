//! Jobs that succeed.

use paramedic_domain::{
    AttemptStatus::{Failed, Succeeded},
    Job,
};
use paramedic_store::{JobFilter, StoreError};

use crate::{
    Database,
    samples::{at, attempt, job},
};

pub(crate) async fn jobs_that_succeed_often_enough_are_listed_by_name(Database { store, .. }: Database) {
    for (name, runs, status) in [("a", 3, Succeeded), ("b", 2, Succeeded), ("c", 3, Succeeded), ("d", 3, Failed)] {
        for run in 0..runs {
            let job = Job { run: run.to_string(), ..job(name, 1) };
            store.record_attempt(&attempt(job, status), at(10)).await.unwrap();
        }
    }
    let all = JobFilter::default();
    let first = store.jobs_that_succeed(&all, at(0), 3, 1, None).await.unwrap();
    let rest = store.jobs_that_succeed(&all, at(0), 3, 9, first.next_cursor.as_deref()).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&rest.items).map(|job| job.job.as_str()).collect();
    assert_eq!((names, rest.next_cursor), (vec!["a", "c"], None));
    let one = JobFilter { job: Some("b".into()), ..JobFilter::default() };
    assert_eq!(store.jobs_that_succeed(&one, at(0), 2, 9, None).await.unwrap().items.len(), 1);
    assert_eq!(store.jobs_that_succeed(&all, at(11), 1, 9, None).await.unwrap().items, []);
    let elsewhere = store.jobs_that_succeed(&all, at(0), 1, 9, Some("1.6b1f04c2")).await;
    assert!(matches!(elsewhere, Err(StoreError::BadCursor)));
}
