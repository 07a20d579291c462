//! Decided failures with what became of the next attempt: what savings are computed from.

use paramedic_domain::{Action, AttemptStatus, Page, Timestamp};

use crate::{
    Store, StoreError,
    cursor::{Cursor, page, rows},
    failures::holds_nul,
    pool::run,
};

/// A decided failure and the attempt after it.
#[derive(Clone, Debug, PartialEq)]
pub struct DecidedAttempt {
    /// Scheduler, workflow and job.
    pub job: (String, String, String),
    /// The run.
    pub run: String,
    /// The attempt that failed.
    pub attempt: u32,
    /// Its class.
    pub class: String,
    /// What was decided.
    pub action: Action,
    /// What was withheld, because the job is held out as control.
    pub withheld: Option<Action>,
    /// When.
    pub decided_at: Timestamp,
    /// What the failed attempt cost.
    pub cost_usd: Option<f64>,
    /// How the next attempt ended, where there is one.
    pub next: Option<AttemptStatus>,
    /// What that cost.
    pub next_cost_usd: Option<f64>,
}

/// What decided attempts are narrowed to.
#[derive(Clone, Debug)]
pub struct DecidedFilter {
    /// Decided then or later.
    pub since: Timestamp,
    /// Of this workflow only.
    pub workflow: Option<String>,
    /// Of this job only.
    pub job: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    failure_id: String,
    scheduler: String,
    workflow: String,
    job: String,
    run: String,
    attempt: i64,
    class: String,
    action: String,
    withheld: Option<String>,
    decided_at: i64,
    cost_usd: Option<f64>,
    next_status: Option<String>,
    next_cost_usd: Option<f64>,
}

impl Row {
    fn decided(self) -> Result<(Cursor, DecidedAttempt), StoreError> {
        let corrupt = |detail: String| StoreError::Corrupt { what: "decision", id: self.failure_id.clone(), detail };
        let decided = DecidedAttempt {
            attempt: u32::try_from(self.attempt).map_err(|error| corrupt(error.to_string()))?,
            action: self.action.parse().map_err(corrupt)?,
            withheld: self.withheld.as_deref().map(str::parse).transpose().map_err(corrupt)?,
            next: self.next_status.as_deref().map(str::parse).transpose().map_err(corrupt)?,
            job: (self.scheduler, self.workflow, self.job),
            run: self.run,
            class: self.class,
            decided_at: Timestamp::from_microseconds(self.decided_at),
            cost_usd: self.cost_usd,
            next_cost_usd: self.next_cost_usd,
        };
        Ok((Cursor { at: self.decided_at, id: self.failure_id }, decided))
    }
}

impl Store {
    /// Decided failures whose attempt is recorded, newest first. `limit` is lowered to
    /// [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn decided_attempts(
        &self,
        filter: &DecidedFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<DecidedAttempt>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        if holds_nul([&filter.workflow, &filter.job]) {
            return Ok(page(Vec::new(), limit));
        }
        let found: Vec<Row> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select d.failure_id, d.scheduler, d.workflow, d.job, a.run, a.attempt, d.class, d.action, d.withheld, \
                 d.decided_at, a.cost_usd, n.status as next_status, n.cost_usd as next_cost_usd \
                 from decisions d join attempts a on a.attempt_id = d.failure_id \
                 left join attempts n on n.scheduler = a.scheduler and n.workflow = a.workflow and n.job = a.job \
                 and n.run = a.run and n.attempt = a.attempt + 1 \
                 where (d.decided_at, d.failure_id) < ($1, $2) and d.decided_at >= $3 \
                 and ($4 is null or d.workflow = $4) and ($5 is null or d.job = $5) \
                 order by d.decided_at desc, d.failure_id desc limit $6",
            )
            .bind(after.at)
            .bind(after.id)
            .bind(filter.since.as_microseconds())
            .bind(&filter.workflow)
            .bind(&filter.job)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let decided = found.into_iter().map(Row::decided).collect::<Result<Vec<_>, _>>()?;
        Ok(page(decided, limit))
    }
}
