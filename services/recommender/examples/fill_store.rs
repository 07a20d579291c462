//! Fills a store with drawn attempts, to measure `paramedic train` on: `fill_store sqlite://PATH RUNS`.
//!
//! Each run fails for want of heap once and is retried; its event log has some stages, as real ones have.

#![expect(clippy::print_stdout, reason = "an example that tells how far it is")]

use paramedic_domain::{AttemptRecord, Clock};
use paramedic_store::Store;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or_else(|| anyhow::anyhow!("give sqlite://PATH and a number of runs"))?;
    let runs: u64 = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let store = Store::open(&url).await?;
    let start = Clock::system().now().plus_seconds(-30 * 24 * 3600);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for run in 0..runs {
        for (number, attempt) in attempts(&mut rng, run)?.into_iter().enumerate() {
            store.record_attempt(&attempt, start.plus_seconds((run * 2) as i64 + number as i64)).await?;
        }
        if run % 10_000 == 0 {
            println!("{run} of {runs} runs");
        }
    }
    store.close().await;
    Ok(())
}

/// A failed attempt and its retry.
fn attempts(rng: &mut ChaCha8Rng, run: u64) -> anyhow::Result<Vec<AttemptRecord>> {
    let failed_mib = rng.random_range(512.0..16_384.0_f64);
    let (needed, tried) = (rng.random_range(1.02..5.0_f64), rng.random_range(1.1..5.0_f64));
    let mut record = |attempt: u32, mib: f64, failed: bool| {
        let stages: Vec<_> = (0..rng.random_range(1..12_u32))
            .map(|stage| {
                json!({"stage": stage, "tasks": 200, "tasks_succeeded": 190, "tasks_failed": 4, "failed": failed,
                    "shuffle_read_bytes": rng.random_range(1_u64 << 20..1 << 36), "shuffle_read_skew": rng.random_range(1.0..20.0)})
            })
            .collect();
        let job = json!({"scheduler": "s", "workflow": format!("w{}", run % 500), "job": format!("j{}", run % 7),
            "run": run.to_string(), "attempt": attempt});
        serde_json::from_value(json!({
            "job": job, "status": if failed { "failed" } else { "succeeded" },
            "config": {"spark.executor.memory": format!("{mib:.0}m"), "spark.master": "yarn", "spark.executor.cores": "4",
                "spark.executor.instances": "20", "spark.sql.shuffle.partitions": "400"},
            "class": failed.then_some("SparkExecutorHeapOom"), "memory_side": failed.then_some("executor_heap"),
            "category": failed.then_some("memory_configuration"), "cost_usd": rng.random_range(0.1..20.0),
            "evidence": {"duration_s": rng.random_range(60.0..7_200.0), "event_log": {
                "executor_heap_peak_bytes": (mib * 1_048_576.0 * 0.9) as u64, "gc_time_share": rng.random_range(0.0..0.5),
                "plan_operators": ["Exchange", "HashAggregate", "SortMergeJoin"], "stages": stages}}
        }))
    };
    Ok(vec![record(1, failed_mib, true)?, record(2, failed_mib * tried, tried < needed)?])
}
