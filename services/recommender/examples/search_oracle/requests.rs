//! Seeded requests.

use paramedic_domain::RecommendationRequest;
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Set {
    /// Executor heaps, with every parameter that can be freed for one: seven.
    Wide,
    /// Every side, and failures that no rule knows.
    Mixed,
}

const SIDES: [&str; 8] = [
    "executor_heap",
    "executor_overhead",
    "driver_heap",
    "driver_overhead",
    "python_worker",
    "driver_result_size",
    "kryo_buffer",
    "offheap",
];

/// The request of a number.
#[expect(clippy::expect_used, reason = "the bench's own requests are valid")]
pub(crate) fn draw(set: Set, number: u64) -> RecommendationRequest {
    let mut rng = ChaCha8Rng::seed_from_u64(0x005E_A2C4);
    rng.set_stream(number);
    let side = if set == Set::Wide { SIDES.first() } else { SIDES.choose(&mut rng).filter(|_| number % 9 != 8) };
    let request = json!({
        "job": {"scheduler": "bench", "workflow": format!("w{}", number % 17), "job": format!("j{number}"), "run": "1", "attempt": 1},
        "config": config(set, side.copied(), &mut rng),
        "classification": classification(side.copied()),
        "evidence": {"event_log": event_log(set, &mut rng), "duration_s": log_uniform(&mut rng, 20.0, 7_200.0)},
    });
    serde_json::from_value(request).expect("the request is one")
}

fn config(set: Set, side: Option<&str>, rng: &mut ChaCha8Rng) -> Value {
    let masters = ["yarn", "k8s://https://k8s:6443", "spark://master:7077"];
    let mebibytes = |rng: &mut ChaCha8Rng, low: f64, high: f64| format!("{}m", log_uniform(rng, low, high) as u64);
    let mut config = json!({
        "spark.master": masters.choose(rng),
        "spark.executor.memory": mebibytes(rng, 480.0, 32_768.0),
        "spark.driver.memory": mebibytes(rng, 480.0, 16_384.0),
        "spark.executor.cores": rng.random_range(2_u32..=8).to_string(),
        "spark.executor.instances": (log_uniform(rng, 2.0, 100.0) as u64).to_string(),
        "spark.sql.shuffle.partitions": (log_uniform(rng, 8.0, 2_000.0) as u64).to_string(),
    });
    let mut set_value = |key: &str, value: String| {
        if let Some(config) = config.as_object_mut() {
            config.insert(key.to_owned(), Value::String(value));
        }
    };
    if set == Set::Mixed && rng.random() {
        set_value("spark.executor.memoryOverhead", mebibytes(rng, 256.0, 8_192.0));
    }
    match side {
        Some("python_worker") if rng.random() => {
            set_value("spark.executor.pyspark.memory", mebibytes(rng, 128.0, 8_192.0));
        }
        Some("offheap") => {
            set_value("spark.memory.offHeap.enabled", "true".to_owned());
            set_value("spark.memory.offHeap.size", mebibytes(rng, 16.0, 8_192.0));
        }
        Some("driver_result_size") => set_value("spark.driver.maxResultSize", mebibytes(rng, 16.0, 4_096.0)),
        Some("kryo_buffer") => set_value("spark.kryoserializer.buffer.max", mebibytes(rng, 1.0, 512.0)),
        _ => {}
    }
    config
}

fn classification(side: Option<&str>) -> Value {
    let category = if side.is_some() { "memory_configuration" } else { "unclassified" };
    json!({"class": side.map_or("Unclassified", |_| "SomethingRanOut"), "category": category, "memory_side": side,
        "rule": side.map(|_| "SomethingRanOut"), "restartable": false, "summary": "", "evidence": [], "captures": {}, "matched": []})
}

fn event_log(set: Set, rng: &mut ChaCha8Rng) -> Value {
    if set == Set::Mixed && rng.random() {
        return Value::Null;
    }
    let tasks = log_uniform(rng, 8.0, 2_000.0) as u64;
    let stage = json!({"stage": 3, "tasks": tasks, "tasks_succeeded": tasks / 2, "tasks_failed": 4, "failed": true,
        "shuffle_read_bytes": log_uniform(rng, 1e8, 1e12) as u64, "shuffle_read_skew": log_uniform(rng, 1.0, 40.0),
        "memory_spill_bytes": log_uniform(rng, 1.0, 1e11) as u64});
    json!({
        "spark_version": "4.1.4",
        "executor_heap_peak_bytes": log_uniform(rng, 4e8, 3e10) as u64,
        "driver_heap_peak_bytes": log_uniform(rng, 2e8, 1e10) as u64,
        // More than half of any unified region here: then storage's share of it is freed too.
        "onheap_unified_peak_bytes": log_uniform(rng, 2e10, 3e10) as u64,
        "gc_time_share": rng.random_range(0.0..0.7),
        "stages": [stage],
        "plan_operators": ["BroadcastExchange", "Exchange", "HashAggregate", "SortMergeJoin"],
    })
}

fn log_uniform(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low * (high / low).powf(rng.random())
}
