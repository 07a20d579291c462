//! Healing by what the log itself states: the rule's remedy instead of the recommender's search.

use paramedic_domain::{AttemptRecord, Configuration, PatchReference, Recommendation, RecommendationId};

use crate::{
    degraded::Degraded,
    patch::{Occasion, PatchSource},
    pipeline::step,
    state::Classifier,
};

/// What the retry is given.
#[derive(Default)]
pub(crate) struct Healing {
    pub(crate) recommendation: Option<Recommendation>,
    pub(crate) patch: Option<PatchReference>,
    /// The retry needs no patch: what had lowered its memory is gone.
    pub(crate) given_back: bool,
}

impl Classifier {
    /// Gives back what right sizing took, where it did; else heals by the rule's remedy where there is one and the policy
    /// lets it pass, else by what the recommender says.
    pub(crate) async fn heal(
        &self,
        occasion: &Occasion<'_>,
        attempt: AttemptRecord,
        degraded: &mut Degraded,
    ) -> Healing {
        if let Some(before) = step("give_back", self.give_back(occasion, &attempt.config, degraded)).await {
            step("recommend", self.forward(&attempt, degraded)).await;
            return Healing { recommendation: Some(before), patch: None, given_back: true };
        }
        if let Some(remedy) = remedy(occasion, &attempt.config) {
            let patch = step("patch", self.store_patch(occasion, PatchSource::Rule, Some(&remedy), degraded)).await;
            if patch.is_some() {
                step("recommend", self.forward(&attempt, degraded)).await;
                return Healing { recommendation: Some(remedy), patch, given_back: false };
            }
        }
        let recommendation = step("recommend", self.recommend(attempt, occasion.classification, degraded)).await;
        let patch =
            step("patch", self.store_patch(occasion, PatchSource::Recommender, recommendation.as_ref(), degraded))
                .await;
        Healing { recommendation, patch, given_back: false }
    }
}

/// The rule's remedy as a recommendation that no model made.
fn remedy(occasion: &Occasion<'_>, failed: &Configuration) -> Option<Recommendation> {
    let remedy = &occasion.classification.remedy;
    if remedy.is_empty() {
        return None;
    }
    let mut config = failed.clone();
    config.extend(remedy.0.clone());
    let mut explanation = vec![format!(
        "The log states what is needed, so the rule {} decided, without the model.",
        occasion.classification.class
    )];
    explanation.extend(
        failed.changes(&config).into_iter().map(|(key, old, new)| {
            format!("{key}: {} → {}.", old.unwrap_or("Spark's default"), new.unwrap_or("removed"))
        }),
    );
    let id = RecommendationId::of(occasion.failure_id.to_string().as_bytes());
    Some(Recommendation::without_model(id, failed, config, explanation))
}
