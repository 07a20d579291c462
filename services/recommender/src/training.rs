//! Training on simulated records: the base model.

mod audit;

use std::path::PathBuf;

use paramedic_domain::model::{Hashing, ModelManifest};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    model::{
        self, ModelError,
        batch::{Batch, Moments},
        network::{Network, Trainer},
    },
    simulator::{self, Record},
    tokens::TokenHash,
};

/// Rows of the embedding table.
const BUCKETS: u32 = 4_096;
/// Rows of a training step.
const BATCH_ROWS: usize = 512;
/// Most passes over the records.
const EPOCHS_MAX: u32 = 30;
/// Passes without a better validation loss before it stops.
const PATIENCE: u32 = 4;
/// Learning rate at the start; it falls along a cosine to a hundredth.
const LEARNING_RATE: f64 = 3e-3;

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
}

impl Default for SimulatedTraining {
    fn default() -> Self {
        Self { records: 400_000, seed: 1, out: PathBuf::from("models"), version: "base-1".to_owned() }
    }
}

/// How far training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainingProgress {
    /// Records are being simulated.
    Simulating {
        /// Records so far.
        done: u64,
        /// Records in all.
        total: u64,
    },
    /// A pass over the records ended.
    Epoch {
        /// Passes so far.
        epoch: u32,
        /// Most passes.
        epochs_max: u32,
        /// Mean loss of the pass.
        training_loss: f64,
        /// Loss on the validation slice.
        validation_loss: f64,
    },
    /// The audit runs.
    Auditing,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The model could not be trained or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Too few records to split.
    #[error("{0} records are too few to train, validate, calibrate and audit on; give at least {min}", min = RECORDS_MIN)]
    TooFewRecords(u64),
    /// The audit failed: nothing was published.
    #[error("the model did not pass its audit, so nothing was published: {failed}", failed = failed_checks(.0))]
    AuditFailed(Box<ModelManifest>),
}

/// Fewest records that give every slice some.
pub const RECORDS_MIN: u64 = 2_000;

fn failed_checks(manifest: &ModelManifest) -> String {
    let failed: Vec<_> =
        manifest.audit.checks.iter().filter(|(_, passed)| !**passed).map(|(check, _)| check.as_str()).collect();
    failed.join(", ")
}

impl From<model::NetworkError> for TrainingError {
    fn from(error: model::NetworkError) -> Self {
        Self::Model(error.into())
    }
}

/// Trains on simulated records, audits, and publishes under `out` when the audit passes. The same training gives the
/// same weights on the same machine.
pub fn train_simulated(
    training: &SimulatedTraining,
    progress: &mut dyn FnMut(TrainingProgress),
) -> Result<ModelManifest, TrainingError> {
    if training.records < RECORDS_MIN {
        return Err(TrainingError::TooFewRecords(training.records));
    }
    let hash = TokenHash::new(training.seed, BUCKETS);
    let records = simulate(training, &hash, progress);
    let slices = Slices::split(&records);
    let mut moments = Moments::default();
    slices.train.iter().for_each(|record| moments.add(&record.context, &record.candidate));
    let mut manifest = ModelManifest {
        version: training.version.clone(),
        parent_version: None,
        trained_at: None,
        source: "simulated".to_owned(),
        record_count: training.records,
        seed: training.seed,
        features: model::feature_names(),
        normalization: moments.normalization(),
        hashing: Hashing { seed: training.seed, buckets: BUCKETS },
        weights_sha256: String::new(),
        audit: paramedic_domain::model::AuditReport::default(),
    };
    let network = fit(training.seed, &slices, &manifest, progress)?;
    progress(TrainingProgress::Auditing);
    manifest.audit = audit::audit(&network, &manifest.normalization, slices.audit)?;
    if manifest.audit.checks.values().any(|passed| !passed) {
        return Err(TrainingError::AuditFailed(Box::new(manifest)));
    }
    model::publish(&training.out, &mut manifest, &network)?;
    Ok(manifest)
}

