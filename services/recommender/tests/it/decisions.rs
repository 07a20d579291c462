//! What is recommended, by what ran out.

use paramedic_domain::{Action, Category, Classification, MemorySide, RecommendationRequest};
use paramedic_spark::{MemoryModel, size};

use crate::server::{Server, base_models, request};

/// Asks a server with the base model.
async fn recommend(request: &RecommendationRequest) -> paramedic_domain::Recommendation {
    let server = Server::start(Some(base_models())).await;
    let recommendation = server.client.recommend(request).await.unwrap();
    assert_eq!(recommendation.model_version.as_deref(), Some("base-1"));
    assert_eq!(recommendation.degraded, Vec::<String>::new());
    recommendation
}

fn mebibytes(recommendation: &paramedic_domain::Recommendation, key: &str) -> f64 {
    let text =
        recommendation.config.get(key).unwrap_or_else(|| panic!("{key} is not set: {:?}", recommendation.config));
    size::parse_bytes(text, size::SizeUnit::Mebibyte).unwrap() as f64 / 1_048_576.0
}

#[tokio::test]
async fn a_heap_that_ran_out_grows_and_the_prediction_improves() {
    let recommendation = recommend(&request(
        MemorySide::ExecutorHeap,
        &[("spark.master", "local-cluster[1,1,8192]"), ("spark.executor.memory", "512m")],
        &[],
    ))
    .await;
    assert_eq!(recommendation.action, Action::RetryWithConfig);
    let heap = mebibytes(&recommendation, "spark.executor.memory");
    assert!((1_024.0..=8_192.0).contains(&heap), "{heap} MiB");
    let (predicted, baseline) = (recommendation.predicted.unwrap(), recommendation.baseline.unwrap());
    assert!(predicted.failure_probability < 0.5 && baseline.failure_probability > 0.8, "{predicted:?} {baseline:?}");
    assert!(recommendation.feasible && predicted.cost_usd > 0.0);
}

#[tokio::test]
async fn each_side_moves_its_own_memory() {
    let cases = [
        (MemorySide::ExecutorOverhead, "spark.executor.memoryOverhead", vec![("spark.executor.memory", "1g")], 384.0),
        (MemorySide::DriverHeap, "spark.driver.memory", vec![("spark.driver.memory", "512m")], 512.0),
        (MemorySide::DriverOverhead, "spark.driver.memoryOverhead", vec![("spark.driver.memory", "1g")], 384.0),
        (
            MemorySide::PythonWorker,
            "spark.executor.pyspark.memory",
            vec![("spark.executor.pyspark.memory", "512m")],
            512.0,
        ),
        (
            MemorySide::DriverResultSize,
            "spark.driver.maxResultSize",
            vec![("spark.driver.maxResultSize", "32m"), ("spark.driver.memory", "2g")],
            32.0,
        ),
        (
            MemorySide::KryoBuffer,
            "spark.kryoserializer.buffer.max",
            vec![("spark.kryoserializer.buffer.max", "4m")],
            4.0,
        ),
        (
            MemorySide::Offheap,
            "spark.memory.offHeap.size",
            vec![("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "16m")],
            16.0,
        ),
        (MemorySide::GcOverhead, "spark.executor.memory", vec![("spark.executor.memory", "1g")], 1_024.0),
    ];
    let server = Server::start(Some(base_models())).await;
    for (side, key, config, before) in cases {
        let mut config = config;
        config.push(("spark.master", "yarn"));
        let recommendation = server.client.recommend(&request(side, &config, &[])).await.unwrap();
        assert_eq!(recommendation.action, Action::RetryWithConfig, "{side}");
        assert!(recommendation.config.contains_key(key), "{side}: {:?}", recommendation.config);
        // Off-heap defaults are in bytes, the others in MiB; what is written carries its unit.
        let after = mebibytes(&recommendation, key);
        assert!(after >= before * 1.3, "{side}: {before} → {after}");
    }
}

#[tokio::test]
async fn what_the_log_states_is_a_lower_bound() {
    let recommendation = recommend(&request(
        MemorySide::PythonWorker,
        &[("spark.executor.pyspark.memory", "512m")],
        &[("required_size", "600. MiB")],
    ))
    .await;
    assert!(mebibytes(&recommendation, "spark.executor.pyspark.memory") >= 1_112.0);
}

#[tokio::test]
async fn more_than_the_cluster_has_heals_downwards() {
    let recommendation = recommend(&request(
        MemorySide::ExecutorHeap,
        &[("spark.master", "local-cluster[1,1,1024]"), ("spark.executor.memory", "4g")],
        &[("maximum_mib", "1024"), ("requested_mib", "4096")],
    ))
    .await;
    assert_eq!(recommendation.action, Action::RetryWithConfig);
    assert!(mebibytes(&recommendation, "spark.executor.memory") <= 1_024.0);
    assert!(recommendation.baseline.unwrap().failure_probability > 0.99);
}

#[tokio::test]
async fn nothing_leaves_the_cluster() {
    let recommendation = recommend(&request(
        MemorySide::ExecutorHeap,
        &[("spark.master", "local-cluster[1,1,2048]"), ("spark.executor.memory", "1800m")],
        &[],
    ))
    .await;
    let memory = MemoryModel::of(&recommendation.config).unwrap();
    assert!(memory.executor_heap <= 2_048 << 20, "{} bytes", memory.executor_heap);
}

#[tokio::test]
async fn a_retry_never_repeats_what_failed() {
    let server = Server::start(Some(base_models())).await;
    let first = request(MemorySide::DriverHeap, &[("spark.driver.memory", "512m")], &[]);
    let mut memory = 512.0;
    for attempt in 1..=3 {
        let mut again = first.clone();
        again.job.attempt = attempt;
        again.config.insert("spark.driver.memory".to_owned(), format!("{memory:.0}m"));
        let failed: paramedic_domain::AttemptRecord = serde_json::from_value(serde_json::json!({
            "job": again.job, "config": again.config, "status": "failed", "memory_side": "driver_heap",
        }))
        .unwrap();
        server.client.record_attempt(&failed).await.unwrap();
        let recommendation = server.client.recommend(&again).await.unwrap();
        let next = mebibytes(&recommendation, "spark.driver.memory");
        assert!(next > memory, "attempt {attempt}: {memory} → {next}");
        memory = next;
    }
}

#[tokio::test]
async fn an_unclassified_failure_is_decided_too() {
    let mut asked = request(MemorySide::ExecutorHeap, &[("spark.executor.memory", "1g")], &[]);
    asked.classification = Classification::unclassified();
    assert_eq!(asked.classification.category, Category::Unclassified);
    let recommendation = recommend(&asked).await;
    assert!(recommendation.predicted.is_some() && recommendation.baseline.is_some());
}
