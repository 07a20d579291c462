//! Changes to a patch: each is one more version and one more entry of its history.

use paramedic_domain::{NewPatch, Patch, PatchId, PatchStatus, Timestamp};
use sqlx::Connection;

use super::row;
use crate::{Store, StoreError, json, pool::run};

/// How often a change is decided again after someone else changed the patch between its read and its write.
const TRIES_MAX: usize = 16;

/// What to do to a patch.
#[derive(Clone, Debug)]
pub enum PatchUpdate {
    /// Give it another content; one that had expired may apply again.
    Replace(Box<NewPatch>),
    /// It does not apply until it is resumed.
    Pause,
    /// It applies again.
    Resume,
    /// Take it back, for ever.
    Revoke,
}

impl PatchUpdate {
    /// The name of the change in the history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Replace(_) => "update",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
        }
    }

    /// The status and content after it; nothing when the patch is so already. `stored` is its status but for the clock.
    fn applied_to(&self, patch: &Patch, stored: PatchStatus) -> Result<Option<(PatchStatus, NewPatch)>, StoreError> {
        let wrong = |change| Err(StoreError::WrongStatus { id: patch.id.to_string(), status: patch.status, change });
        let content = || patch.content.clone();
        match (self, patch.status) {
            (Self::Revoke, PatchStatus::Revoked)
            | (Self::Pause, PatchStatus::Paused)
            | (Self::Resume, PatchStatus::Active) => Ok(None),
            (Self::Revoke, _) => Ok(Some((PatchStatus::Revoked, content()))),
            (Self::Pause, PatchStatus::Active) => Ok(Some((PatchStatus::Paused, content()))),
            (Self::Pause, _) => wrong("be paused"),
            (Self::Resume, PatchStatus::Paused) => Ok(Some((PatchStatus::Active, content()))),
            (Self::Resume, _) => wrong("be resumed"),
            (Self::Replace(_), PatchStatus::Revoked) => wrong("be changed"),
            (Self::Replace(new), _) => Ok(Some((stored, (**new).clone()))),
        }
    }
}

/// Appends the entry for `$patch`, as it is after the change, within a transaction of either engine.
macro_rules! append_history {
    ($transaction:ident, $patch:expr, $change:expr, $actor:expr, $reason:expr, $after:expr) => {
        sqlx::query(
            "insert into patch_history (patch_id, version, change, actor, reason, changed_at, after) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind($patch.id.to_string())
        .bind(i64::from($patch.version))
        .bind($change)
        .bind($actor)
        .bind($crate::patches::change::without_nul($reason))
        .bind($patch.updated_at.as_microseconds())
        .bind($after)
        .execute(&mut *$transaction)
        .await?
    };
}
pub(super) use append_history;

/// PostgreSQL holds no NUL in a text. Within JSON it is escaped; a reason is a text of its own.
pub(super) fn without_nul(reason: Option<&str>) -> Option<String> {
    reason.map(|reason| reason.replace('\0', "\u{FFFD}"))
}

impl Store {
    /// Changes a patch and returns it as it is then. Where `expected_version` is given and the patch is at another,
    /// nothing changes ([`StoreError::Conflict`]). Pausing a paused patch, resuming an active one and revoking a revoked
    /// one change nothing and are no errors, so that a repeated request is none.
    pub async fn change_patch(
        &self,
        id: PatchId,
        expected_version: Option<u32>,
        update: &PatchUpdate,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Patch, StoreError> {
        let mut found = 0;
        for _ in 0..TRIES_MAX {
            let row = self.existing_row(id).await?;
            let (stored, before) = (row.stored_status()?, row.patch_at(now)?);
            if let Some(expected) = expected_version.filter(|expected| *expected != before.version) {
                return Err(conflict(id, expected, before.version));
            }
            let Some((status, content)) = update.applied_to(&before, stored)? else { return Ok(before) };
            let shown = row::status_at(status, &content, before.uses, now);
            found = before.version;
            let after = Patch { version: found + 1, status: shown, content, updated_at: now, ..before };
            if self.write_change(&after, status, update.name(), actor, reason).await? {
                return Ok(after);
            }
        }
        Err(conflict(id, found, found + 1))
    }

    /// Writes `after` over the version before it, together with its history; `false` when that version is gone.
    async fn write_change(
        &self,
        after: &Patch,
        status: PatchStatus,
        change: &str,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (content, scope) = (&after.content, &after.content.scope);
        let (text, whole) = (json::write("patch", content)?, json::write("patch", after)?);
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let updated = sqlx::query(
                "update patches set version = version + 1, status = $3, content = $4, source = $5, \
                 scope_scheduler = $6, scope_cluster = $7, scope_workflow = $8, scope_job = $9, scope_run = $10, \
                 scope_user = $11, scope_after_attempt = $12, expires_at = $13, max_uses = $14, updated_at = $15 \
                 where id = $1 and version = $2",
            )
            .bind(after.id.to_string())
            .bind(i64::from(after.version) - 1)
            .bind(status.as_str())
            .bind(text)
            .bind(&content.source)
            .bind(scope.scheduler.as_deref().unwrap_or_default())
            .bind(scope.cluster.as_deref().unwrap_or_default())
            .bind(scope.workflow.as_deref().unwrap_or_default())
            .bind(scope.job.as_deref().unwrap_or_default())
            .bind(scope.run.as_deref().unwrap_or_default())
            .bind(scope.user.as_deref().unwrap_or_default())
            .bind(i64::from(scope.after_attempt.unwrap_or_default()))
            .bind(content.expires_at.map(Timestamp::as_microseconds))
            .bind(content.max_uses.map(i64::from))
            .bind(after.updated_at.as_microseconds())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            if updated == 1 {
                append_history!(transaction, after, change, actor, reason, whole);
            }
            transaction.commit().await?;
            Ok(updated == 1)
        })
    }
}

fn conflict(id: PatchId, expected: u32, found: u32) -> StoreError {
    StoreError::Conflict { what: format!("patch {id}"), expected, found }
}
