//! What the end of an attempt means for the patches that it ran with: proven ones are widened to the job or renewed, those
//! that did not help are taken back.

use paramedic_domain::{
    Action, AttemptStatus, Category, Configuration, FailureId, Job, NewPatch, Owner, Patch, PatchId, PatchStatus,
    Scope, patch::REASON_BYTES_MAX,
};
use paramedic_service::ClientError;
use paramedic_store::PatchFilter;

use crate::{
    degraded::{CONFIGSVC_REFUSED, CONFIGSVC_UNAVAILABLE, Degraded},
    patch::Occasion,
    state::Classifier,
};

/// Most patches of one job that are looked at.
const PATCHES_MAX: u32 = 200;
/// A patch that still applies for this share of its life is not renewed yet: a job that runs each minute writes once a day.
const RENEW_BELOW: f64 = 13.0 / 14.0;

impl Classifier {
    /// The patches that an attempt ran with, oldest first: those that it started with and whose values its configuration
    /// shows. (A value that the job's code or a stronger patch has set over it was not tried.)
    pub(crate) async fn ran_with(&self, job: &Job, config: &Configuration, degraded: &mut Degraded) -> Vec<Patch> {
        let now = self.clock.now();
        let attempt = FailureId::of(&job.attempt_key());
        let started = self.in_time(Box::pin(self.store.patches_of_attempt(attempt, now)), degraded).await;
        let Some(mut patches) = started else { return Vec::new() };
        if patches.is_empty() {
            // A start that is not written down yet, or was asked for as another attempt: what is in force for it.
            let mut in_force = self.patches_naming(job, degraded).await;
            in_force.retain(|patch| patch.content.scope.matches(job) && patch.content.rolls_out_to(patch.id, job));
            in_force.reverse();
            patches = in_force;
        }
        patches.retain(|patch| patch.content.shows_in(config));
        patches
    }

    /// The patches in force whose scope names this job, newest first.
    async fn patches_naming(&self, job: &Job, degraded: &mut Degraded) -> Vec<Patch> {
        let filter = PatchFilter {
            status: Some(PatchStatus::Active),
            scheduler: Some(job.scheduler.clone()),
            workflow: Some(job.workflow.clone()),
            job: Some(job.job.clone()),
            ..PatchFilter::default()
        };
        let found = self.store.list_patches(&filter, PATCHES_MAX, None, self.clock.now());
        self.in_time(Box::pin(found), degraded).await.map_or_else(Vec::new, |page| page.items)
    }

    /// After a failure: the patches for this run that it happened in spite of are taken back, once what heals it is stored.
    pub(crate) async fn settle_failure(&self, occasion: &Occasion<'_>, decided: Action, degraded: &mut Degraded) {
        let memory = matches!(occasion.classification.category, Category::MemoryConfiguration | Category::Unclassified);
        // Lost to something that passes: the raised value was not proven wrong, and stays.
        if memory && decided != Action::RetryUnchanged {
            let because = format!("attempt {} failed with {}", occasion.job.attempt, occasion.classification.class);
            self.take_back(occasion.job, occasion.ran_with, &because, degraded).await;
        }
    }

    /// After an outcome: a success proves the patches, a failure that nobody classified disproves them.
    pub(crate) async fn settle_outcome(
        &self,
        job: &Job,
        status: AttemptStatus,
        ran_with: &[Patch],
        degraded: &mut Degraded,
    ) {
        match status {
            AttemptStatus::Failed => {
                self.take_back(job, ran_with, &format!("attempt {} failed", job.attempt), degraded).await;
            }
            AttemptStatus::Succeeded => {
                let mut proven = ran_with.iter().rev().filter(|patch| patch.content.owner() == Owner::Recommender);
                // The newest has the last word: what was set before it is carried in it.
                let Some(patch) = proven.next() else { return };
                if patch.content.scope.run.is_some() {
                    self.widen(job, patch, degraded).await;
                } else if patch.is_for_job(job) {
                    self.renew(job, patch, degraded).await;
                }
            }
        }
    }

    /// Makes the patch of a run one of the whole job, in place of the one that the job had.
    async fn widen(&self, job: &Job, proven: &Patch, degraded: &mut Degraded) {
        let Some(failure) = proven.content.decision_id else { return };
        let in_force = self.patches_naming(job, degraded).await;
        let is_before = |patch: &&Patch| patch.is_for_job(job) && patch.content.owner() == Owner::Recommender;
        let before = in_force.iter().find(is_before).map(|patch| patch.id);
        let id = PatchId::of_job(failure);
        if before == Some(id) {
            return;
        }
        let mut reason = format!("Attempt {} of run {} succeeded with it. ", job.attempt, job.run);
        reason.push_str(proven.content.reason.as_deref().unwrap_or_default());
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let scope = Scope {
            scheduler: Some(job.scheduler.clone()),
            workflow: Some(job.workflow.clone()),
            job: Some(job.job.clone()),
            ..Scope::default()
        };
        let patch = NewPatch {
            scope,
            reason: Some(reason),
            expires_at: Some(self.clock.now().plus_seconds(self.bounds.job_patch_lifetime_s)),
            max_uses: None,
            supersedes: Some(before.unwrap_or(proven.id)),
            ..proven.content.clone()
        };
        let created = self.configsvc.create_patch(&patch, Some(&PatchId::widening_key(failure))).await;
        match created {
            Ok(_) => metrics::counter!("paramedic_patches_widened_total").increment(1),
            // It was widened by an earlier report, and changed or taken back since.
            Err(error) if error.problem().is_some_and(|problem| problem.status == 409) => {}
            Err(error) => missed(&error, degraded),
        }
    }

    async fn renew(&self, job: &Job, proven: &Patch, degraded: &mut Degraded) {
        let (now, life) = (self.clock.now(), self.bounds.job_patch_lifetime_s);
        let left = proven.content.expires_at.map_or(f64::INFINITY, |end| end.seconds_since(now));
        if left >= life as f64 * RENEW_BELOW || proven.status != PatchStatus::Active {
            return;
        }
        let reason = format!("Attempt {} of run {} succeeded with it.", job.attempt, job.run);
        let renewed = self.configsvc.renew_patch(proven.id, Some(now.plus_seconds(life)), None, Some(&reason)).await;
        match renewed {
            Ok(_) => metrics::counter!("paramedic_patches_renewed_total").increment(1),
            Err(error) => missed(&error, degraded),
        }
    }

    async fn take_back(&self, job: &Job, ran_with: &[Patch], because: &str, degraded: &mut Degraded) {
        for patch in ran_with {
            let of_run = patch.content.scope.run.as_ref() == Some(&job.run);
            let in_force = matches!(patch.status, PatchStatus::Active | PatchStatus::Paused);
            if !of_run || !in_force || patch.content.owner() != Owner::Recommender {
                continue;
            }
            let reason = format!("It did not help: {because} although it ran with it.");
            match self.configsvc.revoke_patch(patch.id, Some(&reason)).await {
                Ok(_) => metrics::counter!("paramedic_patches_taken_back_total").increment(1),
                Err(error) => missed(&error, degraded),
            }
        }
    }
}

pub(crate) fn missed(error: &ClientError, degraded: &mut Degraded) {
    let refused = error.problem().is_some_and(|problem| problem.status < 500);
    degraded.add_because(if refused { CONFIGSVC_REFUSED } else { CONFIGSVC_UNAVAILABLE }, error);
}
