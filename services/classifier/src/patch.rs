//! Storing a recommended configuration as a patch for the run's next attempts.

use paramedic_domain::{
    Action, Classification, Configuration, FailureId, Job, NewPatch, Owner, Patch, PatchId, PatchReference,
    PatchStatus, Recommendation, Scope, Timestamp, own_values, patch::REASON_BYTES_MAX,
};
use paramedic_service::ClientError;

use crate::{
    degraded::{
        CONFIGSVC_REFUSED, CONFIGSVC_UNAVAILABLE, Degraded, RECOMMENDATION_EMPTY, RECOMMENDATION_TOUCHES_SECRET,
    },
    secrets,
    state::Classifier,
};

/// The failure that a patch heals.
pub(crate) struct Occasion<'a> {
    pub(crate) failure_id: FailureId,
    pub(crate) job: &'a Job,
    /// The configuration that it was submitted with.
    pub(crate) submitted: &'a Configuration,
    /// The patches that it ran with.
    pub(crate) ran_with: &'a [Patch],
    pub(crate) classification: &'a Classification,
    /// When the failure was first reported.
    pub(crate) reported_at: Timestamp,
    /// The job is held out as control: what would heal it is computed and not given.
    pub(crate) control: bool,
}

/// Who computed a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchSource {
    /// The recommender's search.
    Recommender,
    /// A rule's remedy.
    Rule,
}

impl PatchSource {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Recommender => "recommender",
            Self::Rule => "rule",
        }
    }
}

impl Classifier {
    /// Stores the recommended configuration, where there is one. The failure's id is the idempotency key: however often
    /// the failure is reported, it has one patch.
    pub(crate) async fn store_patch(
        &self,
        occasion: &Occasion<'_>,
        source: PatchSource,
        recommendation: Option<&Recommendation>,
        degraded: &mut Degraded,
    ) -> Option<PatchReference> {
        let recommendation = recommendation.filter(|it| it.action == Action::RetryWithConfig && !occasion.control)?;
        if recommendation.patch.0.is_empty() {
            degraded.add_because(RECOMMENDATION_EMPTY, &"a retry with a configuration that changes nothing");
            return None;
        }
        if secrets::patch_touches(&recommendation.patch) {
            degraded.add_because(RECOMMENDATION_TOUCHES_SECRET, &"what was masked on the way must not become a change");
            return None;
        }
        let patch = self.new_patch(occasion, source, recommendation);
        let key = occasion.failure_id.to_string();
        match self.configsvc.create_patch(&patch, Some(&key)).await {
            Ok(patch) => reference(&patch),
            Err(error) if error.problem().is_some_and(|problem| problem.status == 409) => {
                self.patch_of_earlier_report(&key, &error, degraded).await
            }
            Err(error) => {
                missed(&error, degraded);
                None
            }
        }
    }

    fn new_patch(&self, occasion: &Occasion<'_>, source: PatchSource, recommendation: &Recommendation) -> NewPatch {
        let mut patch = NewPatch {
            scope: Scope::next_attempts_of(occasion.job),
            patch: recommendation.patch.clone(),
            source: source.as_str().to_owned(),
            reason: Some(reason(occasion, recommendation)),
            expires_at: Some(occasion.reported_at.plus_seconds(self.bounds.patch_lifetime_s)),
            decision_id: Some(occasion.failure_id),
            ..NewPatch::default()
        };
        // The change is to what the attempt ran with: what earlier patches had set there is carried on, as they may go.
        let changed = patch.values();
        let carried = occasion.ran_with.iter().filter(|earlier| earlier.content.owner() == Owner::Recommender);
        for key in carried.flat_map(|earlier| earlier.content.values().into_keys()) {
            if !changed.contains_key(&key) {
                let value = recommendation.config.get(&key).cloned();
                patch.merge.insert(key, value);
            }
        }
        let keys = patch.values();
        patch.only_if = own_values(keys.keys().map(String::as_str), occasion.submitted, occasion.ran_with);
        // What the report did not name may have come from elsewhere, and is not held against the job.
        patch.only_if.retain(|_, value| value.is_some());
        patch
    }

    /// A report before this one (with other logs, cut off before its decision was stored) has made the patch: that one
    /// is in force, so that one is named.
    async fn patch_of_earlier_report(
        &self,
        key: &str,
        conflict: &ClientError,
        degraded: &mut Degraded,
    ) -> Option<PatchReference> {
        match self.configsvc.patch(PatchId::of(key)).await {
            Ok(Some(patch)) => reference(&patch),
            Ok(None) => {
                missed(conflict, degraded);
                None
            }
            Err(error) => {
                missed(&error, degraded);
                None
            }
        }
    }
}

fn reference(patch: &Patch) -> Option<PatchReference> {
    // Someone may have paused or revoked it since the first report: then no patch carries the configuration.
    let active = patch.status == PatchStatus::Active;
    active.then_some(PatchReference { id: patch.id, expires_at: patch.content.expires_at })
}

fn missed(error: &ClientError, degraded: &mut Degraded) {
    let refused = error.problem().is_some_and(|problem| problem.status < 500);
    degraded.add_because(if refused { CONFIGSVC_REFUSED } else { CONFIGSVC_UNAVAILABLE }, error);
}

/// Why, in words: the same for the same recommendation.
fn reason(occasion: &Occasion<'_>, recommendation: &Recommendation) -> String {
    let Classification { class, summary, .. } = occasion.classification;
    let mut reason = format!("Attempt {} failed with {class}: {summary}", occasion.job.attempt);
    for sentence in &recommendation.explanation {
        reason.push(' ');
        reason.push_str(sentence);
    }
    let end = (0..=reason.len().min(REASON_BYTES_MAX)).rev().find(|end| reason.is_char_boundary(*end));
    reason.truncate(end.unwrap_or(0));
    reason
}
