//! The admission webhook, with requests in the shapes that an API server sends.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::server::{Server, patch, retry_patch};

/// Makes something wrong with a request.
type Spoil = fn(&mut Value);

fn kubeflow() -> Value {
    serde_json::from_str(include_str!("../fixtures/kubeflow-create.json")).unwrap()
}

fn apache() -> Value {
    serde_json::from_str(include_str!("../fixtures/apache-create.json")).unwrap()
}

/// What the API server makes of the answer: the object after the patch, and the response.
async fn admit(server: &Server, review: &Value) -> (Value, Value) {
    let answer = server.post("/k8s/mutate", review).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let response = answer.body["response"].clone();
    assert_eq!(
        (&answer.body["apiVersion"], &answer.body["kind"]),
        (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
    );
    assert_eq!((&response["allowed"], &response["uid"]), (&json!(true), &review["request"]["uid"]));
    let mut object = review["request"]["object"].clone();
    if let Some(text) = response["patch"].as_str() {
        assert_eq!(response["patchType"], "JSONPatch");
        let patch: json_patch::Patch = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
        json_patch::patch(&mut object, &patch).unwrap();
    }
    (object, response)
}

#[tokio::test]
async fn a_kubeflow_application_gets_its_patch_in_the_field_that_decides() {
    let server = Server::start().await;
    let created = server.create("retry", &retry_patch("2g")).await;
    let (object, _) = admit(&server, &kubeflow()).await;
    assert_eq!(object["spec"]["executor"], json!({"cores": 1, "instances": 2, "memory": "2g"}));
    assert_eq!(object["spec"]["sparkConf"], json!({"spark.sql.shuffle.partitions": "200"}));
    assert_eq!(object["metadata"]["annotations"]["paramedic.io/applied-patches"], created.id());
    let uses = server.get(&format!("/v1/patches/{}", created.id())).await.body["uses"].clone();
    assert_eq!(uses, 1);

    let mut dry_run = kubeflow();
    dry_run["request"]["dryRun"] = json!(true);
    assert_eq!(admit(&server, &dry_run).await.0, object);
    let uses = server.get(&format!("/v1/patches/{}", created.id())).await.body["uses"].clone();
    assert_eq!(uses, 1, "a dry run counts no use");

    let mut first = kubeflow();
    first["request"]["object"]["metadata"]["annotations"]["paramedic.io/attempt"] = json!("1");
    let (unchanged, response) = admit(&server, &first).await;
    assert_eq!(unchanged, first["request"]["object"]);
    assert_eq!(response.as_object().unwrap().len(), 2, "allowed, and nothing else");
    server.stop().await;
}

#[tokio::test]
async fn an_apache_application_is_known_by_name_and_gets_a_configuration() {
    let server = Server::start().await;
    let scope = json!({"scheduler": "kubernetes", "workflow": "sales", "job": "pi", "labels": {"team": "sales"}});
    server.create("pi", &patch(&scope, "spark.executor.memory", "3g")).await;
    let (object, _) = admit(&server, &apache()).await;
    assert_eq!(object["spec"]["sparkConf"], json!({"spark.executor.memory": "3g"}));
    server.stop().await;
}

#[tokio::test]
async fn whatever_goes_wrong_the_object_is_let_in_as_it_is() {
    let server = Server::start().await;
    server.create("cores", &patch(&json!({"workflow": "daily_sales"}), "spark.executor.cores", "2")).await;
    let spoiled: [(Spoil, bool); 7] = [
        (|review| review["request"]["object"]["spec"] = json!(null), true),
        (|review| review["request"]["object"]["spec"]["sparkConf"] = json!(["spark.a=b"]), true),
        (|review| review["request"]["object"]["spec"]["executor"]["memory"] = json!({"max": "1g"}), true),
        (|review| review["request"]["object"]["metadata"]["annotations"]["paramedic.io/attempt"] = json!("x"), true),
        (|review| review["request"]["object"]["metadata"]["annotations"]["paramedic.io/run"] = json!("a\nb"), true),
        (|review| review["request"]["operation"] = json!("UPDATE"), false),
        (|review| review["request"]["kind"]["group"] = json!("apps"), false),
    ];
    for (number, (spoil, warned)) in spoiled.into_iter().enumerate() {
        let mut review = kubeflow();
        spoil(&mut review);
        let (object, response) = admit(&server, &review).await;
        assert_eq!(object, review["request"]["object"], "{number}");
        assert_eq!(response["warnings"].is_array(), warned, "{number}: {response}");
    }
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.as_str().unwrap().contains("paramedic_admissions_total{result=\"failed_open\"}"));
    assert_eq!(server.post("/k8s/mutate", &json!({"kind": "Pod"})).await.status, 422);
    server.stop().await;
}
