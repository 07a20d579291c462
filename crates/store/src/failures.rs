//! Failures and the decisions on them.

use paramedic_domain::{Action, Category, Decision, FailureId, FailureReport, LogSource, Page, Timestamp};

use crate::{
    Store, StoreError,
    cursor::{Cursor, page, rows},
    json,
    pool::run,
};

/// What a list of decisions is narrowed to; a field not given narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct FailureFilter {
    /// Decisions on failures of this workflow.
    pub workflow: Option<String>,
    /// Decisions on failures of this job.
    pub job: Option<String>,
    /// Decisions with this class: a rule's name or `Unclassified`.
    pub class: Option<String>,
    /// Decisions with this category.
    pub category: Option<Category>,
    /// Decided then or later.
    pub since: Option<Timestamp>,
}

/// A failure whose report is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BegunFailure {
    /// When it was first reported: the same at every repetition, so that what is derived from it is the same too.
    pub reported_at: Timestamp,
    /// This report was the first.
    pub first: bool,
}

impl Store {
    /// Stores a report before it is worked on. The text of its logs is left out. The first report of a failure wins.
    pub async fn begin_failure(
        &self,
        report: &FailureReport,
        id: FailureId,
        now: Timestamp,
    ) -> Result<BegunFailure, StoreError> {
        let (id, report) = (id.to_string(), json::write("failure", &without_log_text(report))?);
        run!(self, writer, connection => {
            let inserted: Option<(i64,)> = sqlx::query_as(
                "insert into failures (id, report, reported_at) values ($1, $2, $3) \
                 on conflict (id) do nothing returning reported_at",
            )
            .bind(&id)
            .bind(report)
            .bind(now.as_microseconds())
            .fetch_optional(&mut *connection)
            .await?;
            if inserted.is_some() {
                return Ok(BegunFailure { reported_at: now, first: true });
            }
            let (reported_at,): (i64,) = sqlx::query_as("select reported_at from failures where id = $1")
                .bind(id)
                .fetch_one(connection)
                .await?;
            Ok(BegunFailure { reported_at: Timestamp::from_microseconds(reported_at), first: false })
        })
    }

    /// The report of a failure as it was stored, without the text of its logs.
    pub async fn failure_report(&self, id: FailureId) -> Result<Option<FailureReport>, StoreError> {
        let id = id.to_string();
        run!(self, reader, connection => {
            let found: Option<(String,)> = sqlx::query_as("select report from failures where id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?;
            found.map(|(report,)| json::read("failure", &id, &report)).transpose()
        })
    }

    /// The decision on a failure, once there is one.
    pub async fn decision(&self, id: FailureId) -> Result<Option<Decision>, StoreError> {
        let id = id.to_string();
        run!(self, reader, connection => {
            let found: Option<(String,)> = sqlx::query_as("select decision from decisions where failure_id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?;
            found.map(|(decision,)| json::read("decision", &id, &decision)).transpose()
        })
    }

    /// Stores a decision. The first one on a failure wins; the one that is stored comes back.
    pub async fn finish_decision(&self, decision: &Decision) -> Result<Decision, StoreError> {
        let id = decision.failure_id.to_string();
        let text = json::write("decision", decision)?;
        run!(self, writer, connection => {
            let inserted: Option<(String,)> = sqlx::query_as(
                "insert into decisions (failure_id, scheduler, workflow, job, class, category, decided_at, decision, \
                 action, withheld) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (failure_id) do nothing returning failure_id",
            )
            .bind(&id)
            .bind(&decision.job.scheduler)
            .bind(&decision.job.workflow)
            .bind(&decision.job.job)
            .bind(&decision.classification.class)
            .bind(decision.classification.category.as_str())
            .bind(decision.decided_at.as_microseconds())
            .bind(text)
            .bind(decision.action.as_str())
            .bind(decision.withheld.map(Action::as_str))
            .fetch_optional(&mut *connection)
            .await?;
            if inserted.is_some() {
                return Ok(decision.clone());
            }
            let (first,): (String,) = sqlx::query_as("select decision from decisions where failure_id = $1")
                .bind(&id)
                .fetch_one(connection)
                .await?;
            json::read("decision", &id, &first)
        })
    }

    /// Decisions, newest first. `limit` is lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn list_failures(
        &self,
        filter: &FailureFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Decision>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        if holds_nul([&filter.workflow, &filter.job, &filter.class]) {
            return Ok(page(Vec::new(), limit));
        }
        let found: Vec<(String, i64, String)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select failure_id, decided_at, decision from decisions \
                 where (decided_at, failure_id) < ($1, $2) \
                 and ($3 is null or workflow = $3) and ($4 is null or job = $4) and ($5 is null or class = $5) \
                 and ($6 is null or category = $6) and decided_at >= $7 \
                 order by decided_at desc, failure_id desc limit $8",
            )
            .bind(after.at)
            .bind(after.id)
            .bind(&filter.workflow)
            .bind(&filter.job)
            .bind(&filter.class)
            .bind(filter.category.map(Category::as_str))
            .bind(filter.since.map_or(i64::MIN, Timestamp::as_microseconds))
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let decisions = found
            .into_iter()
            .map(|(id, at, text)| Ok((Cursor { at, id: id.clone() }, json::read("decision", &id, &text)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page(decisions, limit))
    }
}

/// Logs are large and may hold secrets: what they proved stands in the decision's evidence.
fn without_log_text(report: &FailureReport) -> FailureReport {
    let logs = report.logs.iter().map(|log| LogSource { log: log.log, text: None, url: log.url.clone() }).collect();
    FailureReport { logs, ..report.clone() }
}

/// No stored text holds a NUL (PostgreSQL refuses it as a parameter, too): a filter that has one matches nothing.
pub(crate) fn holds_nul<const N: usize>(fields: [&Option<String>; N]) -> bool {
    fields.iter().any(|field| field.as_ref().is_some_and(|text| text.contains('\0')))
}
