//! Failures and decisions.

use paramedic_domain::{Category, Decision, LogKind, LogSource, Page};
use paramedic_store::{BegunFailure, FailureFilter, PAGE_ITEMS_MAX, Store, StoreError};

use crate::{
    Database,
    samples::{at, decision, failure_id, job, report},
};

pub(crate) async fn the_first_report_wins(Database { store, .. }: Database) {
    let (first, id) = (report(job("j", 1)), failure_id(&job("j", 1)));
    let begun = store.begin_failure(&first, id, at(0)).await.unwrap();
    assert_eq!(begun, BegunFailure { reported_at: at(0), first: true });

    let mut second = first.clone();
    second.exit_code = Some(2);
    let begun = store.begin_failure(&second, id, at(60)).await.unwrap();
    assert_eq!(begun, BegunFailure { reported_at: at(0), first: false });
    assert_eq!(store.failure_report(id).await.unwrap().unwrap().exit_code, Some(1));
}

pub(crate) async fn log_text_is_not_kept(Database { store, .. }: Database) {
    let mut with_url = report(job("j", 1));
    let link = Some("https://logs/1".to_owned());
    with_url.logs.push(LogSource { log: LogKind::Scheduler, text: None, url: link.clone() });
    store.begin_failure(&with_url, failure_id(&with_url.job), at(0)).await.unwrap();
    let stored = store.failure_report(failure_id(&with_url.job)).await.unwrap().unwrap();
    assert_eq!(stored.logs[0], LogSource { log: LogKind::DriverStderr, text: None, url: None });
    assert_eq!(stored.logs[1].url, link);
    assert_eq!(stored.config, with_url.config);
}

pub(crate) async fn a_failure_has_no_decision_before_it_is_decided(Database { store, .. }: Database) {
    let id = failure_id(&job("j", 1));
    assert_eq!(store.failure_report(id).await.unwrap(), None);
    store.begin_failure(&report(job("j", 1)), id, at(0)).await.unwrap();
    assert_eq!(store.decision(id).await.unwrap(), None);
    assert_eq!(list(&store, FailureFilter::default(), 10, None).await.items, []);
}

pub(crate) async fn the_first_decision_wins(Database { store, .. }: Database) {
    let first = decision(job("j", 1), "A", Category::Data, at(1));
    let second = decision(job("j", 1), "B", Category::Network, at(2));
    assert_eq!(store.finish_decision(&first).await.unwrap(), first);
    assert_eq!(store.finish_decision(&second).await.unwrap(), first);
    assert_eq!(store.decision(first.failure_id).await.unwrap(), Some(first));
}

pub(crate) async fn two_tasks_decide_one_failure_once(database: Database) {
    let stores = [database.store.clone(), database.other_store().await];
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = stores[number % 2].clone();
            let mine = decision(job("j", 1), &format!("Class{number}"), Category::Data, at(0));
            tokio::spawn(async move {
                store.begin_failure(&report(job("j", 1)), mine.failure_id, at(0)).await.unwrap();
                store.finish_decision(&mine).await.unwrap()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(list(&database.store, FailureFilter::default(), 10, None).await.items, answers[..1]);
}

pub(crate) async fn lists_page_newest_first(Database { store, .. }: Database) {
    // Three of the seven share one time: the cursor must tell them apart.
    let mut stored = Vec::new();
    for (number, seconds) in [0, 1, 1, 1, 2, 3, 4].into_iter().enumerate() {
        let decision = decision(job(&format!("j{number}"), 1), "A", Category::Data, at(seconds));
        stored.push(store.finish_decision(&decision).await.unwrap());
    }
    stored.sort_by_key(|decision| std::cmp::Reverse((decision.decided_at, decision.failure_id)));

    let mut read = Vec::new();
    let mut cursor = None;
    loop {
        let page = list(&store, FailureFilter::default(), 2, cursor.as_deref()).await;
        assert!(page.items.len() <= 2);
        read.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(read, stored);
    assert_eq!(list(&store, FailureFilter::default(), 0, None).await.items.len(), 1);
    assert_eq!(list(&store, FailureFilter::default(), u32::MAX, None).await.items.len(), 7);
    const { assert!(PAGE_ITEMS_MAX >= 100) };
}

pub(crate) async fn filters_narrow(Database { store, .. }: Database) {
    let mut elsewhere = job("a", 1);
    elsewhere.workflow = "hourly".into();
    for decision in [
        decision(job("a", 1), "Heap", Category::MemoryConfiguration, at(1)),
        decision(job("b", 1), "Heap", Category::MemoryConfiguration, at(2)),
        decision(job("b", 2), "Typo", Category::UserSql, at(3)),
        decision(elsewhere, "Typo", Category::UserSql, at(4)),
    ] {
        store.finish_decision(&decision).await.unwrap();
    }
    let text = |text: &str| Some(text.to_owned());
    let none = FailureFilter::default;
    for (filter, expected) in [
        (none(), vec![4, 3, 2, 1]),
        (FailureFilter { workflow: text("daily_sales"), ..none() }, vec![3, 2, 1]),
        (FailureFilter { job: text("a"), ..none() }, vec![4, 1]),
        (FailureFilter { class: text("Heap"), ..none() }, vec![2, 1]),
        (FailureFilter { category: Some(Category::UserSql), ..none() }, vec![4, 3]),
        (FailureFilter { since: Some(at(3)), ..none() }, vec![4, 3]),
        (FailureFilter { job: text("b"), class: text("Heap"), since: Some(at(2)), ..none() }, vec![2]),
        (FailureFilter { class: text("heap"), ..none() }, vec![]),
        (FailureFilter { class: text("Heap\0"), ..none() }, vec![]),
    ] {
        let found = list(&store, filter.clone(), 10, None).await.items;
        let seconds: Vec<_> = found.iter().map(|decision| decision.decided_at.seconds_since(at(0)) as i64).collect();
        assert_eq!(seconds, expected, "{filter:?}");
    }
}

pub(crate) async fn a_cursor_of_another_make_is_refused(Database { store, .. }: Database) {
    for cursor in ["", "x", "1'; drop table decisions", "1.\u{0}"] {
        let error = store.list_failures(&FailureFilter::default(), 10, Some(cursor)).await.unwrap_err();
        assert!(matches!(error, StoreError::BadCursor), "{error:?}");
    }
}

pub(crate) async fn names_are_data_not_sql(Database { store, .. }: Database) {
    let name = "it's \"quoted\"; drop table decisions; -- \u{1F680} %_\\";
    let odd = decision(job(name, 1), "A", Category::Data, at(0));
    store.finish_decision(&odd).await.unwrap();
    store.finish_decision(&decision(job("plain", 1), "A", Category::Data, at(1))).await.unwrap();
    let filter = FailureFilter { job: Some(name.to_owned()), ..FailureFilter::default() };
    assert_eq!(list(&store, filter, 10, None).await.items, [odd]);
}

async fn list(store: &Store, filter: FailureFilter, limit: u32, cursor: Option<&str>) -> Page<Decision> {
    store.list_failures(&filter, limit, cursor).await.unwrap()
}
