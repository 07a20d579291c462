//! The policy.

use paramedic_domain::Policy;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn the_default_is_in_force_until_another_is_put() {
    let server = Server::start().await;
    let before = server.get("/v1/policy").await;
    assert_eq!((before.status, before.etag.as_deref()), (200, Some("\"0\"")));
    assert_eq!(before.body, serde_json::to_value(Policy::default()).unwrap());

    let narrow = json!({
        "allowed_keys": ["spark.sql.*"], "bounds": {}, "forbidden_keys": ["*.jars"], "node_memory_bytes": null
    });
    let put = server.put("/v1/policy", Some("\"0\""), &narrow).await;
    assert_eq!((put.status, put.etag.as_deref(), &put.body), (200, Some("\"1\""), &narrow));
    assert_eq!(server.put("/v1/policy", Some("\"0\""), &narrow).await.status, 412);
    let after = server.get("/v1/policy").await;
    assert_eq!((after.etag.as_deref(), after.body), (Some("\"1\""), narrow));
    server.stop().await;
}

#[tokio::test]
async fn a_policy_that_cannot_be_met_is_refused() {
    let server = Server::start().await;
    for (policy, pointer) in [
        (
            json!({"allowed_keys": [], "bounds": {"spark.executor.memory": {"min": "2g", "max": "1g"}}}),
            "/bounds/spark.executor.memory",
        ),
        (
            json!({"allowed_keys": [], "bounds": {"spark.executor.memory": {"max": "1.5g"}}}),
            "/bounds/spark.executor.memory/max",
        ),
        (json!({"allowed_keys": ["*.memory"]}), "/allowed_keys/0"),
        (json!({"allowed_keys": [], "bounds": {"k": {}}}), "/bounds/k"),
        (json!({"allowed_keys": [], "typo": 1}), "/typo"),
        (json!({"allowed_keys": [], "forbidden_keys": [""]}), "/forbidden_keys/0"),
        (
            json!({"allowed_keys": [], "scoped_bounds": [{"scope": {"job": "j"}, "bounds": {"k": {"min": "2", "max": "1"}}}]}),
            "/scoped_bounds/0/bounds/k",
        ),
    ] {
        let answer = server.put("/v1/policy", None, &policy).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{policy}");
    }
    assert_eq!(server.get("/v1/policy").await.etag.as_deref(), Some("\"0\""));
    server.stop().await;
}
