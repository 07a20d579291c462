use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    response::Redirect,
    routing::get,
};
use paramedic_cluster::{Cluster, ClusterConfig, Layer, Part};
use paramedic_domain::LogKind;
use tokio::{net::TcpListener, time::Instant};

use crate::harness::{Recorded, YARN_APP, asked, config, find, fixture, log_names, missed, of_yarn, serve};

const APP: &str = "/ws/v1/cluster/apps/application_1700000000000_0042";

fn of_history(server: &str) -> ClusterConfig {
    ClusterConfig { history_server_url: Some(server.parse().unwrap()), ..config() }
}

/// Takes connections and never answers, as long as the listener lives.
async fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

async fn closed() -> String {
    silent().await.0
}

#[tokio::test]
async fn each_failure_is_told_with_what_mends_it() {
    let (silent, _listener) = silent().await;
    let refusing = async |status| Recorded::default().refusing(APP, status, "no").serve().await;
    for (server, expected) in [
        (closed().await, "it cannot be reached; check --yarn-resource-manager-url"),
        (silent, "it did not answer in time"),
        (
            refusing(401).await,
            "it wants to know who asks (401); let this host read it without, or send the logs in the report",
        ),
        (refusing(403).await, "it refused (403); let this user view the application, by its view ACLs"),
        (refusing(404).await, "it does not know the application, or does not keep this log any more"),
        (refusing(500).await, "it answered 500"),
        (
            Recorded::default().with(APP, "<html>Login</html>").serve().await,
            "it gave an unexpected answer; check that --yarn-resource-manager-url names one",
        ),
        (
            Recorded::default().with(APP, r#"{"app": "#).serve().await,
            "it gave an unexpected answer; check that --yarn-resource-manager-url names one",
        ),
    ] {
        let found = find(of_yarn(&server), asked(YARN_APP)).await;
        assert_eq!(missed(&found), [format!("Whole: {expected}")]);
        assert_eq!(log_names(&found), []);
    }
}

#[tokio::test]
async fn a_layer_that_hangs_costs_the_others_nothing() {
    let (silent, _listener) = silent().await;
    let manager = Recorded::default()
        .with(APP, fixture("yarn/app.json", "w:8042"))
        .with(&format!("{APP}/appattempts"), r#"{"appAttempts": {}}"#);
    let long = Duration::from_mins(10);
    let both = ClusterConfig {
        connect_timeout: long,
        http_timeout: long,
        history_server_url: silent.parse().ok(),
        ..of_yarn(&manager.serve().await)
    };
    let deadline = Instant::now() + Duration::from_secs(2);
    let found = Cluster::new(both).unwrap().find(&asked(YARN_APP), deadline).await;
    assert_eq!(found.iter().map(|found| found.layer).collect::<Vec<_>>(), [Layer::Yarn, Layer::History]);
    assert_eq!((log_names(&found[0]).len(), missed(&found[0]).len()), (1, 0));
    assert_eq!(missed(&found[1]), ["Whole: it did not answer in time"]);
}

/// A body without end.
async fn endless() -> Body {
    let first = futures::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"first line\n")) });
    let noise = Bytes::from("INFO nothing happens here\n".repeat(10_000));
    Body::from_stream(futures::StreamExt::chain(first, futures::stream::repeat_with(move || Ok(noise.clone()))))
}

#[tokio::test]
async fn huge_answers_end_at_their_bounds() {
    let server = serve(Router::new().fallback(get(endless))).await;
    let small = ClusterConfig { answer_bytes_max: 100_000, ..of_history(&server) };
    let found = find(small, asked("local-1700000000000")).await;
    assert_eq!(missed(&found), ["Whole: its answer is longer than what is read"]);

    // An endless log is cut: what came is used, and no more is kept than may be.
    let node = server.trim_start_matches("http://");
    let manager = Recorded::default()
        .with(APP, fixture("yarn/app.json", node))
        .with(&format!("{APP}/appattempts"), fixture("yarn/appattempts.json", node));
    let config = ClusterConfig { layer_bytes_max: 400_000, ..of_yarn(&manager.serve().await) };
    let found = find(config, asked(YARN_APP)).await;
    let drivers: Vec<_> = found.logs.iter().filter(|log| log.log == LogKind::DriverStderr).collect();
    assert_eq!(drivers.len(), 2);
    for log in drivers {
        assert!(log.text.text.starts_with("first line\n") && !log.text.whole);
        assert!(log.text.text.len() < 120_000, "{}", log.text.text.len());
    }
}

#[tokio::test]
async fn redirects_are_followed_to_allowed_hosts_only() {
    let active = Recorded::default()
        .with(APP, fixture("yarn/app.json", "w:8042"))
        .with(&format!("{APP}/appattempts"), r#"{"appAttempts": {}}"#);
    let active_url = active.serve().await;
    let standby = |target: String| {
        let to = async move |uri: axum::http::Uri| Redirect::temporary(&format!("{target}{}", uri.path()));
        serve(Router::new().fallback(to))
    };
    // As a resource manager on standby does.
    let found = find(of_yarn(&standby(active_url.clone()).await), asked(YARN_APP)).await;
    assert_eq!((log_names(&found).len(), missed(&found).len()), (1, 0));

    // The same server by a name that is not on the list, and places that no list opens.
    let before = active.asked().len();
    let by_name = active_url.replace("127.0.0.1", "localhost");
    for target in [by_name.as_str(), "http://169.254.169.254", "http://[fd00:ec2::254]", "file:///etc"] {
        let found = find(of_yarn(&standby(target.to_owned()).await), asked(YARN_APP)).await;
        assert_eq!(log_names(&found), [], "{target}");
        assert_eq!(found.missed[0].part, Part::Whole, "{target}");
    }
    assert_eq!(active.asked().len(), before);
    let named = ClusterConfig { hosts: vec!["localhost".parse().unwrap()], ..of_yarn(&standby(by_name).await) };
    assert_eq!(log_names(&find(named, asked(YARN_APP)).await).len(), 1);
}
