//! Patches, their uses and their history.

mod change;
mod guard;
mod live;
mod row;
mod uses;

pub use change::PatchUpdate;
pub use guard::GuardedAttempts;
pub use live::ChangedPatch;

use paramedic_domain::{NewPatch, Page, Patch, PatchChange, PatchId, PatchStatus, Timestamp};
use sqlx::Connection;

use crate::{
    Store, StoreError,
    cursor::{Cursor, page, rows},
    failures::holds_nul,
    json,
    pool::run,
    revision::next_revision,
};
use change::{append_history, change_in, in_favour_of, next};
use row::{HistoryRow, PatchRow, patch_columns};

/// PostgreSQL holds no NUL in a text. Within JSON it is escaped; a reason is a text of its own.
pub(crate) fn without_nul(reason: Option<&str>) -> Option<String> {
    reason.map(|reason| reason.replace('\0', "\u{FFFD}"))
}

/// What a list of patches is narrowed to; a field not given narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct PatchFilter {
    /// Patches of this status, expired ones told from active and paused ones by the clock.
    pub status: Option<PatchStatus>,
    /// Patches whose scope names this scheduler.
    pub scheduler: Option<String>,
    /// Patches whose scope names this workflow.
    pub workflow: Option<String>,
    /// Patches whose scope names this job.
    pub job: Option<String>,
    /// Patches whose scope names this run.
    pub run: Option<String>,
    /// Patches of this source.
    pub source: Option<String>,
}

impl Store {
    /// Stores a patch, active or as a draft, and says whether it is new. What it supersedes no longer applies once it is
    /// active. An id that is taken gives the patch as it is now when it was
    /// created with the same content, and [`StoreError::OtherContent`] otherwise.
    pub async fn create_patch(
        &self,
        id: PatchId,
        content: &NewPatch,
        actor: &str,
        now: Timestamp,
    ) -> Result<(Patch, bool), StoreError> {
        let patch = Patch {
            id,
            version: 1,
            status: row::status_at(first_status(content), content, 0, now),
            content: content.clone(),
            uses: 0,
            created_by: actor.to_owned(),
            created_at: now,
            updated_at: now,
        };
        if self.insert_patch(&patch).await? {
            return Ok((patch, true));
        }
        if self.patch_content_at(id, 1).await?.as_ref() != Some(content) {
            return Err(StoreError::OtherContent { id: id.to_string() });
        }
        Ok((self.existing_row(id).await?.patch_at(now)?, false))
    }

    async fn insert_patch(&self, patch: &Patch) -> Result<bool, StoreError> {
        let (id, content) = (patch.id.to_string(), &patch.content);
        let text = json::write("patch", content)?;
        let (now, scope, actor) = (patch.created_at.as_microseconds(), &content.scope, patch.created_by.as_str());
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let revision = next_revision!(transaction);
            let inserted = sqlx::query(
                "insert into patches (id, version, status, content, source, scope_scheduler, scope_cluster, \
                 scope_workflow, scope_job, scope_run, scope_user, scope_after_attempt, expires_at, max_uses, uses, \
                 created_by, created_at, updated_at, revision) \
                 values ($1, 1, $15, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $14, $16) \
                 on conflict (id) do nothing",
            )
            .bind(&id)
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
            .bind(actor)
            .bind(now)
            .bind(first_status(content).as_str())
            .bind(revision)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            if inserted == 0 {
                // Not committed, the transaction ends with nothing changed.
                return Ok(false);
            }
            append_history!(transaction, patch, "create", actor, content.reason.as_deref());
            if let Some(old) = content.supersedes.filter(|_| !content.draft) {
                let because = in_favour_of(patch.id);
                let (update, reason) = (&PatchUpdate::Supersede, Some(because.as_str()));
                change_in!(transaction, revision, old, None, update, actor, reason, patch.created_at);
            }
            transaction.commit().await?;
            Ok(true)
        })
    }

    /// A patch as it is at `now`.
    pub async fn patch(&self, id: PatchId, now: Timestamp) -> Result<Option<Patch>, StoreError> {
        self.patch_row(id).await?.map(|row| row.patch_at(now)).transpose()
    }

    async fn patch_row(&self, id: PatchId) -> Result<Option<PatchRow>, StoreError> {
        run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!("select ", patch_columns!(), " from patches where id = $1"))
                .bind(id.to_string())
                .fetch_optional(connection)
                .await?)
        })
    }

    async fn existing_row(&self, id: PatchId) -> Result<PatchRow, StoreError> {
        self.patch_row(id).await?.ok_or_else(|| StoreError::NotFound { what: "patch", id: id.to_string() })
    }

    /// Patches as they are at `now`, newest first. `limit` is lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn list_patches(
        &self,
        filter: &PatchFilter,
        limit: u32,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Patch>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        if holds_nul([&filter.scheduler, &filter.workflow, &filter.job, &filter.run, &filter.source]) {
            return Ok(page(Vec::new(), limit));
        }
        let found: Vec<PatchRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!(
                "select ",
                patch_columns!(),
                " from patches where (created_at, id) < ($1, $2) \
                 and ($3 is null or scope_scheduler = $3) and ($4 is null or scope_workflow = $4) \
                 and ($5 is null or scope_job = $5) and ($6 is null or scope_run = $6) and ($7 is null or source = $7) \
                 and ($8 is null or $8 = case when status in ('revoked', 'superseded', 'draft') then status \
                 when expires_at <= $9 or uses >= max_uses then 'expired' else status end) \
                 order by created_at desc, id desc limit $10",
            ))
            .bind(after.at)
            .bind(after.id)
            .bind(&filter.scheduler)
            .bind(&filter.workflow)
            .bind(&filter.job)
            .bind(&filter.run)
            .bind(&filter.source)
            .bind(filter.status.map(PatchStatus::as_str))
            .bind(now.as_microseconds())
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let patches = found
            .into_iter()
            .map(|row| Ok((row.cursor(), row.patch_at(now)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page(patches, limit))
    }

    /// The content that a patch had at a version; nothing where there is no such version.
    pub async fn patch_content_at(&self, id: PatchId, version: u32) -> Result<Option<NewPatch>, StoreError> {
        let id = id.to_string();
        let found: Option<(String,)> = run!(self, reader, connection => {
            Ok(sqlx::query_as("select after from patch_history where patch_id = $1 and version = $2")
                .bind(&id)
                .bind(i64::from(version))
                .fetch_optional(connection)
                .await?)
        })?;
        found.map(|(after,)| Ok(json::read::<Patch>("patch", &id, &after)?.content)).transpose()
    }

    /// The history of a patch, newest first. `limit` is lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn patch_history(
        &self,
        id: PatchId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<PatchChange>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        let found: Vec<HistoryRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select h.patch_id, h.version, h.change, h.actor, h.reason, h.decision_id, h.changed_at, h.after, \
                 earlier.after as before from patch_history h left join patch_history earlier \
                 on earlier.patch_id = h.patch_id and earlier.version = h.version - 1 \
                 where h.patch_id = $1 and h.version < $2 order by h.version desc limit $3",
            )
            .bind(id.to_string())
            .bind(after.at)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let changes =
            found.into_iter().map(|row| Ok((row.cursor(), row.change()?))).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page(changes, limit))
    }
}

const fn first_status(content: &NewPatch) -> PatchStatus {
    if content.draft { PatchStatus::Draft } else { PatchStatus::Active }
}
