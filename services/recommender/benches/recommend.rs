//! One recommendation, and its parts: the search with the base model, and one call of the network.

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on fails")]

use std::{hint::black_box, path::PathBuf, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use paramedic_domain::{Policy, RecommendationRequest};
use paramedic_recommender::{
    facts::Facts,
    features::FeatureSpace,
    model::Model,
    pipeline::{self, Inputs},
    settings::RecommenderSettings,
};
use paramedic_spark::{MemoryModel, PriceTable};

fn request() -> RecommendationRequest {
    serde_json::from_value(serde_json::json!({
        "job": {"scheduler": "airflow", "workflow": "daily", "job": "orders", "run": "1", "attempt": 1},
        "config": {"spark.master": "yarn", "spark.executor.memory": "2g", "spark.executor.cores": "4"},
        "classification": {"class": "SparkExecutorHeapOom", "category": "memory_configuration",
            "memory_side": "executor_heap", "restartable": false, "summary": "", "evidence": [], "captures": {}, "matched": []},
    }))
    .expect("the request is one")
}

fn benches(criterion: &mut Criterion) {
    let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/base-1");
    let model = Arc::new(Model::load(&base).expect("the base model loads"));
    let settings = RecommenderSettings::default();
    criterion.bench_function("recommend", |bencher| {
        bencher.iter(|| {
            let inputs = Inputs {
                request: request(),
                attempts: Vec::new(),
                samples: Vec::new(),
                policy: Policy::default(),
                model: Some(model.clone()),
                degraded: Vec::new(),
            };
            black_box(pipeline::recommend(inputs, &settings))
        });
    });
    let request = request();
    let memory = MemoryModel::of(&request.config).expect("the configuration is one");
    let facts = Facts::gather(&request, &memory, &[], &[]);
    let features = FeatureSpace::new(&facts, memory.clone(), PriceTable::default());
    let context = features.context(model.hash());
    let candidates: Vec<_> = (0..256).map(|_| features.candidate(&memory)).collect();
    criterion.bench_function("score 256 candidates", |bencher| {
        bencher.iter(|| black_box(model.request(&context).score(&candidates)));
    });
}

criterion_group!(all, benches);
criterion_main!(all);
