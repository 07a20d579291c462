//! Settings of the recommender, a struct a section.

use std::{path::PathBuf, time::Duration};

use paramedic_spark::PriceTable;

use crate::right_sizing::RightSizingSettings;

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct RecommenderSettings {
    /// What counts how much.
    pub objective: ObjectiveSettings,
    /// How long and how far to search.
    pub search: SearchSettings,
    /// What cores and memory cost.
    pub prices: PriceTable,
    /// Where models are.
    pub models: ModelSettings,
    /// How memory of jobs that succeed is lowered.
    pub right_sizing: RightSizingSettings,
    /// Share of jobs that are held out as control, 0 to 1.
    pub control_share: f64,
}

/// What counts how much, and where the lines are drawn.
#[derive(Clone, Copy, Debug)]
pub struct ObjectiveSettings {
    /// Weight of the failure probability (0 to 1).
    pub failure_weight: f64,
    /// Weight of the cost over the cost of an unchanged retry.
    ///
    /// | candidate | probability | cost ratio | objective |
    /// |---|---|---|---|
    /// | unchanged | 0.97 | 1.0 | 1.27 |
    /// | twice the memory | 0.45 | 1.1 | 0.78 |
    /// | four times | 0.15 | 1.3 | 0.54 |
    /// | sixteen times | 0.04 | 2.9 | 0.91 |
    pub cost_weight: f64,
    /// Price of each changed setting beside the failing side's own memory, in the objective: a short patch is one that a
    /// person can check, and the model is not exact enough for less.
    pub change_weight: f64,
    /// A recommendation above this failure probability is marked `feasible: false`.
    pub max_failure_probability: f64,
    /// Retries are refused from this failure probability of the best candidate on. High on purpose: a refused retry
    /// that would have worked costs a person's time.
    pub disable_retry_probability: f64,
    /// An unclassified failure is retried unchanged when no candidate is better than that by more than this.
    pub unchanged_margin: f64,
}

impl Default for ObjectiveSettings {
    fn default() -> Self {
        Self {
            failure_weight: 1.0,
            cost_weight: 0.3,
            change_weight: 0.02,
            max_failure_probability: 0.5,
            disable_retry_probability: 0.9,
            unchanged_margin: 0.03,
        }
    }
}

/// How long and how far to search.
#[derive(Clone, Copy, Debug)]
pub struct SearchSettings {
    /// Candidates scored in one search.
    pub evaluations: usize,
    /// Candidates scored in one call of the model.
    pub batch: usize,
    /// The search ends then with the best so far, in milliseconds.
    pub deadline_ms: u64,
    /// Largest factor by which the failing side's memory grows in one step, where the log states no need.
    pub growth_max: f64,
    /// Seed of every search, joined with the attempt's id.
    pub seed: u64,
    /// Alternatives that are shown.
    pub alternatives_max: usize,
    /// Earlier attempts of the job that are looked at.
    pub history_attempts_max: u32,
    /// Host samples of the application that are looked at.
    pub host_samples_max: u32,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            evaluations: 3_072,
            batch: 256,
            deadline_ms: 500,
            growth_max: 16.0,
            seed: 0,
            alternatives_max: 3,
            history_attempts_max: 100,
            host_samples_max: 10_000,
        }
    }
}

impl SearchSettings {
    /// The deadline as a duration.
    pub const fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

/// Where models are.
#[derive(Clone, Debug, Default)]
pub struct ModelSettings {
    /// The models that ship with the program; read only.
    pub base_dir: Option<PathBuf>,
    /// The models trained here, and which one is the champion.
    pub data_dir: Option<PathBuf>,
}
