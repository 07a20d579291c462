//! Changes to a patch: each is one more version and one more entry of its history.

use paramedic_domain::{NewPatch, Patch, PatchId, PatchStatus, Timestamp};
use sqlx::Connection;

use super::row::{self, PatchRow, patch_columns};
use crate::{Store, StoreError, json, pool::run, revision::next_revision};

/// What to do to a patch.
#[derive(Clone, Debug)]
pub enum PatchUpdate {
    /// A draft applies from now on, and what it supersedes no longer.
    Activate,
    /// Give it another content; one that had expired may apply again.
    Replace(Box<NewPatch>),
    /// Give it the content that it had at an earlier version.
    Rollback {
        /// That version.
        version: u32,
        /// Its content, as its history has it.
        content: Box<NewPatch>,
    },
    /// Let it apply for longer.
    Renew {
        /// Until when; as before, where not given.
        expires_at: Option<Timestamp>,
        /// To how many mutate calls, those before included; as before, where not given.
        max_uses: Option<u32>,
    },
    /// It does not apply until it is resumed.
    Pause,
    /// It applies again.
    Resume,
    /// Take it back, for ever.
    Revoke,
    /// Another patch takes its place.
    Supersede,
}

impl PatchUpdate {
    /// The name of the change in the history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Replace(_) => "update",
            Self::Rollback { .. } => "rollback",
            Self::Renew { .. } => "renew",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
            Self::Supersede => "supersede",
        }
    }

    /// What it cannot do to a patch whose status does not allow it.
    const fn refused(&self) -> &'static str {
        match self {
            Self::Activate => "be activated",
            Self::Replace(_) => "be changed",
            Self::Rollback { .. } => "be rolled back",
            Self::Renew { .. } => "be renewed",
            Self::Pause => "be paused",
            Self::Resume => "be resumed",
            Self::Revoke => "be revoked",
            Self::Supersede => "be superseded",
        }
    }

    /// The status and content after it; nothing when the patch is so already. `stored` is its status but for the clock.
    fn applied_to(&self, patch: &Patch, stored: PatchStatus) -> Result<Option<(PatchStatus, NewPatch)>, StoreError> {
        use PatchStatus::{Active, Draft, Paused, Revoked, Superseded};
        let to = |status| Ok(Some((status, patch.content.clone())));
        match (self, patch.status) {
            (Self::Revoke, Revoked)
            | (Self::Pause, Paused)
            | (Self::Resume | Self::Activate, Active)
            | (Self::Supersede, Superseded | Revoked) => Ok(None),
            (Self::Revoke, _) => to(Revoked),
            (Self::Supersede, _) => to(Superseded),
            (Self::Pause, Active) => to(Paused),
            (Self::Resume, Paused | Superseded) | (Self::Activate, Draft) => to(Active),
            (Self::Replace(content) | Self::Rollback { content, .. }, status)
                if !matches!(status, Revoked | Superseded) =>
            {
                Ok(Some((stored, (**content).clone())))
            }
            (Self::Renew { expires_at, max_uses }, status) if !matches!(status, Revoked | Superseded) => {
                let mut content = patch.content.clone();
                content.expires_at = expires_at.or(content.expires_at);
                content.max_uses = max_uses.or(content.max_uses);
                Ok((content != patch.content).then_some((stored, content)))
            }
            _ => {
                let (id, status) = (patch.id.to_string(), patch.status);
                Err(StoreError::WrongStatus { id, status, change: self.refused() })
            }
        }
    }
}

