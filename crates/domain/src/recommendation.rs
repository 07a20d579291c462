//! What the recommender is asked and answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::Classification,
    configuration::Configuration,
    evidence::AttemptEvidence,
    failure::{Action, validate_application_id},
    id::RecommendationId,
    job::Job,
    validation::{Validate, Violation},
};

/// `POST /v1/recommendations`: an attempt failed; what should the retry run with?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendationRequest {
    /// The attempt that failed.
    pub job: Job,
    /// `spark.app.id`, where it got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The configuration it ran with.
    pub config: Configuration,
    /// What it was.
    pub classification: Classification,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<AttemptEvidence>,
}

impl Validate for RecommendationRequest {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.job.validate(&format!("{pointer}/job"), violations);
        self.config.validate(&format!("{pointer}/config"), violations);
        validate_application_id(self.application_id.as_deref(), pointer, violations);
    }
}

/// What the model expects of a retry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prediction {
    /// Probability that the retry fails, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub failure_probability: f64,
    /// Cost of the retry, in US dollars.
    #[schema(minimum = 0)]
    pub cost_usd: f64,
}

/// A candidate that came close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alternative {
    /// The whole configuration.
    pub config: Configuration,
    /// What the model expects of it.
    pub predicted: Prediction,
}

/// The recommender's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Recommendation {
    /// Names this recommendation.
    pub recommendation_id: RecommendationId,
    /// What to do.
    pub action: Action,
    /// The model that scored it; absent when none was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    /// The whole configuration for the retry.
    pub config: Configuration,
    /// The change to the failed configuration, RFC 6902.
    #[schema(value_type = Vec<Object>, example = json!([{"op": "add", "path": "/spark.executor.memory", "value": "2g"}]))]
    pub patch: json_patch::Patch,
    /// What the model expects of `config`; absent when no model was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Prediction>,
    /// What the model expects of a retry with nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Prediction>,
    /// Other candidates, best first.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    /// Why, a sentence each.
    pub explanation: Vec<String>,
    /// Candidates that were scored.
    pub evaluations: u32,
    /// How long the search took.
    pub elapsed_ms: f64,
    /// Within all bounds and below the greatest failure probability that is allowed.
    pub feasible: bool,
    /// What could not be used: `model_missing`, `history_unavailable`, …
    #[serde(default)]
    pub degraded: Vec<String>,
}

impl Recommendation {
    /// A retry with another configuration than `failed`, that no model made: without predictions and alternatives.
    pub fn without_model(
        recommendation_id: RecommendationId,
        failed: &Configuration,
        config: Configuration,
        explanation: Vec<String>,
    ) -> Self {
        Self {
            recommendation_id,
            action: Action::RetryWithConfig,
            model_version: None,
            patch: failed.patch_to(&config),
            config,
            predicted: None,
            baseline: None,
            alternatives: Vec::new(),
            explanation,
            evaluations: 0,
            elapsed_ms: 0.0,
            feasible: true,
            degraded: Vec::new(),
        }
    }
}
