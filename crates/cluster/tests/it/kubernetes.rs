use paramedic_cluster::{Asked, ClusterConfig, KubernetesConfig};
use paramedic_domain::LogKind;

use crate::harness::{
    KUBERNETES_APP, Recorded, asked, config, ends, find, fixture, log_names, missed, of_kubernetes, text_of,
};

const PODS: &str = "/api/v1/namespaces/spark/pods";
const EVENTS: &str = "/api/v1/namespaces/spark/events";

fn api() -> Recorded {
    let restarted = "/api/v1/namespaces/spark/pods/sales-driver/log?container=spark-kubernetes-driver&tailLines=50000\
                     &limitBytes=33554432&previous=true";
    Recorded::default()
        .with(PODS, fixture("kubernetes/pods.json", ""))
        .with(EVENTS, fixture("kubernetes/events.json", ""))
        .with(&format!("{PODS}/sales-exec-1/log"), "26/01/31 12:03:00 INFO Executor: running\n")
        .with(restarted, "java.lang.OutOfMemoryError: Metaspace\n")
        .with(&format!("{PODS}/sales-driver/log"), "26/01/31 12:03:30 INFO SparkContext: again\n")
}

fn of(kubernetes: KubernetesConfig) -> ClusterConfig {
    ClusterConfig { kubernetes: Some(kubernetes), ..config() }
}

#[tokio::test]
async fn pods_their_ends_events_and_logs_are_read() {
    let api = api();
    let found = find(of(of_kubernetes(&api.serve().await)), asked(KUBERNETES_APP)).await;
    assert_eq!(missed(&found), [""; 0]);
    assert_eq!(
        ends(&found),
        [
            ("driver", None, Some("Error"), Some(1)),
            ("executor", Some("1"), Some("OOMKilled"), Some(137)),
            ("executor", Some("2"), Some("Evicted"), None),
        ]
    );
    assert_eq!(
        log_names(&found),
        [
            (LogKind::DriverStderr, "pod sales-driver before its restart"),
            (LogKind::DriverStderr, "pod sales-driver"),
            (LogKind::ExecutorStderr, "pod sales-exec-1"),
            (LogKind::Orchestrator, "kubernetes"),
        ]
    );
    assert!(text_of(&found, "pod sales-driver before its restart").contains("Metaspace"));
    let said = text_of(&found, "kubernetes");
    for words in
        ["pod sales-exec-2 phase: Failed\n\t reason: Evicted", "termination reason: OOMKilled", "Warning Evicted"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let selector = format!("{PODS}?labelSelector=spark-app-selector%3D{KUBERNETES_APP}&limit=1000");
    assert!(api.asked().contains(&selector), "{:?}", api.asked());
}

#[tokio::test]
async fn the_token_is_read_anew_each_time_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let server = api().only_for("second").serve().await;
    let config = of(KubernetesConfig { token_file: Some(token_file.clone()), ..of_kubernetes(&server) });
    for (token, expected) in [
        (None, "Whole: its token cannot be read; check --kubernetes-token-file"),
        (Some("first"), "Whole: it refused the token (401); renew what --kubernetes-token-file names"),
        (Some("not\u{1}plain"), "Whole: its token cannot be read; check --kubernetes-token-file"),
    ] {
        if let Some(token) = token {
            std::fs::write(&token_file, token).unwrap();
        }
        let found = find(config.clone(), asked(KUBERNETES_APP)).await;
        assert_eq!(missed(&found), [expected]);
        let shown = format!("{found:?} {config:?} {}", found.missed[0].error);
        assert!(!shown.contains("first") && !shown.contains("plain"), "{shown}");
    }
    std::fs::write(&token_file, "second\n").unwrap();
    assert_eq!(missed(&find(config, asked(KUBERNETES_APP)).await), [""; 0]);
}

#[tokio::test]
async fn what_the_role_does_not_grant_is_said_with_the_verbs() {
    const MEND: &str = "it refused (403); grant the service account `get` and `list` on `pods` and `events`, and `get` on \
                        `pods/log`, in the job's namespace";
    let forbidden = fixture("kubernetes/forbidden.json", "");
    let none = Recorded::default().refusing(PODS, 403, forbidden.as_str());
    let found = find(of(of_kubernetes(&none.serve().await)), asked(KUBERNETES_APP)).await;
    assert_eq!(missed(&found), [format!("Whole: {MEND}")]);

    // Pods, but neither logs nor events: the ends of containers decide.
    let pods_only = Recorded::default().with(PODS, fixture("kubernetes/pods.json", ""));
    let pods_only = ["sales-driver", "sales-exec-1"]
        .iter()
        .fold(pods_only, |api, pod| api.refusing(&format!("{PODS}/{pod}/log"), 403, forbidden.as_str()));
    let found = find(
        of(of_kubernetes(&pods_only.refusing(EVENTS, 403, forbidden.as_str()).serve().await)),
        asked(KUBERNETES_APP),
    )
    .await;
    assert_eq!(missed(&found), [format!("Some: {MEND}")]);
    assert_eq!((ends(&found).len(), log_names(&found)), (3, vec![(LogKind::Orchestrator, "kubernetes")]));
}

#[tokio::test]
async fn only_allowed_namespaces_are_asked() {
    let api = api();
    let server = api.serve().await;
    let elsewhere = Asked { namespace: Some("kube-system".into()), ..asked(KUBERNETES_APP) };
    let found = find(of(of_kubernetes(&server)), elsewhere).await;
    assert_eq!(missed(&found), ["Whole: the job's namespace may not be read; allow it with --kubernetes-namespace"]);
    assert_eq!(api.asked(), [""; 0]);

    // Where the job names none, each is looked into.
    let both = KubernetesConfig { namespaces: vec!["etl".into(), "spark".into()], ..of_kubernetes(&server) };
    let found = find(of(both), asked(KUBERNETES_APP)).await;
    assert_eq!(ends(&found).len(), 3);
}

#[tokio::test]
async fn pods_that_are_gone_are_said_with_the_setting_that_keeps_them() {
    let empty = r#"{"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}"#;
    let server = Recorded::default().with(PODS, empty).serve().await;
    let found = find(of(of_kubernetes(&server)), asked(KUBERNETES_APP)).await;
    assert!(missed(&found)[0].contains("spark.kubernetes.executor.deleteOnTermination=false"), "{:?}", missed(&found));
}
