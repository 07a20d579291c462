//! Patches, their uses and their history.

mod change;
mod row;

pub use change::PatchUpdate;

use paramedic_domain::{Job, NewPatch, Page, Patch, PatchChange, PatchId, PatchStatus, Timestamp};
use sqlx::Connection;

use crate::{
    Store, StoreError,
    cursor::{Cursor, page, rows},
    failures::holds_nul,
    json,
    pool::run,
};
use row::{HistoryRow, PatchRow, patch_columns};

/// Most patches that one mutate call considers; the newest of those whose scope's names fit the job.
pub const PATCHES_FOR_JOB_MAX: u32 = 4_096;

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
    /// Stores a patch, active, and says whether it is new. An id that is taken gives the patch as it is now when it was
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
            status: row::status_at(PatchStatus::Active, content, 0, now),
            content: content.clone(),
            uses: 0,
            created_by: actor.to_owned(),
            created_at: now,
            updated_at: now,
        };
        if self.insert_patch(&patch).await? {
            return Ok((patch, true));
        }
        let first = self.first_content(id).await?;
        if first != *content {
            return Err(StoreError::OtherContent { id: id.to_string() });
        }
        Ok((self.existing_row(id).await?.patch_at(now)?, false))
    }

    async fn insert_patch(&self, patch: &Patch) -> Result<bool, StoreError> {
        let (id, content) = (patch.id.to_string(), &patch.content);
        let (text, after) = (json::write("patch", content)?, json::write("patch", patch)?);
        let (now, scope) = (patch.created_at.as_microseconds(), &content.scope);
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let inserted = sqlx::query(
                "insert into patches (id, version, status, content, source, scope_scheduler, scope_cluster, \
                 scope_workflow, scope_job, scope_run, scope_user, scope_after_attempt, expires_at, max_uses, uses, \
                 created_by, created_at, updated_at) \
                 values ($1, 1, 'active', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $14) \
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
            .bind(&patch.created_by)
            .bind(now)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            if inserted == 1 {
                change::append_history!(transaction, patch, "create", &patch.created_by, content.reason.as_deref(), after);
            }
            transaction.commit().await?;
            Ok(inserted == 1)
        })
    }

    /// What a patch was created with.
    async fn first_content(&self, id: PatchId) -> Result<NewPatch, StoreError> {
        let id = id.to_string();
        let (after,): (String,) = run!(self, reader, connection => {
            Ok(sqlx::query_as("select after from patch_history where patch_id = $1 and version = 1")
                .bind(&id)
                .fetch_one(connection)
                .await?)
        })?;
        Ok(json::read::<Patch>("patch", &id, &after)?.content)
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
                 and ($8 is null or $8 = case when status = 'revoked' then 'revoked' \
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

    /// The active patches whose scope the attempt is in, in no particular order; at most [`PATCHES_FOR_JOB_MAX`].
    pub async fn patches_for(&self, job: &Job, now: Timestamp) -> Result<Vec<Patch>, StoreError> {
        let found: Vec<PatchRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!(
                "select ",
                patch_columns!(),
                " from patches where status = 'active' \
                 and (expires_at is null or expires_at > $1) and (max_uses is null or uses < max_uses) \
                 and scope_scheduler in ('', $2) and scope_cluster in ('', $3) and scope_workflow in ('', $4) \
                 and scope_job in ('', $5) and scope_run in ('', $6) and scope_user in ('', $7) \
                 and scope_after_attempt < $8 \
                 order by created_at desc, id desc limit $9",
            ))
            .bind(now.as_microseconds())
            .bind(&job.scheduler)
            .bind(job.cluster.as_deref().unwrap_or_default())
            .bind(&job.workflow)
            .bind(&job.job)
            .bind(&job.run)
            .bind(job.user.as_deref().unwrap_or_default())
            .bind(i64::from(job.attempt))
            .bind(i64::from(PATCHES_FOR_JOB_MAX))
            .fetch_all(connection)
            .await?)
        })?;
        if found.len() == PATCHES_FOR_JOB_MAX as usize {
            tracing::warn!(workflow = job.workflow, job = job.job, "more patches than one mutate call considers");
        }
        let patches = found.into_iter().map(|row| row.patch_at(now)).collect::<Result<Vec<_>, StoreError>>()?;
        // Labels are matched here: a portable query would need a table of them.
        Ok(patches.into_iter().filter(|patch| patch.content.scope.matches(job)).collect())
    }

    /// Counts one use of each patch that still applies at `now`, and returns those; one that was paused, revoked or used
    /// up since it was read is not among them.
    pub async fn count_uses(&self, ids: &[PatchId], now: Timestamp) -> Result<Vec<PatchId>, StoreError> {
        // In one order, so that two callers never wait for each other.
        let mut ordered = ids.to_vec();
        ordered.sort_unstable();
        ordered.dedup();
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let mut counted = Vec::with_capacity(ordered.len());
            for id in &ordered {
                let updated = sqlx::query(
                    "update patches set uses = uses + 1 where id = $1 and status = 'active' \
                     and (expires_at is null or expires_at > $2) and (max_uses is null or uses < max_uses)",
                )
                .bind(id.to_string())
                .bind(now.as_microseconds())
                .execute(&mut *transaction)
                .await?;
                if updated.rows_affected() == 1 {
                    counted.push(*id);
                }
            }
            transaction.commit().await?;
            Ok(counted)
        })
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
                "select patch_id, version, change, actor, reason, changed_at, after from patch_history \
                 where patch_id = $1 and version < $2 order by version desc limit $3",
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
