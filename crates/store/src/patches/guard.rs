//! How the attempts of guarded patches ended.

use paramedic_domain::{PatchId, Timestamp};

use crate::{Store, StoreError, pool::run};

/// How many attempts ended, and how many of them failed: with a patch, and of the same jobs without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardedAttempts {
    /// Attempts that started with the patch and ended.
    pub treated: u32,
    /// Of those, failed.
    pub treated_failed: u32,
    /// Other attempts of the same jobs.
    pub others: u32,
    /// Of those, failed.
    pub others_failed: u32,
}

impl Store {
    /// How the attempts that started with this patch ended, beside the other attempts of the same jobs.
    pub async fn guarded_attempts(&self, id: PatchId) -> Result<GuardedAttempts, StoreError> {
        let patch = id.to_string();
        let (treated, treated_failed, others, others_failed): (i64, i64, i64, i64) = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "with treated as (select a.attempt_id, a.scheduler, a.workflow, a.job, a.record \
                 from patch_attempts p join attempts a on a.attempt_id = p.attempt_id where p.patch_id = $1), \
                 jobs as (select distinct scheduler, workflow, job from treated), \
                 others as (select a.record from attempts a join jobs j on a.scheduler = j.scheduler \
                 and a.workflow = j.workflow and a.job = j.job \
                 where not exists (select 1 from treated t where t.attempt_id = a.attempt_id)) \
                 select (select count(*) from treated), \
                 (select count(*) from treated where record like '%\"status\":\"failed\"%'), \
                 (select count(*) from others), \
                 (select count(*) from others where record like '%\"status\":\"failed\"%')",
            )
            .bind(&patch)
            .fetch_one(connection)
            .await?)
        })?;
        let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(GuardedAttempts {
            treated: count(treated),
            treated_failed: count(treated_failed),
            others: count(others),
            others_failed: count(others_failed),
        })
    }

    /// Forgets which attempts started with which patches, where either ended before this time. Returns how many.
    pub async fn forget_patched_attempts(&self, ended_before: Timestamp) -> Result<u64, StoreError> {
        run!(self, writer, connection => {
            let forgotten = sqlx::query(
                "delete from patch_attempts where patch_id in (select id from patches where updated_at < $1 \
                 and (status in ('revoked', 'superseded') or expires_at < $1 or uses >= max_uses)) \
                 or attempt_id in (select attempt_id from attempts where recorded_at < $1)",
            )
            .bind(ended_before.as_microseconds())
            .execute(connection)
            .await?;
            Ok(forgotten.rows_affected())
        })
    }
}
