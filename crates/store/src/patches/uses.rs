//! How often patches were applied.

use paramedic_domain::{FailureId, Patch, PatchId, Timestamp};
use sqlx::{Connection, QueryBuilder};

use super::row::PatchRow;
use crate::{Store, StoreError, pool::run};

/// Most patches of one attempt that are read; a mutate call that applies more is none of a real job.
const PATCHES_OF_ATTEMPT_MAX: i64 = 500;
/// Rows that one statement writes: two values each, of the 32,766 that SQLite takes.
const ROWS_OF_STATEMENT: usize = 500;

impl Store {
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

    /// The patches that an attempt started with, as they are at `now`.
    pub async fn patches_of_attempt(&self, attempt: FailureId, now: Timestamp) -> Result<Vec<Patch>, StoreError> {
        let found: Vec<PatchRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select p.id, p.version, p.status, p.content, p.uses, p.created_by, p.created_at, p.updated_at \
                 from patch_attempts a join patches p on p.id = a.patch_id where a.attempt_id = $1 \
                 order by p.created_at, p.id limit $2",
            )
            .bind(attempt.to_string())
            .bind(PATCHES_OF_ATTEMPT_MAX)
            .fetch_all(connection)
            .await?)
        })?;
        found.into_iter().map(|row| row.patch_at(now)).collect()
    }

    /// Adds to the uses of patches that have no most uses, and keeps which attempts started with which patch. What was
    /// kept before is kept once.
    pub async fn add_uses(&self, uses: &[(PatchId, u32)], attempts: &[(PatchId, FailureId)]) -> Result<(), StoreError> {
        // In one order, so that two callers never wait for each other; in one statement each, as a statement costs more
        // than a row.
        let (mut uses, mut attempts) = (uses.to_vec(), attempts.to_vec());
        uses.sort_unstable();
        attempts.sort_unstable();
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            for uses in uses.chunks(ROWS_OF_STATEMENT) {
                let mut query = QueryBuilder::new("update patches set uses = uses + v.column2 from (");
                query.push_values(uses, |mut row, (id, number)| {
                    row.push_bind(id.to_string()).push_bind(i64::from(*number));
                });
                query.push(") as v where patches.id = v.column1");
                query.build().persistent(false).execute(&mut *transaction).await?;
            }
            for attempts in attempts.chunks(ROWS_OF_STATEMENT) {
                let mut query = QueryBuilder::new("insert into patch_attempts (patch_id, attempt_id) ");
                query.push_values(attempts, |mut row, (patch, attempt)| {
                    row.push_bind(patch.to_string()).push_bind(attempt.to_string());
                });
                query.push(" on conflict (patch_id, attempt_id) do nothing");
                query.build().persistent(false).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(())
        })
    }
}
