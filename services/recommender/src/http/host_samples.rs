//! `POST /v1/host-samples`.

use axum::{extract::State, http::StatusCode};
use paramedic_domain::{HostSample, Problem, Role, Validate, Violation, validation::validate_name};
use paramedic_service::{Actor, ApiError, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;

use super::store_error;
use crate::RecommenderState;

/// Most samples of one request: ten minutes of a host with a hundred workloads.
const SAMPLES_MAX: usize = 10_000;

/// A batch of host samples.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
pub(super) struct HostSamples(Vec<HostSample>);

impl Validate for HostSamples {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.0.len() > SAMPLES_MAX {
            violations.push(Violation::at(
                pointer,
                format!("holds {} samples; send at most {SAMPLES_MAX} at once", self.0.len()),
            ));
        }
        for (index, sample) in self.0.iter().enumerate().take(SAMPLES_MAX) {
            for (field, name) in [
                ("host", &sample.host),
                ("application_id", &sample.application_id),
                ("executor_id", &sample.executor_id),
            ] {
                validate_name(name, &format!("{pointer}/{index}/{field}"), violations);
            }
        }
    }
}

/// What a host agent saw. A sample that is sent again is kept once.
#[utoipa::path(post, path = "/v1/host-samples", tag = "recommender",
    request_body = HostSamples,
    responses((status = 204), (status = 422, body = Problem)))]
pub(super) async fn record(
    State(state): State<RecommenderState>,
    actor: Actor,
    ValidJson(HostSamples(samples)): ValidJson<HostSamples>,
) -> Result<StatusCode, ApiError> {
    actor.require(&[Role::Agent])?;
    let new = state.store.record_host_samples(&samples).await.map_err(store_error)?;
    metrics::counter!("host_samples_total").increment(new);
    Ok(StatusCode::NO_CONTENT)
}