/// Appends the entry for `$patch`, as it is after the change, within a transaction of either engine.
macro_rules! append_history {
    ($transaction:ident, $patch:expr, $change:expr, $actor:expr, $reason:expr) => {
        sqlx::query(
            "insert into patch_history (patch_id, version, change, actor, reason, decision_id, changed_at, after) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind($patch.id.to_string())
        .bind(i64::from($patch.version))
        .bind($change)
        .bind($actor)
        .bind($crate::patches::without_nul($reason))
        .bind($patch.content.decision_id.map(|id| id.to_string()))
        .bind($patch.updated_at.as_microseconds())
        .bind($crate::json::write("patch", $patch)?)
        .execute(&mut *$transaction)
        .await?
    };
}
pub(super) use append_history;

/// Reads a patch, changes it and appends the entry, within a transaction that has taken `$revision` and with it the lock
/// under which patches change: nobody else changes it meanwhile. The patch before and after; the same twice where there
/// is nothing to change; nothing where there is no such patch.
macro_rules! change_in {
    ($transaction:ident, $revision:expr, $id:expr, $expected:expr, $update:expr, $actor:expr, $reason:expr, $now:expr) => {{
        let row: Option<PatchRow> = sqlx::query_as(concat!("select ", patch_columns!(), " from patches where id = $1"))
            .bind($id.to_string())
            .fetch_optional(&mut *$transaction)
            .await?;
        match row {
            None => None,
            Some(row) => {
                let (stored, before) = (row.stored_status()?, row.patch_at($now)?);
                let next = next(&before, stored, $expected, $update, $now)?;
                if let Some((status, after)) = &next {
                    let content = &after.content;
                    let scope = &content.scope;
                    sqlx::query(
                        "update patches set version = $2, status = $3, content = $4, source = $5, \
                         scope_scheduler = $6, scope_cluster = $7, scope_workflow = $8, scope_job = $9, \
                         scope_run = $10, scope_user = $11, scope_after_attempt = $12, expires_at = $13, \
                         max_uses = $14, updated_at = $15, revision = $16 where id = $1",
                    )
                    .bind(after.id.to_string())
                    .bind(i64::from(after.version))
                    .bind(status.as_str())
                    .bind(json::write("patch", content)?)
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
                    .bind($revision)
                    .execute(&mut *$transaction)
                    .await?;
                    append_history!($transaction, after, $update.name(), $actor, $reason);
                }
                Some((before, next.map(|(_, after)| after)))
            }
        }
    }};
}
pub(super) use change_in;

/// What `update` makes of a patch; nothing where it is so already.
pub(super) fn next(
    before: &Patch,
    stored: PatchStatus,
    expected_version: Option<u32>,
    update: &PatchUpdate,
    now: Timestamp,
) -> Result<Option<(PatchStatus, Patch)>, StoreError> {
    if let Some(expected) = expected_version.filter(|expected| *expected != before.version) {
        return Err(StoreError::Conflict { what: format!("patch {}", before.id), expected, found: before.version });
    }
    let Some((status, content)) = update.applied_to(before, stored)? else { return Ok(None) };
    let shown = row::status_at(status, &content, before.uses, now);
    let version = before.version + 1;
    Ok(Some((status, Patch { version, status: shown, content, updated_at: now, ..before.clone() })))
}

/// Why a patch was superseded.
pub(super) fn in_favour_of(id: PatchId) -> String {
    format!("patch {id} takes its place")
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
        // Boxed: with both engines' arms it is large.
        let changed = Box::pin(async {
            run!(self, writer, connection => {
                let mut transaction = connection.begin().await?;
                let revision = next_revision!(transaction);
                let Some((before, after)) =
                    change_in!(transaction, revision, id, expected_version, update, actor, reason, now)
                else {
                    return Ok(None);
                };
                // Not committed, the transaction ends with nothing changed.
                let Some(after) = after else { return Ok(Some(before)) };
                let old = after.content.supersedes.filter(|_| matches!(update, PatchUpdate::Activate));
                if let Some(old) = old {
                    let because = in_favour_of(id);
                    let supersede = &PatchUpdate::Supersede;
                    change_in!(transaction, revision, old, None, supersede, actor, Some(because.as_str()), now);
                }
                transaction.commit().await?;
                Ok(Some(after))
            })
        })
        .await?;
        changed.ok_or_else(|| StoreError::NotFound { what: "patch", id: id.to_string() })
    }
}
