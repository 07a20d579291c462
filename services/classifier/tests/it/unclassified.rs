use paramedic_classifier::ClassifierConfig;
use paramedic_domain::{Clock, UnclassifiedGroup};
use paramedic_service::{Client, UnclassifiedQuery};
use paramedic_store::Store;

use crate::harness::{HEAP, inline, noon, report, start, start_on, stepping_clock};

/// A failure that no rule classifies, with variable parts of its own.
fn late(number: u32) -> String {
    format!(
        "26/01/31 12:00:0{number} INFO SparkContext: up\nException in thread \"main\" com.acme.FeedLateException: feed \
         {number} of /data/in/{number} on worker-{number}.example.com:70{number}1 is late\n\tat com.acme.Feed.read(Feed.java:1)\n"
    )
}

async fn groups(client: &Client) -> Vec<UnclassifiedGroup> {
    client.unclassified(&UnclassifiedQuery::default()).await.unwrap().items
}

#[tokio::test]
async fn unclassified_failures_are_grouped_ranked_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("paramedic.db").display());
    let mut before = Vec::new();
    for start in 0..2 {
        let store = Store::open(&url).await.unwrap();
        let running = start_on(store, stepping_clock(), |_| {}).await;
        if start == 0 {
            let mut costly = report("other", vec![inline("ValueError: what a pity\n")]);
            costly.cost_usd = Some(9.0);
            let cheap = [("a", late(1)), ("b", late(2))].map(|(name, text)| {
                let mut report = report(name, vec![inline(&text)]);
                report.cost_usd = Some(2.5);
                report
            });
            for report in cheap.iter().chain([&costly]) {
                let decision = running.client.report_failure(report).await.unwrap();
                assert_eq!(decision.classification.class, "Unclassified");
            }
            running.client.report_failure(&report("classified", vec![inline(HEAP)])).await.unwrap();
            before = groups(&running.client).await;
        }
        let listed = groups(&running.client).await;
        assert_eq!(listed, before);
        let told: Vec<_> = listed.iter().map(|group| (group.failures, group.jobs, group.cost_usd)).collect();
        assert_eq!(told, [(1, 1, 9.0), (2, 2, 5.0)]);
        assert_eq!(listed[1].template, "com.acme.FeedLateException: feed <num> of <path> on <host> is late");
        let detail = running.client.unclassified_group(&listed[1].group).await.unwrap().unwrap();
        assert_eq!((detail.samples.len(), detail.samples[0].job.as_str()), (2, "b"));
        assert!(detail.samples[0].excerpt.as_ref().unwrap().text.contains("feed 2 of"));
        running.store.close().await;
    }
}

#[tokio::test]
async fn the_logs_of_a_failure_are_kept() {
    let running = start(|_| {}).await;
    let decision = running.client.report_failure(&report("a", vec![inline(HEAP)])).await.unwrap();
    let logs = running.client.failure_logs(decision.failure_id).await.unwrap().unwrap().items;
    assert_eq!((logs.len(), logs[0].text.as_str()), (1, HEAP));
    let nothing = running.client.report_failure(&report("b", vec![])).await.unwrap();
    assert_eq!(running.client.failure_logs(nothing.failure_id).await.unwrap(), None);
    assert_eq!(running.client.unclassified_group("nonsense").await.unwrap(), None);
    assert_eq!(groups(&running.client).await[0].template, "(there were no logs)");
}

#[tokio::test]
async fn a_group_that_a_new_rule_matches_leaves_the_inbox() {
    let running = start(|_| {}).await;
    running.client.report_failure(&report("a", vec![inline(&late(1))])).await.unwrap();
    assert_eq!(groups(&running.client).await.len(), 1);
    let rule = "rules:\n  - name: FeedIsLate\n    source: acme\n    log: [driver.stderr]\n    summary: A feed is late.\n    \
                category: data\n    restartable: true\n    regex: 'FeedLateException: feed \\d+'\n    examples:\n      \
                match: ['FeedLateException: feed 1']\n      no_match: ['feed 1']\n";
    std::fs::write(running.folder.path().join("rules/20-new.yaml"), rule).unwrap();
    running.client.reload_rules().await.unwrap();
    assert_eq!(groups(&running.client).await, []);
    let all = UnclassifiedQuery { matched: Some(true), ..UnclassifiedQuery::default() };
    let all = running.client.unclassified(&all).await.unwrap().items;
    assert_eq!(all[0].now_matched_by.as_deref(), Some("FeedIsLate"));
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let days = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let read = days.clone();
    let clock = Clock::from_fn(move || noon().plus_seconds(86_400 * read.load(std::sync::atomic::Ordering::Relaxed)));
    let store = Store::open("sqlite::memory:").await.unwrap();
    let age = |config: &mut ClassifierConfig| config.keep.age_s = 30 * 86_400;
    let running = start_on(store, clock, age).await;
    let old = running.client.report_failure(&report("a", vec![inline(&late(1))])).await.unwrap();
    days.store(31, std::sync::atomic::Ordering::Relaxed);
    running.client.report_failure(&report("b", vec![inline("ValueError: new")])).await.unwrap();
    assert_eq!(running.client.failure_logs(old.failure_id).await.unwrap(), None);
    assert_eq!(groups(&running.client).await.len(), 1);
}
