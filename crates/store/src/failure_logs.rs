//! What is kept of the logs of failures, for those who write rules.

use paramedic_domain::{FailureId, LogExcerpt, Timestamp};

use crate::{Store, StoreError, json, pool::run};

/// Largest logs of one failure that are read back, in bytes, once they are JSON. What is written stays far below.
const JSON_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most rows that one call deletes, so that no call takes long.
const DELETED_MAX: i64 = 500;

/// How long logs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRetention {
    /// Stored before this time: deleted.
    pub oldest_kept: Timestamp,
    /// Bytes of all that is kept, compressed; the oldest beyond are deleted.
    pub total_bytes_max: u64,
}

impl Store {
    /// Keeps the logs of a failure, compressed. The first ones win. Returns whether these are.
    pub async fn keep_failure_logs(
        &self,
        id: FailureId,
        logs: &[LogExcerpt],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let packed = pack(id, logs)?;
        let size = packed.len() as i64;
        run!(self, writer, connection => {
            let inserted = sqlx::query(
                "insert into failure_logs (failure_id, logs, stored_bytes, stored_at) values ($1, $2, $3, $4) \
                 on conflict (failure_id) do nothing",
            )
            .bind(id.to_string())
            .bind(&packed[..])
            .bind(size)
            .bind(now.as_microseconds())
            .execute(connection)
            .await?;
            Ok(inserted.rows_affected() == 1)
        })
    }

    /// What is kept of the logs of a failure.
    pub async fn failure_logs(&self, id: FailureId) -> Result<Option<Vec<LogExcerpt>>, StoreError> {
        let found: Option<(Vec<u8>,)> = run!(self, reader, connection => {
            Ok(sqlx::query_as("select logs from failure_logs where failure_id = $1")
                .bind(id.to_string())
                .fetch_optional(connection)
                .await?)
        })?;
        found.map(|(packed,)| unpack(id, &packed)).transpose()
    }

    /// Deletes the logs that are too old or too many, a bounded number of them. Returns how many; call again later.
    pub async fn delete_failure_logs(&self, retention: &LogRetention) -> Result<u64, StoreError> {
        run!(self, writer, connection => {
            let deleted = sqlx::query(
                "delete from failure_logs where failure_id in (select failure_id from ( \
                 select failure_id, stored_at, \
                 sum(stored_bytes) over (order by stored_at desc, failure_id desc) as bytes_so_far from failure_logs \
                 ) as kept where stored_at < $1 or bytes_so_far > $2 order by stored_at limit $3)",
            )
            .bind(retention.oldest_kept.as_microseconds())
            .bind(i64::try_from(retention.total_bytes_max).unwrap_or(i64::MAX))
            .bind(DELETED_MAX)
            .execute(connection)
            .await?;
            Ok(deleted.rows_affected())
        })
    }
}

fn pack(id: FailureId, logs: &[LogExcerpt]) -> Result<Vec<u8>, StoreError> {
    let text = json::write("failure logs", &logs)?;
    zstd::bulk::compress(text.as_bytes(), zstd::DEFAULT_COMPRESSION_LEVEL).map_err(|error| corrupt(id, &error))
}

fn unpack(id: FailureId, packed: &[u8]) -> Result<Vec<LogExcerpt>, StoreError> {
    let text = zstd::bulk::decompress(packed, JSON_BYTES_MAX).map_err(|error| corrupt(id, &error))?;
    let text = String::from_utf8(text).map_err(|error| corrupt(id, &error))?;
    json::read("failure logs", &id.to_string(), &text)
}

fn corrupt(id: FailureId, error: &dyn std::error::Error) -> StoreError {
    StoreError::Corrupt { what: "failure logs", id: id.to_string(), detail: error.to_string() }
}
