//! Ended attempts: the recommender's history and the trainer's labels.

use paramedic_domain::{AttemptRecord, Decision, FailureId, Job, Page, Timestamp};

use crate::{
    Store, StoreError,
    cursor::{Cursor, items, page, rows},
    json,
    pool::run,
};

impl Store {
    /// Stores the end of an attempt. The first record of an attempt wins; `false` says that there was one already.
    pub async fn record_attempt(&self, record: &AttemptRecord, now: Timestamp) -> Result<bool, StoreError> {
        let id = FailureId::of(&record.job.attempt_key()).to_string();
        let text = json::write("attempt", record)?;
        run!(self, writer, connection => {
            let inserted = sqlx::query(
                "insert into attempts (attempt_id, scheduler, workflow, job, run, attempt, record, recorded_at, status, \
                 cost_usd, recommendation_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (attempt_id) do nothing",
            )
            .bind(id)
            .bind(&record.job.scheduler)
            .bind(&record.job.workflow)
            .bind(&record.job.job)
            .bind(&record.job.run)
            .bind(i64::from(record.job.attempt))
            .bind(text)
            .bind(now.as_microseconds())
            .bind(record.status.as_str())
            .bind(record.cost_usd)
            .bind(record.recommendation_id.map(|id| id.to_string()))
            .execute(connection)
            .await?;
            Ok(inserted.rows_affected() == 1)
        })
    }

    /// How an attempt ended, where it is known.
    pub async fn attempt(&self, id: FailureId) -> Result<Option<AttemptRecord>, StoreError> {
        let id = id.to_string();
        let found: Option<(String,)> = run!(self, reader, connection => {
            Ok(sqlx::query_as("select record from attempts where attempt_id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?)
        })?;
        found.map(|(text,)| json::read("attempt", &id, &text)).transpose()
    }

    /// The attempts of every run of this job (its scheduler, workflow and job), newest first; at most `limit`, which is
    /// lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn attempts_of_job(&self, job: &Job, limit: u32) -> Result<Vec<AttemptRecord>, StoreError> {
        let found: Vec<(String, String)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select attempt_id, record from attempts where scheduler = $1 and workflow = $2 and job = $3 \
                 order by recorded_at desc, attempt desc, attempt_id desc limit $4",
            )
            .bind(&job.scheduler)
            .bind(&job.workflow)
            .bind(&job.job)
            .bind(items(limit))
            .fetch_all(connection)
            .await?)
        })?;
        found.iter().map(|(id, text)| json::read("attempt", id, text)).collect()
    }

    /// Attempts recorded at `since` or later, oldest first, so that a reader that follows the cursor meets what is
    /// recorded meanwhile.
    pub async fn attempts_since(
        &self,
        since: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<AttemptRecord>, StoreError> {
        let start = Cursor { at: since.as_microseconds(), id: String::new() };
        let after = cursor.map_or(Ok(start), Cursor::parse)?;
        let found: Vec<(String, i64, String)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select attempt_id, recorded_at, record from attempts where (recorded_at, attempt_id) > ($1, $2) \
                 order by recorded_at, attempt_id limit $3",
            )
            .bind(after.at)
            .bind(after.id)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let attempts = found
            .into_iter()
            .map(|(id, at, text)| Ok((Cursor { at, id: id.clone() }, json::read("attempt", &id, &text)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page(attempts, limit))
    }

    /// As [`attempts_since`](Self::attempts_since), each with the decision on it, where it failed and was decided.
    pub async fn decided_attempts_since(
        &self,
        since: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<(AttemptRecord, Option<Decision>)>, StoreError> {
        let start = Cursor { at: since.as_microseconds(), id: String::new() };
        let after = cursor.map_or(Ok(start), Cursor::parse)?;
        let found: Vec<(String, i64, String, Option<String>)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select a.attempt_id, a.recorded_at, a.record, d.decision \
                 from attempts a left join decisions d on d.failure_id = a.attempt_id \
                 where (a.recorded_at, a.attempt_id) > ($1, $2) order by a.recorded_at, a.attempt_id limit $3",
            )
            .bind(after.at)
            .bind(after.id)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let attempts = found.into_iter().map(|(id, at, record, decision)| {
            let decision = decision.map(|text| json::read("decision", &id, &text)).transpose()?;
            Ok((Cursor { at, id: id.clone() }, (json::read("attempt", &id, &record)?, decision)))
        });
        Ok(page(attempts.collect::<Result<Vec<_>, StoreError>>()?, limit))
    }
}
