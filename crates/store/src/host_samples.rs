//! What the host agents saw.

use paramedic_domain::{HostSample, Timestamp};
use sqlx::Connection;

use crate::{Store, StoreError, cursor::items, json, pool::run};

impl Store {
    /// Stores samples, all or none. A sample that is stored already (the agent repeats a post whose answer it missed) is
    /// passed over. Returns how many were new.
    pub async fn record_host_samples(&self, samples: &[HostSample]) -> Result<u64, StoreError> {
        let texts = samples.iter().map(|sample| json::write("host sample", sample)).collect::<Result<Vec<_>, _>>()?;
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let mut new = 0;
            for (sample, text) in samples.iter().zip(&texts) {
                new += sqlx::query(
                    "insert into host_samples (application_id, sampled_at, host, executor_id, sample) \
                     values ($1, $2, $3, $4, $5) on conflict do nothing",
                )
                .bind(&sample.application_id)
                .bind(sample.sampled_at.as_microseconds())
                .bind(&sample.host)
                .bind(&sample.executor_id)
                .bind(text)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            }
            transaction.commit().await?;
            Ok(new)
        })
    }

    /// The samples of an application, newest first; at most `limit`, which is lowered to
    /// [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn host_samples_of(&self, application_id: &str, limit: u32) -> Result<Vec<HostSample>, StoreError> {
        let found: Vec<(String,)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select sample from host_samples where application_id = $1 \
                 order by sampled_at desc, host desc, executor_id desc limit $2",
            )
            .bind(application_id)
            .bind(items(limit))
            .fetch_all(connection)
            .await?)
        })?;
        found.iter().map(|(text,)| json::read("host sample", application_id, text)).collect()
    }

    /// Deletes samples from before `oldest_kept`. Returns how many there were.
    pub async fn delete_host_samples_before(&self, oldest_kept: Timestamp) -> Result<u64, StoreError> {
        run!(self, writer, connection => {
            let deleted = sqlx::query("delete from host_samples where sampled_at < $1")
                .bind(oldest_kept.as_microseconds())
                .execute(connection)
                .await?;
            Ok(deleted.rows_affected())
        })
    }
}
