//! Jobs that succeed: what right sizing looks at.

use paramedic_domain::{Page, Timestamp};

use crate::{
    Store, StoreError,
    cursor::{Cursor, items, page},
    failures::holds_nul,
    pool::run,
};

/// What a list of jobs is narrowed to; a field not given narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this scheduler.
    pub scheduler: Option<String>,
    /// Of this workflow.
    pub workflow: Option<String>,
    /// Of this name.
    pub job: Option<String>,
}

/// A job as its attempts name it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct JobName {
    /// Its scheduler.
    pub scheduler: String,
    /// Its workflow.
    pub workflow: String,
    /// The job.
    pub job: String,
}

/// Names the cursor of this list, whose place is a number.
const CURSOR: &str = "jobs";

impl Store {
    /// Jobs with at least `successes_min` attempts recorded at `since` or later that succeeded, by name. `limit` is lowered
    /// to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn jobs_that_succeed(
        &self,
        filter: &JobFilter,
        since: Timestamp,
        successes_min: u32,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<JobName>, StoreError> {
        let start = cursor.map(Cursor::parse).transpose()?;
        if start.as_ref().is_some_and(|cursor| cursor.id != CURSOR) {
            return Err(StoreError::BadCursor);
        }
        let start = start.map_or(0, |cursor| cursor.at);
        if holds_nul([&filter.scheduler, &filter.workflow, &filter.job]) {
            return Ok(page(Vec::new(), limit));
        }
        let found: Vec<JobName> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select scheduler, workflow, job from attempts where recorded_at >= $1 and status = 'succeeded' \
                 and ($2 is null or scheduler = $2) and ($3 is null or workflow = $3) and ($4 is null or job = $4) \
                 group by scheduler, workflow, job having count(*) >= $5 \
                 order by scheduler, workflow, job limit $6 offset $7",
            )
            .bind(since.as_microseconds())
            .bind(&filter.scheduler)
            .bind(&filter.workflow)
            .bind(&filter.job)
            .bind(i64::from(successes_min))
            .bind(items(limit) + 1)
            .bind(start)
            .fetch_all(connection)
            .await?)
        })?;
        let keyed =
            found.into_iter().zip(start + 1..).map(|(job, at)| (Cursor { at, id: CURSOR.to_owned() }, job)).collect();
        Ok(page(keyed, limit))
    }
}
