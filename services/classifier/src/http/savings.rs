//! `/v1/savings`.

use axum::{Json, extract::State};
use paramedic_domain::{Problem, savings::SavingsReport};
use paramedic_service::{Actor, ApiError, SavingsQuery, ValidQuery};
use paramedic_store::DecidedFilter;

use super::{READERS, store_error};
use crate::state::Classifier;

/// The period of a report that names none.
const PERIOD_S: i64 = 30 * 24 * 3600;

/// What was healed, what was not retried, and the money, against the jobs held out as control.
#[utoipa::path(get, path = "/v1/savings", tag = "classifier", params(SavingsQuery),
    responses((status = 200, body = SavingsReport), (status = 422, body = Problem)))]
pub(super) async fn show(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidQuery(query): ValidQuery<SavingsQuery>,
) -> Result<Json<SavingsReport>, ApiError> {
    actor.require(READERS)?;
    let now = classifier.clock.now();
    let since = query.since.unwrap_or_else(|| now.plus_seconds(-PERIOD_S));
    let filter = DecidedFilter { since, workflow: query.workflow, job: query.job };
    classifier.savings(&filter, now).await.map(Json).map_err(store_error)
}
