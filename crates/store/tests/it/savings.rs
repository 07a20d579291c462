//! Decided failures and the attempts after them.

use paramedic_domain::{Action, AttemptRecord, AttemptStatus, Category};
use paramedic_store::DecidedFilter;

use crate::{
    Database,
    samples::{at, attempt, decision, job},
};

pub(crate) async fn decided_attempts_are_joined_with_the_next_one(Database { store, .. }: Database) {
    for (number, status, cost_usd) in [
        (1, AttemptStatus::Failed, Some(2.0)),
        (2, AttemptStatus::Succeeded, Some(3.5)),
        (1, AttemptStatus::Failed, None),
    ] {
        let record = AttemptRecord { cost_usd, ..attempt(job("j", number), status) };
        store.record_attempt(&record, at(0)).await.unwrap();
    }
    let unpriced = AttemptRecord { cost_usd: None, ..attempt(job("k", 1), AttemptStatus::Failed) };
    store.record_attempt(&unpriced, at(0)).await.unwrap();
    let first = decision(job("j", 1), "Oom", Category::MemoryConfiguration, at(10));
    let mut withheld = decision(job("k", 1), "Oom", Category::MemoryConfiguration, at(20));
    (withheld.action, withheld.withheld) = (Action::RetryUnchanged, Some(Action::RetryWithConfig));
    // Whose attempt is not recorded is left out.
    let alone = decision(job("l", 1), "Oom", Category::MemoryConfiguration, at(30));
    for decision in [&first, &withheld, &alone] {
        store.finish_decision(decision).await.unwrap();
    }

    let mut filter = DecidedFilter { since: at(0), workflow: None, job: None };
    let newest = store.decided_attempts(&filter, 1, None).await.unwrap();
    let [k] = &newest.items[..] else { panic!("{newest:?}") };
    assert_eq!((k.job.2.as_str(), k.action, k.withheld), ("k", Action::RetryUnchanged, Some(Action::RetryWithConfig)));
    assert_eq!((k.next, k.cost_usd), (None, None));
    let rest = store.decided_attempts(&filter, 9, newest.next_cursor.as_deref()).await.unwrap();
    let [j] = &rest.items[..] else { panic!("{rest:?}") };
    assert_eq!((j.attempt, j.cost_usd, j.decided_at), (1, Some(2.0), at(10)));
    assert_eq!((j.next, j.next_cost_usd), (Some(AttemptStatus::Succeeded), Some(3.5)));
    filter.job = Some("j".into());
    assert_eq!(store.decided_attempts(&filter, 9, None).await.unwrap().items.len(), 1);
    filter.since = at(11);
    assert_eq!(store.decided_attempts(&filter, 9, None).await.unwrap().items, []);
}
