//! Failures that no rule classified, grouped by template and ranked by what they cost.

use std::str::FromStr as _;

use paramedic_domain::{FailureId, Page, TellingExcerpt, Timestamp, UnclassifiedGroup, UnclassifiedSample};

use crate::{
    Store, StoreError,
    cursor::{items, rows},
    json,
    pool::run,
};

const MICROS: f64 = 1e6;

/// An unclassified failure, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Unclassified {
    /// The failure.
    pub sample: UnclassifiedSample,
    /// The group of its template.
    pub group: String,
    /// The template.
    pub template: String,
}

/// What a list of groups is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct UnclassifiedFilter {
    /// Failures decided then or later; all where it is not given.
    pub since: Option<Timestamp>,
    /// This group only.
    pub group: Option<String>,
}

/// A group in SQL: id, template, failures, jobs, cost, first, last.
type GroupRow = (String, String, i64, i64, i64, i64, i64);
/// A failure in SQL: id, workflow, job, time, cost, excerpt.
type SampleRow = (String, String, String, i64, Option<i64>, Option<String>);

impl Store {
    /// Stores an unclassified failure. The first one of its id wins.
    pub async fn keep_unclassified(&self, failure: &Unclassified) -> Result<(), StoreError> {
        let Unclassified { sample, group, template } = failure;
        let excerpt = sample.excerpt.as_ref().map(|excerpt| json::write("excerpt", excerpt)).transpose()?;
        run!(self, writer, connection => {
            sqlx::query(
                "insert into unclassified \
                 (failure_id, group_id, template, workflow, job, cost_micro_usd, decided_at, excerpt) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (failure_id) do nothing",
            )
            .bind(sample.failure_id.to_string())
            .bind(group)
            .bind(template.replace('\0', "\u{fffd}"))
            .bind(&sample.workflow)
            .bind(&sample.job)
            .bind(sample.cost_usd.map(|cost| (cost * MICROS).round() as i64))
            .bind(sample.decided_at.as_microseconds())
            .bind(&excerpt)
            .execute(connection)
            .await?;
            Ok(())
        })
    }

    /// Groups, those that cost most first, then those with most failures. `limit` is lowered to
    /// [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn unclassified_groups(
        &self,
        filter: &UnclassifiedFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<UnclassifiedGroup>, StoreError> {
        let (cost, failures, id) = cursor.map_or_else(|| Ok((i64::MAX, i64::MAX, "~".to_owned())), parse)?;
        let mut found: Vec<GroupRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select group_id, template, failures, jobs, cost, first_at, last_at from ( \
                 select group_id, min(template) as template, count(*) as failures, \
                 count(distinct workflow || $1 || job) as jobs, \
                 cast(coalesce(sum(cost_micro_usd), 0) as bigint) as cost, \
                 min(decided_at) as first_at, max(decided_at) as last_at from unclassified \
                 where decided_at >= $2 and ($3 is null or group_id = $3) group by group_id) as ranked \
                 where (cost, failures, group_id) < ($4, $5, $6) \
                 order by cost desc, failures desc, group_id desc limit $7",
            )
            // No name holds one.
            .bind("\n")
            .bind(filter.since.map_or(i64::MIN, Timestamp::as_microseconds))
            .bind(&filter.group)
            .bind(cost)
            .bind(failures)
            .bind(id)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let shown = items(limit) as usize;
        let more = found.len() > shown;
        found.truncate(shown);
        let last = found.last().filter(|_| more);
        let next_cursor = last.map(|(id, _, failures, _, cost, ..)| format!("{cost}.{failures}.{id}"));
        Ok(Page { items: found.into_iter().map(group).collect(), next_cursor })
    }

    /// The newest failures of a group, newest first, at most `limit`.
    pub async fn unclassified_samples(&self, group: &str, limit: u32) -> Result<Vec<UnclassifiedSample>, StoreError> {
        let found: Vec<SampleRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select failure_id, workflow, job, decided_at, cost_micro_usd, excerpt from unclassified \
                 where group_id = $1 order by decided_at desc, failure_id desc limit $2",
            )
            .bind(group)
            .bind(items(limit))
            .fetch_all(connection)
            .await?)
        })?;
        found.into_iter().map(sample).collect()
    }

    /// Deletes unclassified failures from before `oldest_kept`. Returns how many there were.
    pub async fn delete_unclassified_before(&self, oldest_kept: Timestamp) -> Result<u64, StoreError> {
        run!(self, writer, connection => {
            let deleted = sqlx::query("delete from unclassified where decided_at < $1")
                .bind(oldest_kept.as_microseconds())
                .execute(connection)
                .await?;
            Ok(deleted.rows_affected())
        })
    }
}

fn group((group, template, failures, jobs, cost, first, last): GroupRow) -> UnclassifiedGroup {
    UnclassifiedGroup {
        group,
        template,
        failures: failures.unsigned_abs(),
        jobs: jobs.unsigned_abs(),
        cost_usd: cost as f64 / MICROS,
        first_seen: Timestamp::from_microseconds(first),
        last_seen: Timestamp::from_microseconds(last),
        now_matched_by: None,
    }
}

fn sample((id, workflow, job, at, cost, excerpt): SampleRow) -> Result<UnclassifiedSample, StoreError> {
    let excerpt = excerpt.map(|text| json::read::<TellingExcerpt>("excerpt", &id, &text)).transpose()?;
    let failure_id = FailureId::from_str(&id).map_err(|error| StoreError::Corrupt {
        what: "unclassified failure",
        id,
        detail: error.to_string(),
    })?;
    let (decided_at, cost_usd) = (Timestamp::from_microseconds(at), cost.map(|cost| cost as f64 / MICROS));
    Ok(UnclassifiedSample { failure_id, workflow, job, decided_at, cost_usd, excerpt })
}

/// Reads what a page gave out.
fn parse(cursor: &str) -> Result<(i64, i64, String), StoreError> {
    let mut parts = cursor.splitn(3, '.');
    let mut number = || parts.next()?.parse::<i64>().ok().filter(|number| *number >= 0);
    let (cost, failures) = (number().ok_or(StoreError::BadCursor)?, number().ok_or(StoreError::BadCursor)?);
    let id = parts.next().filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    Ok((cost, failures, id.ok_or(StoreError::BadCursor)?.to_owned()))
}
