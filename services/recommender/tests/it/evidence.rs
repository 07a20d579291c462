//! What the evidence changes in a decision, and what is said of it.

use std::sync::{Arc, LazyLock};

use paramedic_domain::{
    Action, AttemptEvidence, AttemptRecord, Bound, EventLogSummary, HostSample, LargestTask, MemorySide, Policy,
    Recommendation, RecommendationRequest, RunQueueCause, RunningAtFailure, Scope, ScopedBounds, StageSummary,
    TaskQuantiles,
};
use paramedic_recommender::{
    model::Model,
    pipeline::{Inputs, recommend},
    settings::RecommenderSettings,
};
use paramedic_spark::{MemoryModel, memory::HEAP_BYTES_MIN, size};

use crate::server::{base_models, request};

static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| Arc::new(Model::load(&base_models().join("base-1")).unwrap()));

fn inputs(request: RecommendationRequest) -> Inputs {
    Inputs {
        request,
        attempts: Vec::new(),
        samples: Vec::new(),
        policy: Policy::default(),
        model: Some(MODEL.clone()),
        degraded: Vec::new(),
    }
}

fn answer(inputs: Inputs) -> Recommendation {
    recommend(inputs, &RecommenderSettings::default()).unwrap()
}

fn with_log(mut request: RecommendationRequest, event_log: EventLogSummary) -> RecommendationRequest {
    request.evidence = Some(AttemptEvidence { event_log: Some(event_log), ..AttemptEvidence::default() });
    request
}

fn says(recommendation: &Recommendation, part: &str) -> bool {
    recommendation.explanation.iter().any(|sentence| sentence.contains(part))
}

const YARN: [(&str, &str); 3] =
    [("spark.master", "yarn"), ("spark.executor.memory", "4g"), ("spark.executor.cores", "4")];

fn sample(executor_id: &str, rss_mib: u64, oom_kills: u32, wait_p99_s: f64) -> HostSample {
    serde_json::from_value(serde_json::json!({
        "host": "node-7", "application_id": "app-1", "executor_id": executor_id, "sampled_at": "2026-01-31T12:00:00Z",
        "rss_peak_bytes": rss_mib << 20, "oom_kills": oom_kills, "run_queue_p99_s": wait_p99_s,
    }))
    .unwrap()
}

