//! `/v1/failures/{id}/ledger`.

use axum::{Json, extract::State};
use paramedic_domain::{FailureId, LedgerLine, Problem};
use paramedic_service::{Actor, ApiError, ValidPath};

use super::{READERS, store_error};
use crate::state::Classifier;

/// A failure with everything that followed from it: the verdict, the recommendation, the patches as they are now, the retry
/// and its outcome.
#[utoipa::path(get, path = "/v1/failures/{id}/ledger", tag = "classifier", params(("id" = FailureId, Path)),
    responses((status = 200, body = LedgerLine), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(classifier): State<Classifier>,
    actor: Actor,
    ValidPath(id): ValidPath<FailureId>,
) -> Result<Json<LedgerLine>, ApiError> {
    actor.require(READERS)?;
    let line = classifier.ledger_line(id).await.map_err(store_error)?;
    line.map(Json).ok_or_else(|| ApiError::not_found(format!("no failure {id} is decided")))
}
