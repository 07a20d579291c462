//! Scores and what they are worth.

use paramedic_domain::Prediction;
use paramedic_spark::MemoryModel;

use crate::{
    features::FeatureSpace,
    model::{Model, ModelError, inference::RequestInference},
    settings::ObjectiveSettings,
};

/// Predicts for configurations of one request.
pub struct Predictor<'a> {
    features: FeatureSpace<'a>,
    request: RequestInference<'a>,
}

impl<'a> Predictor<'a> {
    /// A predictor for one request.
    pub fn new(model: &'a Model, features: FeatureSpace<'a>) -> Self {
        let request = model.request(&features.context(model.hash()));
        Self { features, request }
    }

    /// What the model expects of each configuration, in one call.
    pub fn predict(&self, candidates: &[MemoryModel]) -> Result<Vec<Prediction>, ModelError> {
        let vectors: Vec<_> = candidates.iter().map(|memory| self.features.candidate(memory)).collect();
        let scores = self.request.score(&vectors)?;
        let predictions = scores.iter().zip(&vectors).map(|(score, vector)| Prediction {
            failure_probability: score.failure_probability,
            // Dollars an hour times hours.
            cost_usd: (score.ln_seconds + f64::from(vector.ln_rate)).exp() / 3600.0,
        });
        Ok(predictions.collect())
    }
}

/// What a prediction is worth; smaller is better.
pub fn objective(settings: &ObjectiveSettings, prediction: &Prediction, reference_cost_usd: f64) -> f64 {
    settings.failure_weight * prediction.failure_probability
        + settings.cost_weight * prediction.cost_usd / reference_cost_usd.max(1e-9)
}
