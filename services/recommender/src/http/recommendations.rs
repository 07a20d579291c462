//! `POST /v1/recommendations`.

use axum::{Json, extract::State};
use paramedic_domain::{
    Policy, Problem, Recommendation, RecommendationRequest, Role, Violation, validation::escape_pointer_token,
};
use paramedic_service::{Actor, ApiError, ValidJson};

use crate::{
    RecommenderState,
    pipeline::{self, Inputs, PipelineError},
};

/// What should the retry of this attempt run with? A repeated request gets the first answer.
#[utoipa::path(post, path = "/v1/recommendations", tag = "recommender",
    request_body = RecommendationRequest,
    responses((status = 200, body = Recommendation), (status = 422, body = Problem)))]
pub(super) async fn recommend(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidJson(request): ValidJson<RecommendationRequest>,
) -> Result<Json<Recommendation>, ApiError> {
    actor.require(&[Role::Scheduler])?;
    actor.require_job(&request.job)?;
    let id = pipeline::recommendation_id(&request);
    if let Ok(Some(first)) = state.store.recommendation(id).await {
        return Ok(Json(first));
    }
    let job = request.job.clone();
    let inputs = gather(&state, request).await;
    let settings = state.settings.clone();
    let shadowed = state.models.challenger().map(|challenger| (challenger, inputs.clone()));
    let searched = tokio::task::spawn_blocking(move || pipeline::recommend(inputs, &settings)).await;
    let recommendation = searched.map_err(ApiError::internal)?.map_err(refuse)?;
    metrics::histogram!("recommendation_seconds").record(recommendation.elapsed_ms / 1e3);
    metrics::counter!("recommendations_total", "action" => recommendation.action.as_str()).increment(1);
    // An answer that cannot be kept is still an answer: a repetition computes the same one.
    let kept = state.store.record_recommendation(&job, &recommendation, state.clock.now()).await;
    let recommendation = kept.unwrap_or_else(|error| {
        tracing::error!(%error, "the recommendation could not be stored");
        recommendation
    });
    if let Some((challenger, inputs)) = shadowed {
        state.shadow.score(&state, challenger, inputs, recommendation.clone());
    }
    Ok(Json(recommendation))
}

/// Reads what is known; what cannot be read is named, and done without.
async fn gather(state: &RecommenderState, request: RecommendationRequest) -> Inputs {
    let mut degraded = Vec::new();
    let attempts = state.store.attempts_of_job(&request.job, state.settings.search.history_attempts_max).await;
    let attempts = attempts.unwrap_or_else(|error| {
        tracing::error!(%error, "the job's history could not be read");
        degraded.push("history_unavailable".to_owned());
        Vec::new()
    });
    let samples = match &request.application_id {
        Some(application) => state.store.host_samples_of(application, state.settings.search.host_samples_max).await,
        None => Ok(Vec::new()),
    };
    let samples = samples.unwrap_or_else(|error| {
        tracing::error!(%error, "the host samples could not be read");
        degraded.push("host_samples_unavailable".to_owned());
        Vec::new()
    });
    let policy = match state.store.policy().await {
        Ok(policy) => policy.map_or_else(Policy::default, |(policy, _)| policy),
        Err(error) => {
            tracing::error!(%error, "the policy could not be read; using the default bounds");
            degraded.push("policy_unavailable".to_owned());
            Policy::default()
        }
    };
    Inputs { request, attempts, samples, policy, model: state.models.champion(), degraded }
}

fn refuse(error: PipelineError) -> ApiError {
    match error {
        PipelineError::Configuration(error) => {
            let pointer = format!("/config/{}", escape_pointer_token(&error.key));
            ApiError::invalid(vec![Violation::at(pointer, error.detail)])
        }
    }
}
