//! `POST /k8s/mutate`: a mutating admission webhook for the `SparkApplication` objects of both spark operators.
//!
//! It lets every object in. Whatever goes wrong (the store, the time, an object of a shape it does not know) leaves the
//! object as it is, tells so in a warning, and is counted: a job must never fail to start because of this service.

mod application;
mod review;

use std::time::Duration;

use axum::{Json, extract::State};
use paramedic_domain::{Configuration, MutateRequest, MutateResponse, Problem, Role, Validate};
use paramedic_service::{Actor, ApiError, OpenRoute, ValidJson};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    application::Application,
    review::{AdmissionRequest, AdmissionReview},
};
use crate::{ConfigState, answer::answer};

/// The route that the API server calls.
pub const MUTATE_ROUTE: &str = "/k8s/mutate";
/// Longest time for an answer of ours. The manifest gives the API server 5 s, after which it goes on by itself; within that
/// the warning still arrives.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest warning: Kubernetes cuts longer ones.
const WARNING_CHARACTERS_MAX: usize = 120;

/// The webhook's route.
pub fn routes(state: ConfigState) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(mutate)).with_state(state)
}

/// The webhook for callers without a token.
pub fn open_route() -> OpenRoute {
    OpenRoute { route: MUTATE_ROUTE, actor: Actor::new("kubernetes", Role::Scheduler) }
}

/// A mutating admission webhook (`admission.k8s.io/v1`) for `SparkApplication` objects.
///
/// Who the job is stands in the annotations `paramedic.io/scheduler`, `…/workflow`, `…/job`, `…/run`, `…/attempt` and
/// `…/user`; without them the scheduler is `kubernetes`, the workflow is the namespace, job and run are the object's name.
#[utoipa::path(post, path = "/k8s/mutate", tag = "kubernetes", request_body = Object, responses(
    (status = 200, body = Object, description = "An `AdmissionReview` whose response lets the object in, mutated or as it was"),
    (status = 422, body = Problem, description = "It is no `AdmissionReview`"),
))]
async fn mutate(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidJson(review): ValidJson<AdmissionReview>,
) -> Result<Json<AdmissionReview>, ApiError> {
    actor.require(&[Role::Scheduler])?;
    let request = review.request;
    let (result, response) = match admitted(&state, &actor, &request).await {
        Ok(Some(admitted)) => ("mutated", AdmissionReview::mutated(&request.uid, &admitted.patch, &admitted.warnings)),
        Ok(None) => ("unchanged", AdmissionReview::unchanged(&request.uid, &[])),
        Err(trouble) => {
            tracing::warn!(%trouble, namespace = request.namespace, "an object is let in as it is");
            let warning = shown(&format!("paramedic changed nothing: {trouble}"));
            ("failed_open", AdmissionReview::unchanged(&request.uid, &[warning]))
        }
    };
    metrics::counter!("paramedic_admissions_total", "result" => result).increment(1);
    Ok(Json(response))
}

struct Admitted {
    patch: json_patch::Patch,
    warnings: Vec<String>,
}

/// What is to be done to the object; nothing where it is none of ours or no patch applies.
async fn admitted(state: &ConfigState, actor: &Actor, request: &AdmissionRequest) -> Result<Option<Admitted>, String> {
    let Some(application) = Application::of(request)? else { return Ok(None) };
    let wanted = MutateRequest {
        job: application.job(request)?,
        config: application.configuration()?,
        dry_run: request.dry_run.unwrap_or_default(),
    };
    if let Some(violation) = wanted.violations().first() {
        return Err(format!("{} {}", violation.pointer, violation.detail));
    }
    actor.require_job(&wanted.job).map_err(|error| error.problem().detail.clone())?;
    let answered = tokio::time::timeout(ANSWER_TIMEOUT, answer(state, &wanted, state.clock.now()));
    let answered = answered.await.map_err(|_| "the store took too long".to_owned())?;
    let answered = answered.map_err(|error| {
        tracing::warn!(%error, "no patches for an admission");
        "the store does not answer".to_owned()
    })?;
    changes(&application, &wanted.config, &answered)
}

fn changes(
    application: &Application<'_>,
    from: &Configuration,
    answered: &MutateResponse,
) -> Result<Option<Admitted>, String> {
    let warnings: Vec<_> = answered
        .skipped
        .iter()
        .map(|skipped| shown(&format!("paramedic skipped patch {}: {}", skipped.patch_id, skipped.reason)))
        .collect();
    if *from == answered.config {
        return Ok((!warnings.is_empty()).then(|| Admitted { patch: json_patch::Patch(Vec::new()), warnings }));
    }
    let ids: Vec<_> = answered.applied.iter().map(|applied| applied.patch_id.to_string()).collect();
    let patch = application.patch_to(from, &answered.config, &ids.join(","))?;
    Ok(Some(Admitted { patch, warnings }))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WARNING_CHARACTERS_MAX).collect()
}
