//! The OpenAPI document: title and version of the service, and how to authorize.

use utoipa::openapi::{
    Components, Info, OpenApi,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

/// Completes the document that the routes made, and serializes it.
pub(crate) fn document(mut openapi: OpenApi, title: &str, version: &str) -> Result<String, serde_json::Error> {
    // What stands there is about the library that collected the routes.
    openapi.info = Info::new(title, version);
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    openapi.components.get_or_insert_with(Components::new).add_security_scheme("bearer", bearer);
    // The empty alternative: on a loopback address a service may run without tokens.
    openapi.security =
        Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new()), SecurityRequirement::default()]);
    openapi.to_json()
}
