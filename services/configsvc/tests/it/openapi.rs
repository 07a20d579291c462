//! The document of the service, and what every service serves.

use std::collections::BTreeSet;

use serde_json::json;

use crate::server::{Server, job, patch, retry_patch};

#[tokio::test]
async fn the_document_names_every_route_and_its_types() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.body;
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        routes.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    let expected = [
        "delete /v1/freezes/{id}",
        "delete /v1/patches/{id}",
        "get /v1/audit",
        "get /v1/configs/explain",
        "get /v1/freezes",
        "get /v1/patches",
        "get /v1/patches/{id}",
        "get /v1/patches/{id}/history",
        "get /v1/policy",
        "get /v1/tokens",
        "post /k8s/mutate",
        "post /v1/configs/explain",
        "post /v1/configs/mutate",
        "post /v1/freezes",
        "post /v1/patches",
        "post /v1/patches/{id}/activate",
        "post /v1/patches/{id}/pause",
        "post /v1/patches/{id}/renew",
        "post /v1/patches/{id}/resume",
        "post /v1/patches/{id}/revoke",
        "post /v1/patches/{id}/rollback",
        "post /v1/tokens",
        "post /v1/tokens/{id}/revoke",
        "post /v1/tokens/{id}/rotate",
        "put /v1/patches/{id}",
        "put /v1/policy",
    ];
    assert_eq!(routes, expected.map(str::to_owned).into());
    for name in ["NewPatch", "Patch", "Scope", "MutateRequest", "MutateResponse", "Policy", "Problem", "StatusChange"] {
        assert!(document["components"]["schemas"][name].is_object(), "{name} has a schema");
    }
    let body = &document["paths"]["/v1/patches"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/NewPatch");
    server.stop().await;
}

#[tokio::test]
async fn it_is_ready_and_counts_what_it_does() {
    let server = Server::start().await;
    assert_eq!(server.get("/readyz").await.status, 200);
    server.create("retry", &retry_patch("2g")).await;
    server.create("other", &patch(&json!({"workflow": "daily_sales"}), "spark.executor.cores", "2")).await;
    server.mutate(&job(2), json!({})).await;
    let metrics = server.get("/metrics").await.body;
    let metrics = metrics.as_str().unwrap();
    for name in [
        "paramedic_patch_changes_total{change=\"create\"}",
        "paramedic_mutations_total{dry_run=\"false\",changed=\"true\"}",
        "paramedic_patches_applied_total",
    ] {
        assert!(metrics.contains(name), "{name} is missing in:\n{metrics}");
    }
    server.stop().await;
}
