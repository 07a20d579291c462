//! A challenger beside the champion: what it would have decided.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{failure::Action, id::RecommendationId, recommendation::Prediction};

/// What a challenger would have answered to one request, beside what was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShadowDecision {
    /// The recommendation that was given.
    pub recommendation_id: RecommendationId,
    /// The challenger's version.
    pub challenger: String,
    /// The version that decided.
    pub champion: String,
    /// What the challenger would have decided.
    pub action: Action,
    /// What was decided.
    pub champion_action: Action,
    /// It would have recommended the same configuration.
    pub same_config: bool,
    /// What the challenger expects of its own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Prediction>,
    /// What the challenger expects of the configuration that was given: to be held against the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_given: Option<Prediction>,
    /// What the champion expects of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion_of_given: Option<Prediction>,
}

/// `GET /v1/models/shadow`: the challenger's would-have-been decisions beside the champion's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShadowReport {
    /// The challenger; absent where nothing is shadowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenger: Option<String>,
    /// Requests that it scored, the newest 10,000.
    pub decisions: u64,
    /// It would have taken the same action.
    pub same_action: u64,
    /// It would have recommended the same configuration too.
    pub same_config: u64,
    /// How often which pair of actions came.
    pub actions: Vec<ActionPair>,
    /// Geometric mean of what the challenger expects its choice to cost over what it expects the given one to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_ratio: Option<f64>,
    /// Retries of those requests whose end is known.
    pub outcomes: u64,
    /// Of those, failed.
    pub failed: u64,
    /// Mean log loss of the challenger's failure probability on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_loss: Option<f64>,
    /// The champion's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion_log_loss: Option<f64>,
}

/// How often the champion took one action and the challenger another, or the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionPair {
    /// What was decided.
    pub champion: Action,
    /// What the challenger would have decided.
    pub challenger: Action,
    /// Requests.
    pub decisions: u64,
}
