//! The classifier's routes.

use paramedic_domain::{
    Decision, FailureId, FailureReport, LedgerLine, LogExcerpt, MatchRequest, MatchResponse, OutcomeReceipt,
    OutcomeReport, Page, RuleSetSummary, UnclassifiedDetail, UnclassifiedGroup, savings::SavingsReport,
};
use reqwest::Method;

use super::transport::{Client, ClientError};
use crate::query::{FailureQuery, SavingsQuery, UnclassifiedQuery};

impl Client {
    /// `POST /v1/failures`: a job failed; what now?
    pub async fn report_failure(&self, report: &FailureReport) -> Result<Decision, ClientError> {
        self.post(&["v1", "failures"], report).await
    }

    /// `GET /v1/failures/{id}`: the decision on a failure.
    pub async fn failure(&self, id: FailureId) -> Result<Option<Decision>, ClientError> {
        self.find(&["v1", "failures", &id.to_string()]).await
    }

    /// `GET /v1/failures/{id}/ledger`: a failure with everything that followed from it.
    pub async fn ledger(&self, id: FailureId) -> Result<Option<LedgerLine>, ClientError> {
        self.find(&["v1", "failures", &id.to_string(), "ledger"]).await
    }

    /// `GET /v1/failures`: decisions, newest first.
    pub async fn failures(&self, query: &FailureQuery) -> Result<Page<Decision>, ClientError> {
        self.list(&["v1", "failures"], query).await
    }

    /// `GET /v1/failures/{id}/logs`: what is kept of a failure's logs.
    pub async fn failure_logs(&self, id: FailureId) -> Result<Option<Page<LogExcerpt>>, ClientError> {
        self.find(&["v1", "failures", &id.to_string(), "logs"]).await
    }

    /// `GET /v1/savings`: what was healed, what was not retried, and the money.
    pub async fn savings(&self, query: &SavingsQuery) -> Result<SavingsReport, ClientError> {
        self.list(&["v1", "savings"], query).await
    }

    /// `GET /v1/unclassified`: groups of unclassified failures, those that cost most first.
    pub async fn unclassified(&self, query: &UnclassifiedQuery) -> Result<Page<UnclassifiedGroup>, ClientError> {
        self.list(&["v1", "unclassified"], query).await
    }

    /// `GET /v1/unclassified/{group}`: one group and its newest failures.
    pub async fn unclassified_group(&self, group: &str) -> Result<Option<UnclassifiedDetail>, ClientError> {
        self.find(&["v1", "unclassified", group]).await
    }

    /// `POST /v1/outcomes`: how an attempt ended.
    pub async fn report_outcome(&self, report: &OutcomeReport) -> Result<OutcomeReceipt, ClientError> {
        self.post(&["v1", "outcomes"], report).await
    }

    /// `GET /v1/rules`: the rules in force, as in their files.
    pub async fn rules(&self) -> Result<Page<serde_json::Value>, ClientError> {
        self.get(&["v1", "rules"]).await
    }

    /// `GET /v1/rules/{name}`: one rule.
    pub async fn rule(&self, name: &str) -> Result<Option<serde_json::Value>, ClientError> {
        self.find(&["v1", "rules", name]).await
    }

    /// `POST /v1/rules/match`: a dry run of the rules.
    pub async fn match_rules(&self, request: &MatchRequest) -> Result<MatchResponse, ClientError> {
        self.post(&["v1", "rules", "match"], request).await
    }

    /// `POST /v1/rules/reload`: read the rule files again.
    pub async fn reload_rules(&self) -> Result<RuleSetSummary, ClientError> {
        self.answer(self.request(Method::POST, &["v1", "rules", "reload"])).await
    }
}
