//! The classifier's routes, a file a resource.

mod failures;
mod ledger;
mod outcomes;
mod rules;
mod savings;
mod unclassified;

use paramedic_domain::{Role, Violation};
use paramedic_service::ApiError;
use paramedic_store::StoreError;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::Classifier;

/// Who reads decisions and rules, beside operators: everyone but the host agents.
const READERS: &[Role] = &[Role::Viewer, Role::Scheduler, Role::RuleAuthor];

/// The classifier's own routes: no health, no metrics, so that one port can serve all three services.
pub fn routes(classifier: Classifier) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(failures::report, failures::list))
        .routes(routes!(failures::show))
        .routes(routes!(ledger::show))
        .routes(routes!(outcomes::report))
        .routes(routes!(savings::show))
        .routes(routes!(rules::list))
        .routes(routes!(rules::show))
        .routes(routes!(rules::try_out))
        .routes(routes!(rules::reload))
        .routes(routes!(unclassified::list))
        .routes(routes!(unclassified::show))
        .routes(routes!(unclassified::logs))
        .with_state(classifier)
}

fn store_error(error: StoreError) -> ApiError {
    match error {
        StoreError::BadCursor => ApiError::invalid(vec![Violation::at("/cursor", error.to_string())]),
        StoreError::Unavailable(_) => ApiError::unavailable("the store does not answer", error),
        _ => ApiError::internal(error),
    }
}
