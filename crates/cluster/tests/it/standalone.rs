//! Which workers are asked. That they are asked well, `tests/e2e` shows on real ones.

use paramedic_cluster::ClusterConfig;
use paramedic_domain::LogKind;

use crate::harness::{Recorded, asked, config, find, log_names, missed, text_of};

const APP: &str = "app-20260131120000-0001";

fn of_master(server: &str) -> ClusterConfig {
    ClusterConfig { spark_master_url: Some(server.parse().unwrap()), ..config() }
}

fn worker() -> Recorded {
    let page = |text: &str| {
        format!("==== Bytes 0-{} of {} of /opt/spark/work/{APP}/0/stderr ====\n{text}", text.len(), text.len())
    };
    let stderr = format!("/log/?appId={APP}&executorId=0&logType=stderr&byteLength=786432");
    Recorded::default()
        .with("/json/", format!(r#"{{"executors": [], "finishedexecutors": [{{"id": 0, "appid": "{APP}"}}, {{"id": 1, "appid": "app-2"}}]}}"#))
        .with(&stderr, page("java.lang.OutOfMemoryError: Java heap space\n"))
}

fn master(workers: &[&str]) -> Recorded {
    let workers = workers.iter().map(|url| format!(r#"{{"id": "w", "webuiaddress": "{url}", "state": "ALIVE"}}"#));
    let workers = workers.collect::<Vec<_>>().join(",");
    let apps = format!(r#"{{"id": "{APP}", "state": "FAILED"}}"#);
    let log = "==== Bytes 0-90 of 90 of logs/out ====\n26/01/31 INFO Master: Application app-2 is fine\n\
               26/01/31 ERROR Master: Application x with ID app-20260131120000-0001 failed 10 times; removing it\n";
    Recorded::default()
        .with("/json/", format!(r#"{{"workers": [{workers}], "completedapps": [{apps}]}}"#))
        .with("/log/", log)
}

#[tokio::test]
async fn the_master_its_log_and_the_workers_on_its_host_are_asked() {
    let worker = worker().serve().await;
    let found = find(of_master(&master(&[&worker]).serve().await), asked(APP)).await;
    assert_eq!(
        log_names(&found),
        [
            (LogKind::Orchestrator, "standalone master"),
            (LogKind::Orchestrator, "standalone master's state"),
            (LogKind::ExecutorStderr, "executor 0 stderr"),
        ]
    );
    let said = text_of(&found, "standalone master");
    assert!(said.contains("failed 10 times") && !said.contains("app-2 is fine"), "{said}");
    assert_eq!(text_of(&found, "standalone master's state"), format!("Application {APP} ended as FAILED\n"));
}

#[tokio::test]
async fn workers_elsewhere_are_asked_where_the_list_names_them() {
    let worker = worker();
    let by_name = worker.serve().await.replace("127.0.0.1", "localhost");
    let server = master(&[&by_name, "http://169.254.169.254:80", "nonsense"]).serve().await;
    let strict = find(of_master(&server), asked(APP)).await;
    assert_eq!(worker.asked(), [""; 0]);
    let missed = missed(&strict);
    assert_eq!(missed[0], "Some: it names a host that may not be asked; where it should be, allow it with --log-host");
    assert_eq!(missed[1], "Some: it gave an unexpected answer; check that --spark-master-url names one");

    let named = ClusterConfig { hosts: vec!["localhost".parse().unwrap()], ..of_master(&server) };
    let found = find(named, asked(APP)).await;
    assert!(log_names(&found).contains(&(LogKind::ExecutorStderr, "executor 0 stderr")));
}

#[tokio::test]
async fn work_folders_are_read_and_links_out_of_them_are_not() {
    let work = tempfile::tempdir().unwrap();
    for (executor, text) in [("0", "first"), ("1", "second")] {
        let folder = work.path().join(APP).join(executor);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("stderr"), text).unwrap();
        std::fs::write(folder.join("stdout"), "").unwrap();
    }
    let link = work.path().join(APP).join("0/stdout");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", link).unwrap();

    let config = ClusterConfig { spark_work_dirs: vec![work.path().to_owned()], ..config() };
    let found = find(config.clone(), asked(APP)).await;
    let names = [(LogKind::ExecutorStderr, "executor 1 stderr"), (LogKind::ExecutorStderr, "executor 0 stderr")];
    assert_eq!(log_names(&found), names);
    assert_eq!(missed(&found), ["Some: a file of the work folder cannot be read; let this process read it"]);

    let unknown = find(config, asked("app-20260131120000-0002")).await;
    assert!(missed(&unknown)[0].contains("spark.worker.cleanup.appDataTtl"), "{:?}", missed(&unknown));
}
