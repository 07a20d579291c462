//! The inbox of unclassified failures.

use paramedic_domain::{LogKind, TellingExcerpt, UnclassifiedGroup, UnclassifiedSample};
use paramedic_store::{Store, StoreError, Unclassified, UnclassifiedFilter};

use crate::{
    Database,
    samples::{at, failure_id, job},
};

fn group(number: u32) -> String {
    format!("{number:012x}")
}

fn failure(of: u32, name: &str, attempt: u32, cost_usd: Option<f64>, seconds: i64) -> Unclassified {
    let job = job(name, attempt);
    let telling = format!("late {attempt}\0");
    let excerpt = TellingExcerpt { log: LogKind::DriverStderr, line: 3, telling: telling.clone(), text: telling };
    let sample = UnclassifiedSample {
        failure_id: failure_id(&job),
        workflow: job.workflow,
        job: job.job,
        decided_at: at(seconds),
        cost_usd,
        excerpt: Some(excerpt),
    };
    Unclassified { sample, group: group(of), template: format!("late <num> of group {of}") }
}

async fn keep(store: &Store, failures: &[Unclassified]) {
    for failure in failures {
        store.keep_unclassified(failure).await.unwrap();
    }
}

async fn listed(store: &Store, filter: &UnclassifiedFilter) -> Vec<UnclassifiedGroup> {
    store.unclassified_groups(filter, 10, None).await.unwrap().items
}

pub(crate) async fn groups_are_ranked_by_cost_then_failures(Database { store, .. }: Database) {
    assert_eq!(listed(&store, &UnclassifiedFilter::default()).await, []);
    let failures = [
        failure(1, "a", 1, None, 1),
        failure(1, "b", 1, None, 2),
        failure(2, "c", 1, Some(0.1), 3),
        failure(2, "c", 2, Some(0.2), 5),
        failure(3, "d", 1, None, 4),
    ];
    keep(&store, &failures).await;
    let found = listed(&store, &UnclassifiedFilter::default()).await;
    let told = |found: &[UnclassifiedGroup]| -> Vec<_> {
        found
            .iter()
            .map(|group| (group.group.clone(), group.failures, group.jobs, group.cost_usd.to_string()))
            .collect()
    };
    let zero = || "0".to_owned();
    let expected = [(group(2), 2, 1, "0.3".to_owned()), (group(1), 2, 2, zero()), (group(3), 1, 1, zero())];
    assert_eq!(told(&found), expected);
    assert_eq!((found[0].first_seen, found[0].last_seen), (at(3), at(5)));
    assert_eq!(found[0].template, "late <num> of group 2");

    let since = UnclassifiedFilter { since: Some(at(4)), ..UnclassifiedFilter::default() };
    assert_eq!(listed(&store, &since).await.len(), 2);
    let one = UnclassifiedFilter { group: Some(group(1)), ..UnclassifiedFilter::default() };
    assert_eq!(told(&listed(&store, &one).await), expected[1..2]);
}

pub(crate) async fn the_first_row_of_a_failure_wins_and_samples_are_newest_first(Database { store, .. }: Database) {
    let failures = [failure(1, "a", 1, Some(1.5), 1), failure(1, "a", 2, None, 2), failure(2, "a", 1, None, 9)];
    keep(&store, &failures).await;
    let samples = store.unclassified_samples(&group(1), 10).await.unwrap();
    assert_eq!(samples, [failures[1].sample.clone(), failures[0].sample.clone()]);
    assert_eq!(store.unclassified_samples(&group(1), 1).await.unwrap().len(), 1);
    assert_eq!(store.unclassified_samples(&group(2), 10).await.unwrap(), []);
}

pub(crate) async fn lists_of_groups_page(Database { store, .. }: Database) {
    let failures: Vec<_> = (1..=5).map(|of| failure(of, &format!("j{of}"), 1, Some(f64::from(of / 2)), 0)).collect();
    keep(&store, &failures).await;
    let all = listed(&store, &UnclassifiedFilter::default()).await;
    let (mut read, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.unclassified_groups(&UnclassifiedFilter::default(), 2, cursor.as_deref()).await.unwrap();
        read.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((read.len(), read), (5, all));
}

pub(crate) async fn old_rows_are_deleted(Database { store, .. }: Database) {
    keep(&store, &[failure(1, "a", 1, None, 1), failure(1, "a", 2, None, 2)]).await;
    assert_eq!(store.delete_unclassified_before(at(2)).await.unwrap(), 1);
    assert_eq!(store.unclassified_samples(&group(1), 10).await.unwrap().len(), 1);
}

pub(crate) async fn a_cursor_of_another_list_is_refused(Database { store, .. }: Database) {
    for cursor in
        ["", "1.2", "1.2.x", "-1.2.00000000000a", "1.6b1f04c2-8a3d-4f0e-9d5b-71c05e2a94d3", "1.2.00000000000'"]
    {
        let error = store.unclassified_groups(&UnclassifiedFilter::default(), 10, Some(cursor)).await.unwrap_err();
        assert!(matches!(error, StoreError::BadCursor), "{cursor:?}: {error:?}");
    }
}
