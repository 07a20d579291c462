//! The store, where it answers in time; else the decision goes on without it.

use std::future::Future;

use paramedic_domain::{Decision, FailureId, FailureReport, Job, Patch, RecommendationId, Timestamp};
use paramedic_store::StoreError;

use crate::{
    degraded::{Degraded, STORE_UNAVAILABLE},
    state::Classifier,
};

/// What the store knows of a failure.
pub(crate) enum Begun {
    /// It was decided before.
    Decided(Box<Decision>),
    /// It was first reported then, and is not decided.
    Undecided(Timestamp),
}

impl Classifier {
    /// Stores the report, or finds what became of the first report of this failure.
    pub(crate) async fn begin(&self, report: &FailureReport, id: FailureId, degraded: &mut Degraded) -> Begun {
        let now = self.clock.now();
        let begun = self.in_time(Box::pin(self.store.begin_failure(report, id, now)), degraded).await;
        if begun.as_ref().is_some_and(|begun| !begun.first)
            && let Some(Some(decision)) = self.in_time(Box::pin(self.store.decision(id)), degraded).await
        {
            return Begun::Decided(Box::new(decision));
        }
        Begun::Undecided(begun.map_or(now, |begun| begun.reported_at))
    }

    /// Stores the decision; the one that is stored is the answer.
    pub(crate) async fn finish(&self, decision: Decision) -> Decision {
        let mut missed = Degraded::default();
        let storing = Box::pin(self.store.finish_decision(&decision));
        if let Some(stored) = self.in_time(storing, &mut missed).await {
            return stored;
        }
        let mut decision = decision;
        if !decision.degraded.iter().any(|part| part == STORE_UNAVAILABLE) {
            decision.degraded.extend(missed.into_vec());
        }
        decision
    }

    /// The recommendation whose configuration this attempt ran with: that of the newest patch for its run that shows in it.
    pub(crate) async fn followed_recommendation(
        &self,
        job: &Job,
        ran_with: &[Patch],
        degraded: &mut Degraded,
    ) -> Option<RecommendationId> {
        let of_run = ran_with.iter().rev().find(|patch| patch.content.scope.run.as_ref() == Some(&job.run))?;
        let decision = self.in_time(Box::pin(self.store.decision(of_run.content.decision_id?)), degraded).await??;
        decision.recommendation.map(|recommendation| recommendation.recommendation_id)
    }

    /// What the call answers, in time. (Its future is large: box it.)
    pub(crate) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
        degraded: &mut Degraded,
    ) -> Option<T> {
        match tokio::time::timeout(self.bounds.store_timeout, call).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => degraded.add_because(STORE_UNAVAILABLE, &error),
            Err(_) => degraded.add_because(STORE_UNAVAILABLE, &"it did not answer in time"),
        }
        None
    }
}
