//! Pause, resume, revoke, delete, history.

use serde_json::{Value, json};

use crate::server::{Answer, Server, job, retry_patch, send};

async fn created(server: &Server) -> String {
    format!("/v1/patches/{}", server.create("key-1", &retry_patch("2g")).await.id())
}

async fn applies(server: &Server) -> bool {
    server.mutate(&job(2), json!({})).await["config"] == json!({"spark.executor.memory": "2g"})
}

fn status_of(answer: &Answer) -> (u16, &Value) {
    (answer.status, &answer.body["status"])
}

#[tokio::test]
async fn a_paused_patch_does_not_apply_until_it_is_resumed() {
    let server = Server::start().await;
    let path = created(&server).await;
    assert!(applies(&server).await);
    let paused = send(server.request("POST", &format!("{path}/pause"))).await;
    assert_eq!((status_of(&paused), paused.etag.as_deref()), ((200, &json!("paused")), Some("\"2\"")));
    assert!(!applies(&server).await);
    let resumed = server.post(&format!("{path}/resume"), &json!({"reason": "fixed"})).await;
    assert_eq!(status_of(&resumed), (200, &json!("active")));
    assert!(applies(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_patch_is_gone_for_ever_and_stays_readable() {
    for delete in [false, true] {
        let server = Server::start().await;
        let path = created(&server).await;
        let revoke = if delete { ("DELETE", path.clone()) } else { ("POST", format!("{path}/revoke")) };
        let revoked = send(server.request(revoke.0, &revoke.1)).await;
        assert_eq!(status_of(&revoked), (200, &json!("revoked")));
        let again = send(server.request(revoke.0, &revoke.1)).await;
        assert_eq!((again.status, &again.body), (200, &revoked.body), "revoking twice is no error");

        assert!(!applies(&server).await);
        let resumed = server.post(&format!("{path}/resume"), &json!({})).await;
        assert_eq!((resumed.status, &resumed.body["type"]), (409, &json!("urn:paramedic:problem:conflict")));
        assert_eq!(server.put(&path, Some("\"2\""), &retry_patch("3g")).await.status, 409);
        assert_eq!(server.get(&path).await.body, revoked.body);
        assert_eq!(server.get("/v1/patches?status=revoked").await.body["items"], json!([revoked.body]));
        server.stop().await;
    }
}

#[tokio::test]
async fn history_tells_who_did_what_and_why() {
    let server = Server::start().await;
    let path = created(&server).await;
    server.post(&format!("{path}/pause"), &json!({"reason": "looks odd"})).await;
    server.put(&path, Some("\"2\""), &retry_patch("3g")).await;
    let history = server.get(&format!("{path}/history")).await.body;
    let items = history["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|item| (&item["version"], &item["change"], &item["actor"])).collect();
    let (update, pause, create, local) = (json!("update"), json!("pause"), json!("create"), json!("local"));
    assert_eq!(told, [(&json!(3), &update, &local), (&json!(2), &pause, &local), (&json!(1), &create, &local)]);
    assert_eq!(items[1]["reason"], "looks odd");
    assert_eq!(items[1]["after"]["status"], "paused");
    assert_eq!(items[0]["after"]["patch"][0]["value"], "3g");
    let page = server.get(&format!("{path}/history?limit=2")).await.body;
    let rest = server.get(&format!("{path}/history?cursor={}", page["next_cursor"].as_str().unwrap())).await.body;
    assert_eq!((page["items"].as_array().unwrap().len(), &rest["items"]), (2, &json!([items[2]])));
    server.stop().await;
}

#[tokio::test]
async fn a_change_at_a_stale_version_is_refused() {
    let server = Server::start().await;
    let path = created(&server).await;
    for (method, path) in [("POST", format!("{path}/pause")), ("DELETE", path.clone())] {
        let answer = send(server.request(method, &path).header("If-Match", "\"7\"")).await;
        assert_eq!(answer.status, 412, "{method} {path}");
    }
    assert_eq!(send(server.request("DELETE", &path).header("If-Match", "\"1\"")).await.status, 200);
    let too_long = json!({"reason": "x".repeat(5_000)});
    assert_eq!(server.post(&format!("{path}/pause"), &too_long).await.pointers(), ["/reason"]);
    server.stop().await;
}
