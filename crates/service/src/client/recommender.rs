//! The recommender's routes.

use paramedic_domain::{AttemptRecord, HostSample, Page, Recommendation, RecommendationRequest, model::ModelListing};
use reqwest::Method;

use super::transport::{Client, ClientError};

impl Client {
    /// `POST /v1/recommendations`: what should the retry run with?
    pub async fn recommend(&self, request: &RecommendationRequest) -> Result<Recommendation, ClientError> {
        self.post(&["v1", "recommendations"], request).await
    }

    /// `POST /v1/attempts`: how an attempt ended.
    pub async fn record_attempt(&self, record: &AttemptRecord) -> Result<(), ClientError> {
        self.send(self.request(Method::POST, &["v1", "attempts"]).json(record)).await.map(drop)
    }

    /// `POST /v1/host-samples`: what the host agent saw.
    pub async fn record_host_samples(&self, samples: &[HostSample]) -> Result<(), ClientError> {
        self.send(self.request(Method::POST, &["v1", "host-samples"]).json(samples)).await.map(drop)
    }

    /// `GET /v1/models`: every model version, newest first.
    pub async fn models(&self) -> Result<Page<ModelListing>, ClientError> {
        self.get(&["v1", "models"]).await
    }

    /// `GET /v1/models/{version}`: one model version.
    pub async fn model(&self, version: &str) -> Result<Option<ModelListing>, ClientError> {
        self.find(&["v1", "models", version]).await
    }

    /// `POST /v1/models/{version}/promote`: use this version from now on.
    pub async fn promote_model(&self, version: &str) -> Result<ModelListing, ClientError> {
        self.answer(self.request(Method::POST, &["v1", "models", version, "promote"])).await
    }

    /// `POST /v1/models/rollback`: use the champion before this one again.
    pub async fn rollback_model(&self) -> Result<ModelListing, ClientError> {
        self.answer(self.request(Method::POST, &["v1", "models", "rollback"])).await
    }
}
