//! What is learnt from outcomes: training on a store's records.

use std::path::Path;

use paramedic_domain::{AttemptRecord, Timestamp};
use paramedic_store::Store;
use serde_json::{Value, json};

use crate::program::{run, stderr, stdout};

/// Failed attempts and their retries: each job needs a heap between one and four times what it failed with, and a retry
/// has some of that.
fn attempts(runs: u64) -> Vec<AttemptRecord> {
    let mut state = 7_u64;
    // A linear congruential generator (Knuth's MMIX): the same records at every run.
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(u32::MAX >> 1)
    };
    let mut attempts = Vec::new();
    for run in 0..runs {
        let failed_mib = 512.0 * (1.0 + 7.0 * draw());
        let (needed, tried) = (1.0 + 3.0 * draw(), 1.1 + 4.0 * draw());
        let job = |attempt: u32| json!({"scheduler": "s", "workflow": format!("w{}", run % 9), "job": "j", "run": run.to_string(), "attempt": attempt});
        let config = |mib: f64| json!({"spark.executor.memory": format!("{mib:.0}m"), "spark.master": "yarn"});
        let record = |attempt, mib: f64, failed: bool| {
            serde_json::from_value(json!({
                "job": job(attempt), "config": config(mib), "status": if failed { "failed" } else { "succeeded" },
                "class": failed.then_some("SparkExecutorHeapOom"), "memory_side": failed.then_some("executor_heap"),
                "category": failed.then_some("memory_configuration"),
                "evidence": {"duration_s": 60.0 + 100.0 / tried}
            }))
            .unwrap()
        };
        attempts.push(record(1, failed_mib, true));
        attempts.push(record(2, failed_mib * tried, tried < needed));
    }
    attempts
}

fn fill(data: &Path, runs: u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&format!("sqlite://{}", data.join("paramedic.sqlite").display())).await.unwrap();
        let now: Timestamp = paramedic_domain::Clock::system().now();
        for (number, attempt) in attempts(runs).iter().enumerate() {
            store.record_attempt(attempt, now.plus_seconds(number as i64 - 1_000_000)).await.unwrap();
        }
        store.close().await;
    });
}

#[test]
fn a_model_is_trained_on_what_became_of_attempts_and_reported() {
    let data = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let (folder, models) = (data.path().to_str().unwrap().to_owned(), models.to_str().unwrap().to_owned());
    let train = |more: &[&str]| {
        let arguments =
            ["train", "--data-dir", &folder, "--models", &models, "--device", "cpu", "--prior-records", "2000"];
        run(&[&arguments[..], more].concat())
    };
    fill(data.path(), 100);
    let few = train(&[]);
    assert_eq!(few.status.code(), Some(1), "{}", stderr(&few));
    assert!(stderr(&few).contains("100 records are too few"), "{}", stderr(&few));

    fill(data.path(), 900);
    let trained = train(&["--version", "own-1", "--json"]);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let manifest: Value = serde_json::from_str(&stdout(&trained)).unwrap();
    assert_eq!((&manifest["record_count"], &manifest["parent_version"]), (&900.into(), &"base-1".into()));
    assert!(manifest["audit"]["checks"].as_object().unwrap().values().all(|passed| *passed == true), "{manifest}");
    // It knows this world better than the base model does, so it is in use.
    let compared = &manifest["audit"]["champion"];
    assert!(compared["recent"]["log_loss"].as_f64() < compared["champion_recent"]["log_loss"].as_f64(), "{compared}");
    let pointer = std::fs::read_to_string(data.path().join("models/champion.json")).unwrap();
    assert!(pointer.contains("own-1"), "{pointer}");
    let page = std::fs::read_to_string(data.path().join("models/own-1/report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 5, "calibration, ROC, cost, monotonicity, loss");
    let told = stdout(&train(&["--version", "own-2", "--no-promote"]));
    assert!(told.contains("the model in use stays") && told.contains("report.html"), "{told}");
    let nowhere = train(&["--device", "tpu"]);
    assert_eq!(nowhere.status.code(), Some(2));
}
