//! The ledger: what followed from a failure, joined by its id.

use paramedic_domain::{AttemptKey, FailureId, LedgerLine, PatchId};
use paramedic_store::StoreError;

use crate::state::Classifier;

impl Classifier {
    /// The line of a failure; nothing where it is not decided.
    pub(crate) async fn ledger_line(&self, id: FailureId) -> Result<Option<LedgerLine>, StoreError> {
        let Some(decision) = self.store.decision(id).await? else { return Ok(None) };
        let now = self.clock.now();
        let key = decision.job.attempt_key();
        let next = AttemptKey { attempt: key.attempt.saturating_add(1), ..key };
        let retry = self.store.attempt(FailureId::of(&next)).await?;
        let patch = match &decision.patch {
            Some(reference) => self.store.patch(reference.id, now).await?,
            None => None,
        };
        Ok(Some(LedgerLine {
            attempt: self.store.attempt(id).await?,
            job_patch: self.store.patch(PatchId::of_job(id), now).await?,
            outcome: LedgerLine::outcome_of(&decision, retry.as_ref()),
            decision,
            retry_patch: patch,
            retry,
        }))
    }
}
