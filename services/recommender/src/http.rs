//! The routes: handlers parse and answer.

mod attempts;
mod host_samples;
mod models;
mod recommendations;
mod reports;
mod right_sizing;
mod shadow;

use paramedic_service::ApiError;
use paramedic_store::StoreError;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::RecommenderState;

/// Every route of the recommender.
pub(crate) fn routes(state: RecommenderState) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(recommendations::recommend))
        .routes(routes!(attempts::record))
        .routes(routes!(host_samples::record))
        .routes(routes!(models::list))
        .routes(routes!(models::show))
        .routes(routes!(models::promote))
        .routes(routes!(models::roll_back))
        .routes(routes!(reports::json))
        .routes(routes!(reports::page))
        .routes(routes!(right_sizing::list))
        .routes(routes!(right_sizing::apply))
        .routes(routes!(shadow::start))
        .routes(routes!(shadow::report, shadow::stop))
        .with_state(state)
}

/// A store that does not answer is no defect of the request.
fn store_error(error: StoreError) -> ApiError {
    match error {
        StoreError::Unavailable(_) => ApiError::unavailable("the store does not answer; try again", error),
        error => ApiError::internal(error),
    }
}
