//! Training within the server, by a timer; in a cluster `paramedic train` is a scheduled job instead.

use std::time::Duration;

use paramedic_domain::Timestamp;
use paramedic_store::StoreError;

use crate::{
    RecommenderState,
    tokens::TokenHash,
    training::{self, RecordBuilder, StoreTraining, Trained, TrainingError},
};

/// Days of attempts that are trained on.
pub const DAYS: u32 = 90;
/// Attempts that are read at most.
pub const ATTEMPTS_MAX: u64 = 1_000_000;
/// Simulated records that are trained on beside.
pub const PRIOR_RECORDS: u64 = 30_000;
const SEED: u64 = 1;

/// Why a training within the server gave nothing.
#[derive(Debug, thiserror::Error)]
enum RetrainingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error("it did not end: {0}")]
    Aborted(#[from] tokio::task::JoinError),
    #[error("there is no data directory to keep models in")]
    NoDirectory,
}

impl RecommenderState {
    /// Trains each time that `every` has passed, as long as the runtime lives, and promotes what beats the champion.
    pub fn retrain_every(&self, every: Duration) {
        let state = self.clone();
        tokio::spawn(async move {
            let mut timer = tokio::time::interval(every);
            // The first tick is at once: a server that is started does not begin with training.
            timer.tick().await;
            loop {
                timer.tick().await;
                match state.retrain().await {
                    Ok(trained) => {
                        tracing::info!(
                            version = trained.manifest.version,
                            promoted = trained.beats_champion,
                            "trained"
                        );
                    }
                    Err(RetrainingError::Training(error @ TrainingError::TooFewRecords { .. })) => {
                        tracing::info!(%error, "not trained");
                    }
                    Err(error) => {
                        metrics::counter!("paramedic_training_failures_total").increment(1);
                        tracing::error!(%error, "the training gave no model; the one in use stays");
                    }
                }
            }
        });
    }

    async fn retrain(&self) -> Result<Trained, RetrainingError> {
        let now = self.clock.now();
        let champion = self.models.champion();
        let hashing = training::hashing(champion.as_deref(), SEED);
        let builder = RecordBuilder::new(TokenHash::new(hashing.seed, hashing.buckets), self.settings.prices);
        let since = now.plus_seconds(-i64::from(DAYS) * 24 * 3600);
        let records = training::read_records(&self.store, since, ATTEMPTS_MAX, builder, &mut |_| ()).await?;
        let training = StoreTraining {
            seed: SEED,
            out: self.settings.models.data_dir.clone().ok_or(RetrainingError::NoDirectory)?,
            version: version_at(now),
            trained_at: now,
            prior_records: PRIOR_RECORDS,
            device: crate::model::network::TrainingDevice::Auto,
        };
        let models = self.models.clone();
        let trained = tokio::task::spawn_blocking(move || {
            let trained = training::train_on(&records, &training, champion.as_deref(), &mut |_| ())?;
            if trained.beats_champion {
                models.promote(&trained.manifest.version)?;
            }
            Ok::<_, TrainingError>(trained)
        });
        Ok(trained.await??)
    }
}

/// A version's name: the time, to the second.
pub fn version_at(now: Timestamp) -> String {
    let microseconds = now.as_microseconds();
    Timestamp::from_microseconds(microseconds - microseconds.rem_euclid(1_000_000)).to_string().replace(':', "-")
}
