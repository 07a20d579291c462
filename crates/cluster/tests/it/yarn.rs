use paramedic_cluster::{Asked, ClusterConfig};
use paramedic_domain::LogKind;

use crate::harness::{Recorded, YARN_APP, asked, config, ends, find, fixture, log_names, missed, of_yarn, text_of};

const APP: &str = "/ws/v1/cluster/apps/application_1700000000000_0042";
const ATTEMPT_1: &str = "appattempts/appattempt_1700000000000_0042_000001";
const ATTEMPT_2: &str = "appattempts/appattempt_1700000000000_0042_000002";

/// The node that has logs: of the master that failed last, and of two executors.
fn node() -> Recorded {
    let of = |container: &str, file: &str| {
        format!("/ws/v1/node/containers/container_1700000000000_0042_02_00000{container}/logs/{file}")
    };
    let stderr = fixture("yarn/stderr.txt", "");
    Recorded::default()
        .with(&of("1", "stderr"), stderr.as_str())
        .with(&of("2", "stderr"), stderr.replace("ApplicationMaster: User class", "Executor: Task"))
        .with(&of("3", "stderr"), stderr.replace("LogLength:", "LogLength:9"))
}

fn manager(node: &str) -> Recorded {
    let node = node.trim_start_matches("http://");
    Recorded::default()
        .with(APP, fixture("yarn/app.json", node))
        .with(&format!("{APP}/appattempts"), fixture("yarn/appattempts.json", node))
        .with(&format!("{APP}/{ATTEMPT_1}"), fixture("yarn/appattempt.json", node))
        .with(&format!("{APP}/{ATTEMPT_2}/containers"), fixture("yarn/containers.json", node))
}

#[tokio::test]
async fn diagnostics_attempts_ends_and_logs_are_read() {
    let manager = manager(&node().serve().await);
    let found = find(of_yarn(&manager.serve().await), asked(YARN_APP)).await;

    let said = text_of(&found, "yarn");
    assert!(said.contains("failed 2 times due to AM Container"), "{said}");
    assert!(said.contains("Container released on a *lost* node"), "the first attempt's own: {said}");
    assert!(said.contains("Container marked as failed: container_1700000000000_0042_02_000003. Exit status: -104"));
    // -105: the application master stopped it at the end.
    assert_eq!(ends(&found), [("executor", None, None, Some(-104))]);
    let logs = log_names(&found);
    assert!(logs.contains(&(LogKind::DriverStderr, "container_1700000000000_0042_02_000001 stderr")), "{logs:?}");
    assert!(logs.contains(&(LogKind::ExecutorStderr, "container_1700000000000_0042_02_000002 stderr")), "{logs:?}");
    let driver = text_of(&found, "container_1700000000000_0042_02_000001 stderr");
    assert!(driver.starts_with("26/01/31 12:03:09 ERROR ApplicationMaster") && !driver.contains("LogType"), "{driver}");
    let whole = |name: &str| found.logs.iter().find(|log| log.name.contains(name)).unwrap().text.whole;
    assert!(whole("02_000001") && !whole("02_000003"));
    // The rest is not there any more: the first attempt's logs, and every stdout.
    assert_eq!(missed(&found), ["Some: it does not know the application, or does not keep this log any more"]);
}

#[tokio::test]
async fn in_client_mode_the_master_is_not_the_driver() {
    let manager = manager(&node().serve().await);
    let asked = Asked { driver_in_cluster: false, ..asked(YARN_APP) };
    let found = find(of_yarn(&manager.serve().await), asked).await;
    let master = (LogKind::Orchestrator, "container_1700000000000_0042_02_000001 stderr");
    assert!(log_names(&found).contains(&master), "{:?}", log_names(&found));
    assert!(!log_names(&found).iter().any(|(log, _)| *log == LogKind::DriverStderr));
}

#[tokio::test]
async fn only_logs_that_are_not_at_hand_are_fetched() {
    let node = node();
    let manager = manager(&node.serve().await);
    let asked = Asked { wanted: vec![LogKind::Orchestrator], ..asked(YARN_APP) };
    let found = find(of_yarn(&manager.serve().await), asked).await;
    assert_eq!(log_names(&found), [(LogKind::Orchestrator, "yarn")]);
    assert_eq!(node.asked(), [""; 0]);
}

#[tokio::test]
async fn the_log_server_has_what_the_nodes_forgot() {
    let history = "/ws/v1/applicationhistory";
    let containers = fixture("yarn/containers.json", "gone.example:8042");
    let log = format!("{history}/containers/container_1700000000000_0042_02_000003/logs/stderr");
    let log_server = Recorded::default()
        .with(&format!("{history}/apps/{YARN_APP}/{ATTEMPT_2}/containers"), containers)
        .with(&log, fixture("yarn/stderr.txt", ""));
    let manager = Recorded::default()
        .with(APP, fixture("yarn/app.json", "gone.example:8042"))
        .with(&format!("{APP}/appattempts"), fixture("yarn/appattempts.json", "gone.example:8042"));
    let config = ClusterConfig {
        yarn_log_server_url: format!("{}{history}/", log_server.serve().await).parse().ok(),
        ..of_yarn(&manager.serve().await)
    };
    let found = find(config, asked(YARN_APP)).await;
    assert_eq!(ends(&found), [("executor", None, None, Some(-104))]);
    assert!(text_of(&found, "container_1700000000000_0042_02_000003 stderr").contains("ERROR ApplicationMaster"));
    let query = log_server.asked().into_iter().find(|asked| asked.starts_with(&log)).unwrap();
    assert!(query.contains("?size=-"), "the end of it: {query}");
    // The nodes are no allowed hosts, and are not asked.
    assert_eq!(
        missed(&found),
        ["Some: it names a host that may not be asked; where it should be, allow it with --log-host"]
    );
}

#[tokio::test]
async fn a_manager_that_knows_only_the_application_is_enough() {
    let manager = Recorded::default().with(APP, fixture("yarn/app.json", "w:8042"));
    let found = find(of_yarn(&manager.serve().await), asked(YARN_APP)).await;
    assert_eq!(log_names(&found), [(LogKind::Orchestrator, "yarn")]);
    assert_eq!(missed(&found).len(), 1);
}

#[tokio::test]
async fn an_application_of_another_kind_is_not_asked_for() {
    let manager = Recorded::default();
    let config = ClusterConfig { history_server_url: config().history_server_url, ..of_yarn(&manager.serve().await) };
    let cluster = paramedic_cluster::Cluster::new(config).unwrap();
    for id in ["app-20260131120000-0001", "local-1", "spark-1", "application_1/../../x"] {
        assert_eq!(cluster.layers_of(id), [], "{id}");
    }
}
