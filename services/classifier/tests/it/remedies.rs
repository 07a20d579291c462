use paramedic_domain::{Action, Configuration};
use serde_json::json;

use crate::{
    harness::{inline, report},
    peers::{healing, more_heap},
};

const RULE: &str = r"
rules:
  - name: MessageTooLarge
    source: spark
    log: [driver.stderr, executor.stderr]
    summary: A message is too large.
    category: configuration
    restartable: false
    regex: 'Serialized task was (?<required_bytes>\d+) bytes'
    remedy:
      spark.rpc.message.maxSize: 'required_bytes / 1m + 8'
    examples:
      match: ['Serialized task was 163840182 bytes']
      no_match: ['Serialized task was fine']
";

#[tokio::test]
async fn what_the_log_states_heals_without_the_model() {
    let (running, configsvc, sent) = healing(more_heap(), |config| {
        std::fs::write(config.rules_dir.join("20-remedy.yaml"), RULE).unwrap();
    })
    .await;
    let failure = report("a", vec![inline("ERROR Serialized task was 163840182 bytes")]);
    let decision = running.client.report_failure(&failure).await.unwrap();
    assert_eq!((decision.action, decision.degraded.as_slice()), (Action::RetryWithConfig, &[][..]));
    let expected = Configuration::from_iter([("spark.rpc.message.maxSize", "165")]);
    assert_eq!(decision.classification.remedy, expected);
    // The attempt is recorded; no search is asked for.
    assert_eq!(*sent.lock().unwrap(), ["attempt 1 512m"]);

    let recommendation = decision.recommendation.unwrap();
    assert!(recommendation.explanation[0].contains("without the model"), "{:?}", recommendation.explanation);
    let patch = configsvc.patch(decision.patch.unwrap().id).await.unwrap().unwrap();
    assert_eq!(patch.content.source, "rule");
    let operations = json!([{"op": "add", "path": "/spark.rpc.message.maxSize", "value": "165"}]);
    assert_eq!(serde_json::to_value(&patch.content.patch).unwrap(), operations);
}

#[tokio::test]
async fn a_remedy_beyond_the_policy_is_left_to_the_recommender() {
    let memory =
        RULE.replace("category: configuration", "category: memory_configuration\n    memory_side: driver_heap");
    for (rule, action, asked) in [(RULE, Action::DoNotRetry, false), (memory.as_str(), Action::RetryWithConfig, true)] {
        let (running, configsvc, sent) = healing(more_heap(), |config| {
            std::fs::write(config.rules_dir.join("20-remedy.yaml"), rule).unwrap();
        })
        .await;
        let failure = report("a", vec![inline("ERROR Serialized task was 9163840182000 bytes")]);
        let decision = running.client.report_failure(&failure).await.unwrap();
        assert_eq!((decision.action, decision.degraded[0].as_str()), (action, "configsvc_refused"));
        assert_eq!(sent.lock().unwrap().iter().any(|sent| sent.starts_with("recommend")), asked);
        if let Some(patch) = decision.patch {
            let patch = configsvc.patch(patch.id).await.unwrap().unwrap();
            assert_eq!(patch.content.source, "recommender");
        }
    }
}
