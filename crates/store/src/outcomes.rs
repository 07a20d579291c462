//! Outcome reports and what was answered to them.

use paramedic_domain::{FailureId, OutcomeReceipt, OutcomeReport, Timestamp};

use crate::{Store, StoreError, json, pool::run};

impl Store {
    /// Stores the outcome of an attempt and the receipt for it. The first one wins; the receipt that is stored comes back.
    pub async fn record_outcome(
        &self,
        report: &OutcomeReport,
        receipt: &OutcomeReceipt,
        now: Timestamp,
    ) -> Result<OutcomeReceipt, StoreError> {
        let id = FailureId::of(&report.job.attempt_key()).to_string();
        let (report, text) = (json::write("outcome", report)?, json::write("outcome", receipt)?);
        run!(self, writer, connection => {
            let inserted: Option<(String,)> = sqlx::query_as(
                "insert into outcomes (attempt_id, report, receipt, recorded_at) values ($1, $2, $3, $4) \
                 on conflict (attempt_id) do nothing returning attempt_id",
            )
            .bind(&id)
            .bind(report)
            .bind(text)
            .bind(now.as_microseconds())
            .fetch_optional(&mut *connection)
            .await?;
            if inserted.is_some() {
                return Ok(receipt.clone());
            }
            let (first,): (String,) = sqlx::query_as("select receipt from outcomes where attempt_id = $1")
                .bind(&id)
                .fetch_one(connection)
                .await?;
            json::read("outcome", &id, &first)
        })
    }
}