fn simulate(training: &SimulatedTraining, hash: &TokenHash, progress: &mut dyn FnMut(TrainingProgress)) -> Vec<Record> {
    let total = training.records;
    (0..total)
        .map(|index| {
            if index % 10_000 == 0 {
                progress(TrainingProgress::Simulating { done: index, total });
            }
            simulator::record(training.seed, index, hash)
        })
        .collect()
}

/// Simulated records have no time: they are split by their place, which is random already.
struct Slices<'a> {
    train: &'a [Record],
    validation: &'a [Record],
    calibration: &'a [Record],
    audit: &'a [Record],
}

impl<'a> Slices<'a> {
    fn split(records: &'a [Record]) -> Self {
        let tenth = records.len() / 10;
        let (train, rest) = records.split_at(records.len() - 3 * tenth);
        let (validation, rest) = rest.split_at(tenth);
        let (calibration, audit) = rest.split_at(tenth);
        Self { train, validation, calibration, audit }
    }
}

fn fit(
    seed: u64,
    slices: &Slices<'_>,
    manifest: &ModelManifest,
    progress: &mut dyn FnMut(TrainingProgress),
) -> Result<Network, TrainingError> {
    let mut trainer = Trainer::new(seed, BUCKETS, LEARNING_RATE)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let validation = batch_of(slices.validation.iter(), manifest);
    let mut order: Vec<usize> = (0..slices.train.len()).collect();
    let mut best = (trainer.evaluate(&validation)?, trainer.snapshot()?);
    let mut without_gain = 0;
    for epoch in 1..=EPOCHS_MAX {
        let falling = f64::midpoint(1.0, (std::f64::consts::PI * f64::from(epoch - 1) / f64::from(EPOCHS_MAX)).cos());
        trainer.set_learning_rate(LEARNING_RATE * falling.max(0.01));
        order.shuffle(&mut rng);
        let mut loss = 0.0;
        for rows in order.chunks(BATCH_ROWS) {
            let batch = batch_of(rows.iter().filter_map(|row| slices.train.get(*row)), manifest);
            loss += trainer.step(&batch)? * rows.len() as f64;
        }
        let validation_loss = trainer.evaluate(&validation)?;
        let training_loss = loss / order.len() as f64;
        progress(TrainingProgress::Epoch { epoch, epochs_max: EPOCHS_MAX, training_loss, validation_loss });
        if validation_loss < best.0 - 1e-5 {
            best = (validation_loss, trainer.snapshot()?);
            without_gain = 0;
        } else {
            without_gain += 1;
            if without_gain >= PATIENCE {
                break;
            }
        }
    }
    trainer.restore(&best.1);
    Ok(trainer.calibrate(&batch_of(slices.calibration.iter(), manifest))?)
}

/// A labelled batch, a context a row.
fn batch_of<'a>(records: impl Iterator<Item = &'a Record>, manifest: &ModelManifest) -> Batch {
    let mut batch = Batch::default();
    for record in records {
        batch.push_context(&manifest.normalization, &record.context);
        batch.push_candidate(&manifest.normalization, &record.candidate);
        batch.failed.push(f32::from(u8::from(record.failed)));
        batch.ln_seconds.push(record.seconds.max(1.0).ln() as f32);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(records: u64, seed: u64) -> Result<ModelManifest, TrainingError> {
        let out = tempfile::tempdir().unwrap();
        let training = SimulatedTraining { records, seed, out: out.path().to_owned(), version: "test".to_owned() };
        train_simulated(&training, &mut |_| ())
    }

    #[test]
    fn the_same_training_gives_the_same_weights() {
        let (first, second, other) = (train(20_000, 7).unwrap(), train(20_000, 7).unwrap(), train(20_000, 8).unwrap());
        assert_eq!(first, second);
        assert_ne!(first.weights_sha256, other.weights_sha256);
    }

    #[test]
    fn too_few_records_are_refused() {
        assert!(matches!(train(100, 1), Err(TrainingError::TooFewRecords(100))));
    }
}
