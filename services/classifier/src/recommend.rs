//! Asking the recommender.

use paramedic_domain::{AttemptRecord, Classification, Recommendation, RecommendationRequest};
use paramedic_service::ClientError;

use crate::{
    degraded::{Degraded, RECOMMENDER_REFUSED, RECOMMENDER_UNAVAILABLE},
    state::Classifier,
};

impl Classifier {
    /// Forwards the failed attempt and, for the classes that are its business, asks what the retry should run with.
    pub(crate) async fn recommend(
        &self,
        attempt: AttemptRecord,
        classification: &Classification,
        degraded: &mut Degraded,
    ) -> Option<Recommendation> {
        let reached = self.forward(&attempt, degraded).await;
        if !reached || !classification.needs_recommendation() {
            return None;
        }
        let request = RecommendationRequest {
            job: attempt.job,
            application_id: attempt.application_id,
            config: attempt.config,
            classification: classification.clone(),
            evidence: attempt.evidence,
        };
        match self.recommender.recommend(&request).await {
            Ok(recommendation) => {
                recommendation.degraded.iter().for_each(|part| degraded.add(part));
                Some(recommendation)
            }
            Err(error) => {
                missed(&error, degraded);
                None
            }
        }
    }

    /// Forwards how an attempt ended. `false`: nothing answers there, so that asking more would only take longer.
    pub(crate) async fn forward(&self, attempt: &AttemptRecord, degraded: &mut Degraded) -> bool {
        match self.recommender.record_attempt(attempt).await {
            Ok(()) => true,
            Err(error) => {
                missed(&error, degraded);
                matches!(error, ClientError::Problem(_))
            }
        }
    }
}

fn missed(error: &ClientError, degraded: &mut Degraded) {
    let refused = error.problem().is_some_and(|problem| problem.status < 500);
    degraded.add_because(if refused { RECOMMENDER_REFUSED } else { RECOMMENDER_UNAVAILABLE }, error);
}
