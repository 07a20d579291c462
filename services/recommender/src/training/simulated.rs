//! Training on simulated records: the base model.

use std::path::PathBuf;

use paramedic_domain::model::{AuditReport, Hashing, ModelManifest};

use super::{
    BUCKETS, Trained, TrainingError, TrainingProgress,
    audit::{self, Bars},
    fit::{Example, Examples, fit},
    publish, report,
};
use crate::{
    model::{self, network::TrainingDevice},
    simulator::{self, Record},
    tokens::TokenHash,
};

/// Fewest records that give every slice some.
const RECORDS_MIN: u64 = 2_000;

/// What to train.
#[derive(Clone, Debug)]
pub struct SimulatedTraining {
    /// Simulated records; of these a tenth validates, a tenth calibrates, a tenth audits.
    pub records: u64,
    /// Seed of simulation, initialization and order.
    pub seed: u64,
    /// Folder that gets a folder for the version.
    pub out: PathBuf,
    /// The version's name.
    pub version: String,
    /// Where to train.
    pub device: TrainingDevice,
}

impl Default for SimulatedTraining {
    fn default() -> Self {
        Self {
            records: 400_000,
            seed: 1,
            out: PathBuf::from("models"),
            version: "base-1".to_owned(),
            device: TrainingDevice::Auto,
        }
    }
}

/// Trains on simulated records, audits, and publishes under `out` when the audit passes. The same training gives the
/// same weights on the same machine's CPU.
pub fn train_simulated(
    training: &SimulatedTraining,
    progress: &mut dyn FnMut(TrainingProgress),
) -> Result<Trained, TrainingError> {
    if training.records < RECORDS_MIN {
        return Err(TrainingError::TooFewRecords { found: training.records, min: RECORDS_MIN });
    }
    let hash = TokenHash::new(training.seed, BUCKETS);
    let records = simulate(training.seed, training.records, &hash, progress);
    // Simulated records have no time: they are split by their place, which is random already.
    let tenth = records.len() / 10;
    let (train, rest) = records.split_at(records.len() - 3 * tenth);
    let (validation, rest) = rest.split_at(tenth);
    let (calibration, audited) = rest.split_at(tenth);
    let examples = Examples {
        train: Example::all(train).collect(),
        validation: Example::all(validation).collect(),
        calibration: Example::all(calibration).collect(),
    };
    let mut manifest = ModelManifest {
        version: training.version.clone(),
        parent_version: None,
        trained_at: None,
        source: "simulated".to_owned(),
        record_count: training.records,
        seed: training.seed,
        features: model::feature_names(),
        normalization: examples.normalization(),
        hashing: Hashing { seed: training.seed, buckets: BUCKETS },
        weights_sha256: String::new(),
        audit: AuditReport::default(),
    };
    let (network, losses) = fit(training.seed, training.device, &examples, &manifest, progress)?;
    progress(TrainingProgress::Auditing);
    let audit = audit::audit(&network, &manifest.normalization, audited, &Bars::SIMULATED)?;
    let report = report::TrainingReport::of(&network, &manifest.normalization, audited, losses, None)?;
    manifest.audit = audit;
    let manifest = publish(&training.out, manifest, &network, &report)?;
    Ok(Trained { manifest, beats_champion: false })
}

/// Simulates `total` records.
pub(super) fn simulate(
    seed: u64,
    total: u64,
    hash: &TokenHash,
    progress: &mut dyn FnMut(TrainingProgress),
) -> Vec<Record> {
    (0..total)
        .map(|index| {
            if index % 10_000 == 0 {
                progress(TrainingProgress::Simulating { done: index, total });
            }
            simulator::record(seed, index, hash)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(records: u64, seed: u64) -> Result<ModelManifest, TrainingError> {
        let out = tempfile::tempdir().unwrap();
        let training = SimulatedTraining {
            records,
            seed,
            out: out.path().to_owned(),
            version: "test".to_owned(),
            device: TrainingDevice::Cpu,
        };
        let trained = train_simulated(&training, &mut |_| ())?;
        for file in [report::JSON_FILE, report::PAGE_FILE] {
            assert!(out.path().join("test").join(file).is_file(), "{file}");
        }
        Ok(trained.manifest)
    }

    #[test]
    fn the_same_training_gives_the_same_weights() {
        let (mut first, mut second) = (train(20_000, 7).unwrap(), train(20_000, 7).unwrap());
        let other = train(20_000, 8).unwrap();
        // How long a batch took is no part of what was trained.
        (first.audit.batch_ms, second.audit.batch_ms) = (0.0, 0.0);
        assert_eq!(first, second);
        assert_ne!(first.weights_sha256, other.weights_sha256);
    }

    #[test]
    fn too_few_records_are_refused() {
        assert!(matches!(train(100, 1), Err(TrainingError::TooFewRecords { found: 100, .. })));
    }
}
