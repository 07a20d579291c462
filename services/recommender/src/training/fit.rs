//! Fitting a network: shuffled batches, a falling learning rate, early stopping, calibration.

use paramedic_domain::model::ModelManifest;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{TrainingError, TrainingProgress, report::EpochLoss};
use crate::{
    model::{
        batch::{Batch, Moments},
        network::{Network, Trainer, TrainingDevice},
    },
    simulator::Record,
};

/// Rows of a training step.
const BATCH_ROWS: usize = 512;
/// Most passes over the records.
const EPOCHS_MAX: u32 = 30;
/// Passes without a better validation loss before it stops.
const PATIENCE: u32 = 4;
/// Learning rate at the start; it falls along a cosine to a hundredth.
const LEARNING_RATE: f64 = 3e-3;

/// A record, and how much it counts.
#[derive(Clone, Copy)]
pub(super) struct Example<'a> {
    pub(super) record: &'a Record,
    pub(super) weight: f32,
}

impl<'a> Example<'a> {
    /// Records that count once each.
    pub(super) fn all(records: &'a [Record]) -> impl Iterator<Item = Self> {
        records.iter().map(|record| Self { record, weight: 1.0 })
    }
}

/// What a fit works on.
pub(super) struct Examples<'a> {
    pub(super) train: Vec<Example<'a>>,
    pub(super) validation: Vec<Example<'a>>,
    pub(super) calibration: Vec<Example<'a>>,
}

impl Examples<'_> {
    /// Means and deviations of what is trained on.
    pub(super) fn normalization(&self) -> paramedic_domain::model::Normalization {
        let mut moments = Moments::default();
        self.train.iter().for_each(|example| moments.add(&example.record.context, &example.record.candidate));
        moments.normalization()
    }
}

/// Trains, goes back to the pass with the least validation loss, and calibrates. On the CPU the same seed gives the same
/// weights.
pub(super) fn fit(
    seed: u64,
    device: TrainingDevice,
    examples: &Examples<'_>,
    manifest: &ModelManifest,
    progress: &mut dyn FnMut(TrainingProgress),
) -> Result<(Network, Vec<EpochLoss>), TrainingError> {
    let mut trainer = Trainer::new(seed, manifest.hashing.buckets, LEARNING_RATE, device)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let validation = batch_of(examples.validation.iter().copied(), manifest);
    let mut order: Vec<usize> = (0..examples.train.len()).collect();
    let mut best = (trainer.evaluate(&validation)?, trainer.snapshot()?);
    let mut losses = Vec::new();
    let mut without_gain = 0;
    for epoch in 1..=EPOCHS_MAX {
        let falling = f64::midpoint(1.0, (std::f64::consts::PI * f64::from(epoch - 1) / f64::from(EPOCHS_MAX)).cos());
        trainer.set_learning_rate(LEARNING_RATE * falling.max(0.01));
        order.shuffle(&mut rng);
        let mut loss = 0.0;
        for rows in order.chunks(BATCH_ROWS) {
            let batch = batch_of(rows.iter().filter_map(|row| examples.train.get(*row).copied()), manifest);
            loss += trainer.step(&batch)? * rows.len() as f64;
        }
        let validation_loss = trainer.evaluate(&validation)?;
        let training_loss = loss / order.len() as f64;
        losses.push(EpochLoss { training: training_loss, validation: validation_loss });
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
    let network = trainer.calibrate(&batch_of(examples.calibration.iter().copied(), manifest))?;
    Ok((network, losses))
}

/// A labelled batch, a context a row.
fn batch_of<'a>(examples: impl Iterator<Item = Example<'a>>, manifest: &ModelManifest) -> Batch {
    let mut batch = Batch::default();
    for Example { record, weight } in examples {
        batch.push_context(&manifest.normalization, &record.context);
        batch.push_candidate(&manifest.normalization, &record.candidate);
        batch.failed.push(f32::from(u8::from(record.failed)));
        let timed = record.seconds.is_finite();
        batch.timed.push(f32::from(u8::from(timed)));
        batch.ln_seconds.push(if timed { record.seconds.max(1.0).ln() as f32 } else { 0.0 });
        batch.weight.push(weight);
    }
    batch
}
