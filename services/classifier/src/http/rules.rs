//! `/v1/rules`.

use axum::{Json, extract::State};
use paramedic_domain::{MatchRequest, MatchResponse, Page, Problem, Role, RuleSetSummary, Violation, rule::RuleCounts};
use paramedic_rules::{Circumstances, Rule, RuleErrors, RuleSet};
use paramedic_service::{Actor, ApiError, ValidJson, ValidPath};
use serde::Serialize;
use utoipa::ToSchema;

use super::READERS;
use crate::{degraded::Degraded, secrets::mask_configuration, state::Classifier};

/// A rule, and how often it was used.
#[derive(Serialize, ToSchema)]
pub(super) struct CountedRule {
    #[serde(flatten)]
    rule: Rule,
    counts: RuleCounts,
}

fn counted(classifier: &Classifier, rule: &Rule) -> CountedRule {
    CountedRule { counts: classifier.rules.counts_of(&rule.name), rule: rule.clone() }
}

/// The rules in force, in the order in which they decide.
#[utoipa::path(get, path = "/v1/rules", tag = "classifier", responses((status = 200, body = Page<CountedRule>)))]
pub(super) async fn list(
    State(classifier): State<Classifier>,
    actor: Actor,
) -> Result<Json<Page<CountedRule>>, ApiError> {
    actor.require(READERS)?;
    let items = classifier.rules.current().rules().iter().map(|rule| counted(&classifier, rule)).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

/// One rule.
#[utoipa::path(get, path = "/v1/rules/{name}", tag = "classifier", params(("name" = String, Path)),
    responses((status = 200, body = CountedRule), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidPath(name): ValidPath<String>,
) -> Result<Json<CountedRule>, ApiError> {
    actor.require(READERS)?;
    let rules = classifier.rules.current();
    let rule = rules.rule(&name).map(|rule| counted(&classifier, rule));
    rule.map(Json).ok_or_else(|| ApiError::not_found(format!("no rule is named {name:?}")))
}

/// What would the rules say of these logs? Nothing is stored.
#[utoipa::path(post, path = "/v1/rules/match", tag = "classifier", request_body = MatchRequest,
    responses((status = 200, body = MatchResponse), (status = 422, body = Problem)))]
pub(super) async fn try_out(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidJson(mut request): ValidJson<MatchRequest>,
) -> Result<Json<MatchResponse>, ApiError> {
    // Not for viewers: it reads the logs it is pointed to.
    actor.require(&[Role::Scheduler, Role::RuleAuthor])?;
    mask_configuration(&mut request.config);
    let mut degraded = Degraded::default();
    let slot = classifier.slot().await;
    let logs = classifier.collector.logs(request.logs, &mut degraded).await;
    let circumstances = Circumstances::new(request.exit_code, &request.config, &request.containers);
    let classification = classifier.classify(slot, logs, circumstances, &mut degraded).await;
    Ok(Json(MatchResponse { classification, degraded: degraded.into_vec() }))
}

/// Reads the rule files again. With any mistake in them the rules in force stay, and every mistake is answered.
#[utoipa::path(post, path = "/v1/rules/reload", tag = "classifier",
    responses((status = 200, body = RuleSetSummary), (status = 422, body = Problem)))]
pub(super) async fn reload(
    State(classifier): State<Classifier>,
    actor: Actor,
) -> Result<Json<RuleSetSummary>, ApiError> {
    actor.require(&[Role::RuleAuthor])?;
    let reloaded = tokio::task::spawn_blocking(move || classifier.rules.reload()).await.map_err(ApiError::internal)?;
    reloaded.map(|rules| Json(summary(&rules))).map_err(|errors| refuse(&errors))
}

fn summary(rules: &RuleSet) -> RuleSetSummary {
    RuleSetSummary { version: rules.version().to_owned(), rules: rules.rules().len() as u64 }
}

fn refuse(errors: &RuleErrors) -> ApiError {
    tracing::warn!(%errors, "the rules in force stay");
    ApiError::invalid(errors.0.iter().map(|error| Violation::at("", error.to_string())).collect())
}
