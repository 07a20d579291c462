//! `/v1/outcomes`.

use axum::{Json, extract::State};
use paramedic_domain::{OutcomeReceipt, OutcomeReport, Problem, Role};
use paramedic_service::{Actor, ApiError, ValidJson};

use crate::{outcome, state::Classifier};

/// An attempt ended. The same attempt reported again gets the same receipt.
#[utoipa::path(post, path = "/v1/outcomes", tag = "classifier", request_body = OutcomeReport,
    responses((status = 200, body = OutcomeReceipt), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn report(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidJson(report): ValidJson<OutcomeReport>,
) -> Result<Json<OutcomeReceipt>, ApiError> {
    actor.require(&[Role::Scheduler])?;
    actor.require_job(&report.job)?;
    let _admitted = classifier.admit()?;
    outcome::record(&classifier, report).await.map(Json)
}
