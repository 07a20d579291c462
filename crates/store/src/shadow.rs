//! What a challenger would have decided.

use paramedic_domain::{AttemptStatus, Page, Timestamp, shadow::ShadowDecision};

use crate::{
    Store, StoreError,
    cursor::{Cursor, page, rows},
    json,
    pool::run,
};

/// Older decisions of a challenger make way for its new ones.
const KEPT_S: i64 = 90 * 24 * 3600;

impl Store {
    /// Stores what a challenger would have answered. The first answer to a request wins; what is older than 90 days goes.
    pub async fn record_shadow(&self, decision: &ShadowDecision, now: Timestamp) -> Result<(), StoreError> {
        let text = json::write("shadow decision", decision)?;
        run!(self, writer, connection => {
            sqlx::query(
                "insert into shadow_decisions (recommendation_id, challenger, champion, decision, decided_at) \
                 values ($1, $2, $3, $4, $5) on conflict (recommendation_id, challenger) do nothing",
            )
            .bind(decision.recommendation_id.to_string())
            .bind(&decision.challenger)
            .bind(&decision.champion)
            .bind(text)
            .bind(now.as_microseconds())
            .execute(&mut *connection)
            .await?;
            sqlx::query("delete from shadow_decisions where challenger = $1 and decided_at < $2")
                .bind(&decision.challenger)
                .bind(now.plus_seconds(-KEPT_S).as_microseconds())
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// A challenger's decisions, newest first, each with how the first attempt that followed the recommendation ended.
    pub async fn shadow_decisions(
        &self,
        challenger: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<(ShadowDecision, Option<AttemptStatus>)>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        let found: Vec<(String, i64, String, Option<String>)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select s.recommendation_id, s.decided_at, s.decision, (select a.status from attempts a \
                 where a.recommendation_id = s.recommendation_id order by a.attempt limit 1) \
                 from shadow_decisions s where s.challenger = $1 and (s.decided_at, s.recommendation_id) < ($2, $3) \
                 order by s.decided_at desc, s.recommendation_id desc limit $4",
            )
            .bind(challenger)
            .bind(after.at)
            .bind(after.id)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let decisions = found.into_iter().map(|(id, at, text, status)| {
            let corrupt = |detail| StoreError::Corrupt { what: "attempt", id: id.clone(), detail };
            let status = status.map(|status| status.parse()).transpose().map_err(corrupt)?;
            Ok((Cursor { at, id: id.clone() }, (json::read("shadow decision", &id, &text)?, status)))
        });
        Ok(page(decisions.collect::<Result<Vec<_>, StoreError>>()?, limit))
    }
}