#[test]
fn a_kill_with_room_left_in_the_container_is_retried_elsewhere() {
    let request = request(MemorySide::ExecutorOverhead, &YARN, &[]);
    for model in [Some(MODEL.clone()), None] {
        let samples = vec![sample("3", 2_100, 1, 0.0), sample("4", 4_400, 0, 0.0)];
        let recommendation = answer(Inputs { samples, model, ..inputs(request.clone()) });
        assert_eq!(recommendation.action, Action::RetryUnchanged);
        assert_eq!(recommendation.config, request.config);
        assert!(says(&recommendation, "node-7") && says(&recommendation, "on another host"), "{recommendation:?}");
    }
    // A full container is the job's own.
    let full = Inputs { samples: vec![sample("3", 4_400, 1, 0.0)], ..inputs(request.clone()) };
    assert_eq!(answer(full).action, Action::RetryWithConfig);
    // And so is a limit that the log states.
    let mut stated = request.clone();
    stated.classification.captures = [("used_size", "4.9 GB"), ("limit_size", "4.4 GB")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    let stated = Inputs { samples: vec![sample("3", 2_100, 1, 0.0)], ..inputs(stated) };
    assert_eq!(answer(stated).action, Action::RetryWithConfig);
}

#[test]
fn a_second_failure_of_the_same_kind_is_the_jobs_own() {
    let mut second = request(MemorySide::ExecutorOverhead, &YARN, &[]);
    let first = attempt(&second, 1, Some("executor_overhead"));
    second.job.attempt = 2;
    let samples = vec![sample("3", 2_100, 1, 0.0)];
    let recommendation = answer(Inputs { samples, attempts: vec![first], ..inputs(second) });
    assert_eq!(recommendation.action, Action::RetryWithConfig);
}

#[test]
fn collection_without_a_processor_is_retried_elsewhere() {
    let log =
        |heap_mib: u64| EventLogSummary { executor_heap_peak_bytes: heap_mib << 20, ..EventLogSummary::default() };
    let request = request(MemorySide::GcOverhead, &YARN, &[]);
    let asked_for = |heap_mib, wait, cause| {
        let slow = HostSample { run_queue_cause: Some(cause), ..sample("1", 3_000, 0, wait) };
        let samples = vec![slow, sample("2", 3_000, 0, 0.001)];
        answer(Inputs { samples, ..inputs(with_log(request.clone(), log(heap_mib))) })
    };
    let asked = |heap_mib, wait| asked_for(heap_mib, wait, RunQueueCause::NoisyNeighbour);
    let recommendation = asked(1_500, 0.4);
    assert_eq!(recommendation.action, Action::RetryUnchanged);
    assert!(says(&recommendation, "400 ms"), "{:?}", recommendation.explanation);
    assert_eq!(asked(3_900, 0.4).action, Action::RetryWithConfig, "the heap was full");
    assert_eq!(asked(1_500, 0.002).action, Action::RetryWithConfig, "nobody was in the way");
    assert_eq!(asked_for(1_500, 0.4, RunQueueCause::Busy).action, Action::RetryWithConfig, "it waited for itself");
}

fn attempt(of: &RecommendationRequest, number: u32, side: Option<&str>) -> AttemptRecord {
    let mut job = of.job.clone();
    job.attempt = number;
    serde_json::from_value(
        serde_json::json!({"job": job, "config": of.config, "status": "failed", "memory_side": side}),
    )
    .unwrap()
}

#[test]
fn a_preemption_between_two_attempts_keeps_the_raised_value() {
    let mut third =
        request(MemorySide::ExecutorHeap, &[("spark.master", "yarn"), ("spark.executor.memory", "1g")], &[]);
    let first = attempt(&third, 1, Some("executor_heap"));
    let mut second = attempt(&third, 2, None);
    second.config.insert("spark.executor.memory".to_owned(), "6g".to_owned());
    third.job.attempt = 3;
    let recommendation = answer(Inputs { attempts: vec![second, first], ..inputs(third) });
    let heap = MemoryModel::of(&recommendation.config).unwrap().executor_heap;
    assert!(heap >= 6 << 30, "{heap} bytes");
    assert!(says(&recommendation, "6144 MiB"), "{:?}", recommendation.explanation);
}

fn kubernetes(version: &str) -> Recommendation {
    let config =
        [("spark.master", "k8s://https://k8s:6443"), ("spark.executor.memory", "8g"), ("spark.executor.cores", "8")];
    let log = EventLogSummary { spark_version: Some(version.to_owned()), ..EventLogSummary::default() };
    let mut settings = RecommenderSettings::default();
    // Cost alone counts: fewer tasks at a time are the cheapest change.
    settings.objective.cost_weight = 10.0;
    recommend(inputs(with_log(request(MemorySide::ExecutorHeap, &config, &[]), log)), &settings).unwrap()
}

#[test]
fn sparks_own_remedy_is_not_brought_again() {
    let changes_tasks = |recommendation: &Recommendation| {
        recommendation.config.contains_key("spark.task.cpus")
            || recommendation.config.get("spark.executor.cores").is_some_and(|cores| cores != "8")
    };
    let before = kubernetes("4.1.4");
    assert!(changes_tasks(&before), "{:?}", before.config);
    let after = kubernetes("4.2.0");
    assert!(!changes_tasks(&after), "{:?}", after.config);
    assert!(says(&after, "one task at a time") && !says(&before, "This Spark itself"), "{:?}", after.explanation);
}

fn skewed() -> EventLogSummary {
    EventLogSummary {
        spark_version: Some("4.1.4".to_owned()),
        stages: vec![StageSummary {
            stage: 7,
            tasks: 200,
            failed: true,
            name: Some("collect at orders.py:12".to_owned()),
            shuffle_read_bytes: 9 << 30,
            shuffle_read_skew: 31.0,
            shuffle_read_per_task: Some(TaskQuantiles {
                p50_bytes: 40 << 20,
                p90_bytes: 60 << 20,
                p99_bytes: 70 << 20,
                max_bytes: 1_240 << 20,
            }),
            largest_task: Some(LargestTask { index: 13, read_bytes: 1_240 << 20, duration_s: 90.0, succeeded: false }),
            ..StageSummary::default()
        }],
        running_at_failure: Some(RunningAtFailure { stages: vec![7], tasks: 9, tasks_of_executor: 4 }),
        plan_operators: vec!["Exchange".to_owned(), "ObjectHashAggregate".to_owned()],
        ..EventLogSummary::default()
    }
}

#[test]
fn a_skewed_task_is_named_with_its_price() {
    let recommendation = answer(inputs(with_log(request(MemorySide::ExecutorHeap, &YARN, &[]), skewed())));
    assert!(says(&recommendation, "in stage 7 (collect at orders.py:12) task 13 read 1240 MiB"), "{recommendation:?}");
    assert!(says(&recommendation, "31 times the median"));
    assert!(says(&recommendation, "costs $") && says(&recommendation, "salting that key"), "{recommendation:?}");
    assert!(says(&recommendation, "9 task(s) of stage 7 ran, 4 of them on the executor that failed"));
}

#[test]
fn three_alternatives_on_the_front_are_told() {
    let recommendation = answer(inputs(with_log(request(MemorySide::ExecutorHeap, &YARN, &[]), skewed())));
    assert_eq!(recommendation.alternatives.len(), 3);
    let mut all = vec![recommendation.predicted.unwrap()];
    all.extend(recommendation.alternatives.iter().map(|alternative| alternative.predicted));
    for one in &all {
        let better = all
            .iter()
            .any(|other| other.cost_usd < one.cost_usd && other.failure_probability < one.failure_probability);
        assert!(!better, "{one:?} is beaten: {all:?}");
    }
    let told = recommendation.explanation.iter().filter(|sentence| sentence.starts_with("Instead")).count();
    assert_eq!(told, 3, "{:?}", recommendation.explanation);
    let configs: std::collections::BTreeSet<String> =
        recommendation.alternatives.iter().map(|alternative| format!("{:?}", alternative.config)).collect();
    assert_eq!(configs.len(), 3);
}

#[test]
fn what_each_changed_key_does_is_told() {
    let recommendation = answer(inputs(request(MemorySide::ExecutorOverhead, &YARN, &[])));
    let changed = recommendation.config.iter().filter(|(key, value)| !YARN.contains(&(key.as_str(), value.as_str())));
    for (key, value) in changed {
        let told = recommendation
            .explanation
            .iter()
            .any(|sentence| sentence.starts_with(&format!("{key}: ")) && sentence.contains(&format!("→ {value}: ")));
        assert!(told, "{key} = {value}: {:?}", recommendation.explanation);
    }
}

#[test]
fn containers_fit_the_largest_node_in_sparks_own_rounding() {
    let config = [
        ("spark.master", "yarn"),
        ("spark.executor.memory", "5g"),
        ("spark.executor.pyspark.memory", "1g"),
        ("spark.memory.offHeap.enabled", "true"),
        ("spark.memory.offHeap.size", "512m"),
    ];
    for side in [MemorySide::ExecutorHeap, MemorySide::ExecutorOverhead, MemorySide::PythonWorker, MemorySide::Offheap]
    {
        for node_gib in [8, 9, 12] {
            let policy = Policy { node_memory_bytes: Some(node_gib << 30), ..Policy::default() };
            let recommendation = answer(Inputs { policy, ..inputs(request(side, &config, &[])) });
            for config in std::iter::once(&recommendation.config)
                .chain(recommendation.alternatives.iter().map(|alternative| &alternative.config))
            {
                let memory = MemoryModel::of(config).unwrap();
                assert!(memory.container <= node_gib << 30, "{side}, {node_gib} GiB: {} bytes", memory.container);
            }
        }
    }
}

#[test]
fn bounds_of_a_scope_hold_for_its_jobs_only() {
    let request = request(MemorySide::ExecutorHeap, &YARN, &[]);
    let bound = Bound { min: None, max: Some("5g".to_owned()) };
    let scoped = |workflow: String| {
        let scope = Scope { workflow: Some(workflow), ..Scope::default() };
        let bounds = [("spark.executor.memory".to_owned(), bound.clone())].into();
        Policy { scoped_bounds: vec![ScopedBounds { scope, bounds }], ..Policy::default() }
    };
    let heap = |policy| {
        let recommendation = answer(Inputs { policy, ..inputs(request.clone()) });
        size::parse_bytes(&recommendation.config["spark.executor.memory"], size::SizeUnit::Mebibyte).unwrap()
    };
    assert!(heap(scoped(request.job.workflow.clone())) <= 5 << 30);
    assert!(heap(scoped("another".to_owned())) > 5 << 30);
}

#[test]
fn no_heap_is_below_sparks_minimum() {
    // Spark refused 300 MiB, and a request larger than the cluster heals downwards, but not below what Spark starts with.
    let small = request(MemorySide::ExecutorHeap, &[("spark.executor.memory", "300m")], &[]);
    let large = request(
        MemorySide::ExecutorHeap,
        &[("spark.master", "local-cluster[1,1,512]"), ("spark.executor.memory", "4g")],
        &[("maximum_mib", "512"), ("requested_mib", "4096")],
    );
    for request in [small, large] {
        let recommendation = answer(inputs(request));
        assert_eq!(recommendation.action, Action::RetryWithConfig);
        let configs = recommendation.alternatives.iter().map(|alternative| &alternative.config);
        for config in configs.chain([&recommendation.config]) {
            assert!(MemoryModel::of(config).unwrap().executor_heap >= HEAP_BYTES_MIN, "{config:?}");
        }
    }
}
