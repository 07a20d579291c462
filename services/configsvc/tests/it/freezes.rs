//! The switch that stops every patch.

use serde_json::json;

use crate::server::{Server, job, retry_patch, send};

#[tokio::test]
async fn a_freeze_stops_patches_in_its_scope_until_it_is_lifted() {
    let server = Server::start().await;
    server.create("k", &retry_patch("2g")).await;
    for scope in [json!({"workflow": "daily_sales"}), json!({})] {
        let freeze = server.post("/v1/freezes", &json!({"scope": scope, "reason": "audit"})).await;
        assert_eq!(freeze.status, 201);
        let answer = server.mutate(&job(2), json!({})).await;
        assert_eq!((&answer["config"], &answer["applied"]), (&json!({}), &json!([])));
        assert_eq!(answer["skipped"][0]["code"], "frozen");
        assert_eq!(answer["skipped"][0]["reason"], "frozen by local: audit");
        let path = freeze.location.clone().unwrap();
        let lifted = send(server.request("DELETE", &path)).await;
        assert_eq!((lifted.status, &lifted.body["lifted_by"]), (200, &json!("local")));
        assert_eq!(server.mutate(&job(2), json!({})).await["config"], json!({"spark.executor.memory": "2g"}));
    }
    let other = server.post("/v1/freezes", &json!({"scope": {"workflow": "hourly"}})).await;
    assert_eq!(server.mutate(&job(2), json!({})).await["config"], json!({"spark.executor.memory": "2g"}));
    let all = server.get("/v1/freezes").await.body;
    assert_eq!((all["items"].as_array().unwrap().len(), &all["items"][0]["id"]), (3, &other.body["id"]));
    server.stop().await;
}
