//! The base model that ships, held against retries that were run on real Spark.

use std::path::Path;

use paramedic_recommender::{
    model::Model,
    training::{read_measured, summary_of_measured},
};

/// Outcomes near the frontier are random, and there are few.
const AUC_MIN: f64 = 0.85;

#[test]
fn the_base_model_agrees_with_real_spark() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let model = Model::load(&models.join("base-1")).unwrap();
    let failures = read_measured(&models.join("measured/retries.jsonl")).unwrap();
    let mut records = Vec::new();
    for failure in &failures {
        let (retries, found): (Vec<_>, Vec<_>) = failure.records(&model).unwrap().into_iter().unzip();
        for ((record, retry), score) in found.iter().zip(retries).zip(model.score_records(&found).unwrap()) {
            println!(
                "{:28} p {:.2} {} predicted {:3.0} s, took {:3.0} s {:?}",
                failure.id,
                score.failure_probability,
                if record.failed { "FAILED" } else { "passed" },
                score.ln_seconds.exp(),
                record.seconds,
                failure.failed.config.changes(&retry.config)
            );
        }
        records.extend(found);
    }
    let found = summary_of_measured(&model, &records).unwrap();
    println!("{found:?}");
    assert!(found.records > 50 && found.auc > AUC_MIN, "{found:?}");
}
