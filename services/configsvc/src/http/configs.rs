//! `/v1/configs`.

use axum::{Json, extract::State};
use paramedic_domain::{MutateRequest, MutateResponse, Problem, Role};
use paramedic_service::{Actor, ApiError, ValidJson};

use super::{WRITERS, store_error};
use crate::{ConfigState, answer::answer};

/// What should this attempt start with?
///
/// Applies the active patches whose scope the attempt is in: the less specific scope first, then the lower priority, then
/// the older. A patch that fails is skipped whole. Counts a use of each applied patch, unless `dry_run`.
#[utoipa::path(post, path = "/v1/configs/mutate", tag = "configs", request_body = MutateRequest, responses(
    (status = 200, body = MutateResponse),
    (status = 422, body = Problem, description = "The request is not valid"),
))]
pub(super) async fn mutate(
    State(state): State<ConfigState>,
    actor: Actor,
    ValidJson(request): ValidJson<MutateRequest>,
) -> Result<Json<MutateResponse>, ApiError> {
    actor.require(if request.dry_run { &[Role::Scheduler, Role::Viewer, Role::RuleAuthor] } else { WRITERS })?;
    answer(&state, &request, state.clock.now()).await.map(Json).map_err(store_error)
}
