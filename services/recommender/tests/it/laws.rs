//! Laws that hold for any configuration and any failing side, with the base model.

use std::sync::{Arc, LazyLock};

use paramedic_domain::{
    Action, AttemptEvidence, Category, Classification, ClusterLimits, Configuration, MemorySide, Policy,
    Recommendation, RecommendationRequest,
};
use paramedic_recommender::{
    facts::{Facts, capacity_bytes, side_in},
    features::FeatureSpace,
    freedom::Freedom,
    guardrails::Guardrails,
    model::Model,
    pipeline::{Inputs, recommend},
    settings::RecommenderSettings,
};
use paramedic_spark::{MemoryModel, MemorySettings, PriceTable, size};
use proptest::prelude::*;

use crate::server::{base_models, job};

static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| Arc::new(Model::load(&base_models().join("base-1")).unwrap()));

fn mebibytes(range: std::ops::Range<u64>) -> impl Strategy<Value = String> {
    range.prop_map(size::format_mebibytes)
}

prop_compose! {
    fn configuration()(
        master in prop::sample::select(vec!["yarn", "local[2]", "local-cluster[1,2,8192]", "k8s://https://k", "spark://m:7077"]),
        heap in mebibytes(450..16_384),
        driver in mebibytes(450..16_384),
        cores in 1_u32..9,
        overhead in prop::option::of(mebibytes(64..4_096)),
        pyspark in prop::option::of(mebibytes(128..4_096)),
        offheap in prop::option::of(mebibytes(16..4_096)),
        partitions in prop::option::of(1_u32..3_000),
        result in prop::option::of(mebibytes(16..4_096)),
        kryo in prop::option::of(mebibytes(1..1_024)),
    ) -> Configuration {
        let mut config = Configuration::from_iter([
            ("spark.master", master.to_owned()),
            ("spark.executor.memory", heap),
            ("spark.driver.memory", driver),
            ("spark.executor.cores", cores.to_string()),
            ("spark.app.name", "orders by region".to_owned()),
        ]);
        let optional = [
            ("spark.executor.memoryOverhead", overhead),
            ("spark.executor.pyspark.memory", pyspark),
            ("spark.memory.offHeap.enabled", offheap.as_ref().map(|_| "true".to_owned())),
            ("spark.memory.offHeap.size", offheap),
            ("spark.sql.shuffle.partitions", partitions.map(|count| count.to_string())),
            ("spark.driver.maxResultSize", result),
            ("spark.kryoserializer.buffer.max", kryo),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                config.insert(key.to_owned(), value);
            }
        }
        config
    }
}

fn request(config: Configuration, side: MemorySide, executor_gib: Option<u64>) -> RecommendationRequest {
    let limits = ClusterLimits { executor_memory_bytes: executor_gib.map(|gib| gib << 30), ..ClusterLimits::default() };
    RecommendationRequest {
        job: job(1),
        application_id: None,
        config,
        classification: Classification {
            class: "SomethingRanOut".to_owned(),
            category: Category::MemoryConfiguration,
            memory_side: Some(side),
            ..Classification::unclassified()
        },
        evidence: Some(AttemptEvidence { cluster: Some(limits), ..AttemptEvidence::default() }),
    }
}

