//! Right sizing is taken back on the first failure for want of memory: what was lowered is as it was, at once.

use paramedic_domain::{
    Category, Configuration, Owner, Patch, PatchStatus, Recommendation, RecommendationId, own_values,
};

use crate::{degraded::Degraded, patch::Occasion, settle::missed, state::Classifier};

impl Classifier {
    /// Revokes the right-sizing patches that the attempt ran with. What the retry runs with then, where there was one.
    pub(crate) async fn give_back(
        &self,
        occasion: &Occasion<'_>,
        config: &Configuration,
        degraded: &mut Degraded,
    ) -> Option<Recommendation> {
        let lowered: Vec<&Patch> =
            occasion.ran_with.iter().filter(|patch| patch.content.owner() == Owner::RightSizing).collect();
        if lowered.is_empty() || occasion.classification.category != Category::MemoryConfiguration {
            return None;
        }
        for patch in lowered.iter().filter(|patch| patch.status == PatchStatus::Active) {
            let reason = format!(
                "Attempt {} of run {} failed with {} under it.",
                occasion.job.attempt, occasion.job.run, occasion.classification.class
            );
            match self.configsvc.revoke_patch(patch.id, Some(&reason)).await {
                Ok(_) => metrics::counter!("paramedic_right_sizing_taken_back_total").increment(1),
                Err(error) => {
                    missed(&error, degraded);
                    return None;
                }
            }
        }
        Some(before(occasion, config, &lowered))
    }
}

/// The configuration before right sizing, as a recommendation that no model made and that needs no patch.
fn before(occasion: &Occasion<'_>, config: &Configuration, lowered: &[&Patch]) -> Recommendation {
    let mut restored = config.clone();
    for key in lowered.iter().flat_map(|patch| patch.content.values().into_keys()) {
        // What another patch had set, else the job's own.
        let mut others = occasion.ran_with.iter().rev().filter(|patch| patch.content.owner() != Owner::RightSizing);
        let set = others.find_map(|patch| patch.content.values().remove(&key));
        let own = own_values([key.as_str()], occasion.submitted, occasion.ran_with);
        match set.or_else(|| own.get(&key).cloned()) {
            Some(Some(value)) => drop(restored.insert(key, value)),
            Some(None) => drop(restored.remove(&key)),
            None => {}
        }
    }
    let mut explanation = vec![
        "Right sizing had lowered its memory; that was taken back at once, so the retry has what worked.".to_owned(),
    ];
    explanation.extend(config.changes(&restored).into_iter().map(|(key, old, new)| {
        format!("{key}: {} → {}.", old.unwrap_or("Spark's default"), new.unwrap_or("Spark's default"))
    }));
    let id = RecommendationId::of(format!("give-back:{}", occasion.failure_id).as_bytes());
    Recommendation::without_model(id, config, restored, explanation)
}
