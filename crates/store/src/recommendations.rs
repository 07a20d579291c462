//! Recommendations by request.

use paramedic_domain::{Job, Recommendation, RecommendationId, Timestamp};

use crate::{Store, StoreError, cursor::items, json, pool::run};

impl Store {
    /// The recommendation that was given for a request.
    pub async fn recommendation(&self, id: RecommendationId) -> Result<Option<Recommendation>, StoreError> {
        let id = id.to_string();
        run!(self, reader, connection => {
            let found: Option<(String,)> = sqlx::query_as("select recommendation from recommendations where id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?;
            found.map(|(text,)| json::read("recommendation", &id, &text)).transpose()
        })
    }

    /// Stores a recommendation. The first one for a request wins; the one that is stored comes back.
    pub async fn record_recommendation(
        &self,
        job: &Job,
        recommendation: &Recommendation,
        now: Timestamp,
    ) -> Result<Recommendation, StoreError> {
        let id = recommendation.recommendation_id.to_string();
        let text = json::write("recommendation", recommendation)?;
        run!(self, writer, connection => {
            let inserted: Option<(String,)> = sqlx::query_as(
                "insert into recommendations (id, scheduler, workflow, job, recommendation, recommended_at) \
                 values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing returning id",
            )
            .bind(&id)
            .bind(&job.scheduler)
            .bind(&job.workflow)
            .bind(&job.job)
            .bind(text)
            .bind(now.as_microseconds())
            .fetch_optional(&mut *connection)
            .await?;
            if inserted.is_some() {
                return Ok(recommendation.clone());
            }
            let (first,): (String,) = sqlx::query_as("select recommendation from recommendations where id = $1")
                .bind(&id)
                .fetch_one(connection)
                .await?;
            json::read("recommendation", &id, &first)
        })
    }

    /// The recommendations for this job (its scheduler, workflow and job, every run), newest first; at most `limit`,
    /// which is lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn recommendations_of_job(&self, job: &Job, limit: u32) -> Result<Vec<Recommendation>, StoreError> {
        let found: Vec<(String, String)> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select id, recommendation from recommendations where scheduler = $1 and workflow = $2 and job = $3 \
                 order by recommended_at desc, id desc limit $4",
            )
            .bind(&job.scheduler)
            .bind(&job.workflow)
            .bind(&job.job)
            .bind(items(limit))
            .fetch_all(connection)
            .await?)
        })?;
        found.iter().map(|(id, text)| json::read("recommendation", id, text)).collect()
    }
}
