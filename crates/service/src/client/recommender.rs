//! The recommender's routes.

use paramedic_domain::{
    AttemptRecord, HostSample, Page, Recommendation, RecommendationRequest,
    model::ModelListing,
    right_sizing::{RightSizingApplied, RightSizingProposal, RightSizingRequest},
    shadow::ShadowReport,
};
use reqwest::Method;

use super::transport::{Client, ClientError};
use crate::query::RightSizingQuery;

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

    /// `GET /v1/right-sizing`: jobs that could run with less memory.
    pub async fn right_sizing(&self, query: &RightSizingQuery) -> Result<Page<RightSizingProposal>, ClientError> {
        self.list(&["v1", "right-sizing"], query).await
    }

    /// `POST /v1/right-sizing/apply`: take the next step.
    pub async fn apply_right_sizing(
        &self,
        request: &RightSizingRequest,
    ) -> Result<Page<RightSizingApplied>, ClientError> {
        self.post(&["v1", "right-sizing", "apply"], request).await
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

    /// `POST /v1/models/{version}/shadow`: this version scores live requests without deciding.
    pub async fn shadow_model(&self, version: &str) -> Result<ModelListing, ClientError> {
        self.answer(self.request(Method::POST, &["v1", "models", version, "shadow"])).await
    }

    /// `GET /v1/models/shadow`: the challenger's would-have-been decisions.
    pub async fn shadow_report(&self) -> Result<ShadowReport, ClientError> {
        self.get(&["v1", "models", "shadow"]).await
    }

    /// `DELETE /v1/models/shadow`: nothing is shadowed any more.
    pub async fn stop_shadow(&self) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, &["v1", "models", "shadow"])).await.map(drop)
    }

    /// `POST /v1/models/rollback`: use the champion before this one again.
    pub async fn rollback_model(&self) -> Result<ModelListing, ClientError> {
        self.answer(self.request(Method::POST, &["v1", "models", "rollback"])).await
    }
}
