//! Ended attempts and outcomes.

use paramedic_domain::{
    AttemptStatus::{Failed, Succeeded},
    Category,
};

use crate::{
    Database,
    samples::{at, attempt, decision, failure_id, job, outcome},
};

pub(crate) async fn the_first_record_wins(Database { store, .. }: Database) {
    assert!(store.record_attempt(&attempt(job("j", 1), Failed), at(0)).await.unwrap());
    assert!(!store.record_attempt(&attempt(job("j", 1), Succeeded), at(1)).await.unwrap());
    assert_eq!(store.attempts_of_job(&job("j", 1), 10).await.unwrap(), [attempt(job("j", 1), Failed)]);
}

pub(crate) async fn history_is_of_one_job_newest_first(Database { store, .. }: Database) {
    let mut yesterday = job("j", 1);
    yesterday.run = "2026-01-30".into();
    let mut elsewhere = job("j", 1);
    elsewhere.scheduler = "maestro".into();
    let records = [attempt(yesterday, Succeeded), attempt(job("j", 1), Failed), attempt(job("j", 2), Succeeded)];
    for (record, seconds) in records.iter().zip([0, 60, 60]) {
        store.record_attempt(record, at(seconds)).await.unwrap();
    }
    store.record_attempt(&attempt(job("other", 1), Failed), at(5)).await.unwrap();
    store.record_attempt(&attempt(elsewhere, Failed), at(6)).await.unwrap();

    let [first, second, third] = records;
    assert_eq!(store.attempts_of_job(&job("j", 9), 10).await.unwrap(), [third.clone(), second, first]);
    assert_eq!(store.attempts_of_job(&job("j", 9), 1).await.unwrap(), [third]);
}

pub(crate) async fn since_is_read_oldest_first_in_pages(Database { store, .. }: Database) {
    for number in 0..5_u32 {
        store.record_attempt(&attempt(job("j", number + 1), Failed), at(i64::from(number / 2))).await.unwrap();
    }
    let page = store.attempts_since(at(1), 2, None).await.unwrap();
    assert_eq!(page.items.len(), 2);
    // What is recorded between two pages is met by the second.
    store.record_attempt(&attempt(job("j", 9), Failed), at(3)).await.unwrap();
    let rest = store.attempts_since(at(1), 10, page.next_cursor.as_deref()).await.unwrap();
    let mut attempts: Vec<_> = page.items.iter().chain(&rest.items).map(|record| record.job.attempt).collect();
    assert_eq!(attempts[2..], [5, 9]);
    attempts[..2].sort_unstable();
    assert_eq!(attempts[..2], [3, 4]);
    assert_eq!(rest.next_cursor, None);
    assert_eq!(store.attempts_since(at(4), 10, None).await.unwrap().items, []);
}

pub(crate) async fn the_first_outcome_wins(Database { store, .. }: Database) {
    let (report, receipt) = outcome(job("j", 1), Succeeded);
    assert_eq!(store.record_outcome(&report, &receipt, at(0)).await.unwrap(), receipt);
    let (second, other) = outcome(job("j", 1), Failed);
    assert_eq!(store.record_outcome(&second, &other, at(1)).await.unwrap(), receipt);
    let (next, next_receipt) = outcome(job("j", 2), Failed);
    assert_eq!(store.record_outcome(&next, &next_receipt, at(2)).await.unwrap(), next_receipt);
}

pub(crate) async fn one_attempt_is_found(Database { store, .. }: Database) {
    let record = attempt(job("j", 1), Failed);
    store.record_attempt(&record, at(0)).await.unwrap();
    assert_eq!(store.attempt(failure_id(&record.job)).await.unwrap(), Some(record));
    assert_eq!(store.attempt(failure_id(&job("j", 2))).await.unwrap(), None);
    let decided = decision(job("j", 1), "Oom", Category::MemoryConfiguration, at(1));
    store.finish_decision(&decided).await.unwrap();
    store.record_attempt(&attempt(job("j", 2), Succeeded), at(1)).await.unwrap();
    let page = store.decided_attempts_since(at(0), 1, None).await.unwrap();
    assert_eq!(page.items, [(attempt(job("j", 1), Failed), Some(decided))]);
    let rest = store.decided_attempts_since(at(0), 9, page.next_cursor.as_deref()).await.unwrap();
    assert_eq!(rest.items, [(attempt(job("j", 2), Succeeded), None)]);
}
