//! The routes: handlers parse, ask the domain, and answer.

mod audit;
mod configs;
mod entity_tag;
mod freezes;
mod life;
mod patches;
mod policy;
mod status;
mod wire;

use paramedic_domain::{Role, Violation};
use paramedic_service::{ApiError, ProblemKind};
use paramedic_store::StoreError;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::ConfigState;

/// Who reads patches and the policy, beside operators.
const READERS: &[Role] = &[Role::Viewer, Role::Scheduler, Role::RuleAuthor];
/// Who stores, changes and applies patches, beside operators: schedulers, and the services that act for them.
const WRITERS: &[Role] = &[Role::Scheduler];

/// Every route of the service.
pub(crate) fn routes(state: ConfigState) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(patches::create, patches::list))
        .routes(routes!(patches::show, patches::replace, patches::delete))
        .routes(routes!(status::pause))
        .routes(routes!(status::resume))
        .routes(routes!(status::revoke))
        .routes(routes!(status::history))
        .routes(routes!(life::activate))
        .routes(routes!(life::renew))
        .routes(routes!(life::rollback))
        .routes(routes!(freezes::create, freezes::list))
        .routes(routes!(freezes::lift))
        .routes(routes!(audit::list))
        .routes(routes!(configs::mutate))
        .routes(routes!(configs::explain, configs::explain_request))
        .routes(routes!(policy::show, policy::put))
        .with_state(state)
}

/// The one place where an error of the store meets its problem document.
pub(crate) fn store_error(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { .. } => ApiError::not_found(error.to_string()),
        StoreError::Conflict { .. } => ApiError::new(ProblemKind::PreconditionFailed, error.to_string()),
        StoreError::WrongStatus { .. } | StoreError::OtherContent { .. } => ApiError::conflict(error.to_string()),
        StoreError::BadCursor => ApiError::invalid(vec![Violation::at("/cursor", error.to_string())]),
        StoreError::Unavailable(_) => ApiError::unavailable("the store does not answer; try again", error),
        _ => ApiError::internal(error),
    }
}