fn answer(request: RecommendationRequest, model: Option<Arc<Model>>) -> Recommendation {
    let inputs = Inputs {
        request,
        attempts: Vec::new(),
        samples: Vec::new(),
        policy: Policy::default(),
        model,
        degraded: Vec::new(),
    };
    let mut settings = RecommenderSettings::default();
    settings.search.evaluations = 256;
    settings.search.batch = 64;
    recommend(inputs, &settings).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_recommendation_keeps_every_bound(
        config in configuration(),
        side in prop::sample::select(MemorySide::ALL.to_vec()),
        executor_gib in prop::option::of(1_u64..64),
        with_model in any::<bool>(),
    ) {
        let failed = MemoryModel::of(&config).unwrap();
        let model = with_model.then(|| MODEL.clone());
        let recommendation = answer(request(config.clone(), side, executor_gib), model);

        // The patch is the change, and applies to what failed.
        let mut patched = serde_json::to_value(&config).unwrap();
        json_patch::patch(&mut patched, &recommendation.patch).unwrap();
        prop_assert_eq!(patched, serde_json::to_value(&recommendation.config).unwrap());

        if recommendation.action != Action::RetryWithConfig {
            prop_assert_eq!(&recommendation.config, &config);
            return Ok(());
        }
        prop_assert_ne!(&recommendation.config, &config);

        // Within the policy.
        let policy = Policy::default();
        for (key, value) in recommendation.config.iter().filter(|(key, value)| config.get(*key) != Some(value)) {
            prop_assert!(policy.allows(key), "{} = {}", key, value);
        }

        // Spark starts with it, no side has less than what failed, and it fits the cluster where what failed did.
        let memory = MemoryModel::of(&recommendation.config).unwrap();
        let side = side_in(side, &failed);
        prop_assert!(capacity_bytes(&memory, side) >= capacity_bytes(&failed, side));
        if let Some(gib) = executor_gib
            && !memory.local
        {
            prop_assert!(memory.executor_heap <= (gib << 30).max(failed.executor_heap));
        }
    }

    #[test]
    fn the_same_request_gets_the_same_answer(config in configuration(), side in prop::sample::select(MemorySide::ALL.to_vec())) {
        let mut first = answer(request(config.clone(), side, None), Some(MODEL.clone()));
        let second = answer(request(config, side, None), Some(MODEL.clone()));
        first.elapsed_ms = second.elapsed_ms;
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_point_without_texts_is_what_its_texts_say(
        config in configuration(),
        side in prop::sample::select(MemorySide::ALL.to_vec()),
        shares in prop::collection::vec(0.0_f64..1.0, 12),
    ) {
        let request = request(config, side, Some(8));
        let policy = Policy::default();
        let memory = MemorySettings::read(&request.config).unwrap();
        let failed = memory.model();
        let facts = Facts::gather(&request, &failed, &[], &[]);
        let settings = RecommenderSettings::default();
        let freedom = Freedom::of(&facts, &failed, &request.config, &policy, &settings.search).unwrap();
        let guardrails = Guardrails::new(&facts, &failed, &request.config, &policy);
        let Some(space) = freedom.space() else { return Ok(()) };
        let mut point: Vec<f64> = freedom
            .parameters()
            .iter()
            .zip(&shares)
            .map(|((_, bounds), share)| bounds.low + (bounds.high - bounds.low) * share)
            .collect();
        space.clamp(&mut point);
        let written = freedom.write(&point, &failed, &request.config);
        let applied = freedom.apply(&point, &failed, &memory).model();
        prop_assert_eq!(&applied, &MemoryModel::of(&written).unwrap());
        // Where it is admitted, nothing is left to narrow.
        let narrowed = guardrails.narrow(written.clone());
        prop_assert_eq!(guardrails.admit(&applied).then_some(written), narrowed);
    }
}

#[test]
fn the_base_model_scores_as_in_libtorch() {
    let base = [("spark.master", "yarn"), ("spark.executor.memory", "4g"), ("spark.executor.cores", "4")];
    for side in MemorySide::ALL {
        let request = request(base.into_iter().collect(), *side, None);
        let memory = MemorySettings::read(&request.config).unwrap();
        let failed = memory.model();
        let facts = Facts::gather(&request, &failed, &[], &[]);
        let features = FeatureSpace::new(&facts, failed.clone(), PriceTable::default());
        let context = features.context(MODEL.hash());
        let candidates: Vec<_> = (1..100_u64)
            .map(|number| {
                let changed = MemorySettings {
                    executor_memory: number << 28,
                    driver_memory: (100 - number) << 28,
                    task_cpus: 1 + number as u32 % 4,
                    ..memory
                };
                features.candidate(&changed.model())
            })
            .collect();
        let plain = MODEL.request(&context).score(&candidates).unwrap();
        for (plain, libtorch) in plain.iter().zip(MODEL.score(&context, &candidates).unwrap()) {
            assert!((plain.failure_probability - libtorch.failure_probability).abs() < 2e-6, "{plain:?} {libtorch:?}");
            assert!((plain.ln_seconds - libtorch.ln_seconds).abs() < 2e-5, "{plain:?} {libtorch:?}");
        }
    }
}
