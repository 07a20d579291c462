//! `/v1/configs`.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use paramedic_domain::{
    Configuration, Explanation, Job, MutateRequest, MutateResponse, Problem, Role, Validate, Violation,
};
use paramedic_service::{Actor, ApiError, JsonBody, ValidJson, ValidQuery};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{READERS, WRITERS, store_error, wire::Written};
use crate::{
    ConfigState,
    answer::{self, Answer},
    entries::Entries,
    explain,
};

/// Who may ask without a use being counted, beside operators.
const DRY_RUNNERS: &[Role] = &[Role::Scheduler, Role::Viewer, Role::RuleAuthor];

/// Room for the answer to a configuration of some 60 keys.
const ANSWER_BYTES: usize = 8 << 10;

/// A mutate request as it lies in the body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    job: Job,
    #[serde(borrow)]
    config: Entries<'a>,
    #[serde(default)]
    dry_run: bool,
}

/// What should this attempt start with?
///
/// Applies the active patches whose scope the attempt is in: the less specific scope first, then the lower priority, then
/// the older. A patch that fails is skipped whole. Counts a use of each applied patch, unless `dry_run`. Answered from
/// memory, also while the store is away.
#[utoipa::path(post, path = "/v1/configs/mutate", tag = "configs", request_body = MutateRequest, responses(
    (status = 200, body = MutateResponse),
    (status = 422, body = Problem, description = "The request is not valid"),
))]
pub(super) async fn mutate(
    State(state): State<ConfigState>,
    actor: Actor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    // On the path of every job start: read in place where all is plainly well, and else by the types that name each
    // mistake.
    if let Ok(asked) = serde_json::from_slice::<Asked<'_>>(&body)
        && asked.config.plainly_valid()
        && asked.job.violations().is_empty()
    {
        return answered(&state, &actor, &asked.job, &asked.config, asked.dry_run).await;
    }
    let request: MutateRequest = paramedic_service::valid_json(&body)?;
    answered(&state, &actor, &request.job, &Entries::of(&request.config), request.dry_run).await
}

async fn answered(
    state: &ConfigState,
    actor: &Actor,
    job: &Job,
    own: &Entries<'_>,
    dry_run: bool,
) -> Result<Response, ApiError> {
    let answer = run(state, actor, job, own, dry_run).await?;
    // Most answers fit: a buffer that grows is copied each time.
    let mut body = Vec::with_capacity(ANSWER_BYTES);
    serde_json::to_writer(&mut body, &Written::new(&answer, own)).map_err(ApiError::internal)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], Bytes::from(body)).into_response())
}

async fn run(
    state: &ConfigState,
    actor: &Actor,
    job: &Job,
    own: &Entries<'_>,
    dry_run: bool,
) -> Result<Answer, ApiError> {
    actor.require(if dry_run { DRY_RUNNERS } else { WRITERS })?;
    actor.require_job(job)?;
    answer::run(&state.live, &state.store, job, own, dry_run, state.clock.now()).await.map_err(store_error)
}

/// Which attempt is asked about. Labels and the configuration are JSON objects of texts.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainQuery {
    /// The job's scheduler.
    scheduler: String,
    /// Its cluster.
    cluster: Option<String>,
    /// Its workflow.
    workflow: String,
    /// Its name.
    job: String,
    /// Its run.
    run: String,
    /// The attempt, from 1; 1 where not given.
    #[param(minimum = 1)]
    attempt: Option<u32>,
    /// Its user.
    user: Option<String>,
    /// Its labels: `{"team": "core"}`.
    labels: Option<String>,
    /// The configuration it would start with: `{"spark.executor.memory": "1g"}`; none where not given.
    config: Option<String>,
}

impl Validate for ExplainQuery {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        match self.job() {
            Ok(job) => job.validate(pointer, violations),
            Err(violation) => violations.push(violation),
        }
        match self.config() {
            Ok(config) => config.validate(&format!("{pointer}/config"), violations),
            Err(violation) => violations.push(violation),
        }
    }
}

impl ExplainQuery {
    fn job(&self) -> Result<Job, Violation> {
        Ok(Job {
            scheduler: self.scheduler.clone(),
            cluster: self.cluster.clone(),
            workflow: self.workflow.clone(),
            job: self.job.clone(),
            run: self.run.clone(),
            attempt: self.attempt.unwrap_or(1),
            user: self.user.clone(),
            labels: object("/labels", self.labels.as_deref())?,
        })
    }

    fn config(&self) -> Result<Configuration, Violation> {
        object("/config", self.config.as_deref())
    }
}

fn object<T: serde::de::DeserializeOwned + Default>(pointer: &str, text: Option<&str>) -> Result<T, Violation> {
    let read = |text| serde_json::from_str(text).map_err(|error| Violation::at(pointer, error.to_string()));
    text.map_or_else(|| Ok(T::default()), read)
}

/// What would this attempt start with, and why? Counts no use.
///
/// Which patches matched, in the order in which they are laid on; who set each key; which values lost, and why.
#[utoipa::path(get, path = "/v1/configs/explain", tag = "configs", params(ExplainQuery), responses(
    (status = 200, body = Explanation),
    (status = 422, body = Problem, description = "A parameter is not valid"),
))]
pub(super) async fn explain(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidQuery(query): ValidQuery<ExplainQuery>,
) -> Result<Json<Explanation>, ApiError> {
    let invalid = |violation| ApiError::invalid(vec![violation]);
    explained(&state, &actor, query.job().map_err(invalid)?, &query.config().map_err(invalid)?).await
}

/// The same for a mutate request, whose configuration may be too long for a query.
#[utoipa::path(post, path = "/v1/configs/explain", tag = "configs", request_body = MutateRequest, responses(
    (status = 200, body = Explanation),
    (status = 422, body = Problem, description = "The request is not valid"),
))]
pub(super) async fn explain_request(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidJson(request): ValidJson<MutateRequest>,
) -> Result<Json<Explanation>, ApiError> {
    explained(&state, &actor, request.job, &request.config).await
}

async fn explained(
    state: &ConfigState,
    actor: &Actor,
    job: Job,
    config: &Configuration,
) -> Result<Json<Explanation>, ApiError> {
    actor.require(READERS)?;
    let own = Entries::of(config);
    let answer = run(state, actor, &job, &own, true).await?;
    Ok(Json(explain::explain(job, &own, &answer)))
}
