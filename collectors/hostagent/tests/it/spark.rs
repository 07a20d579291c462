//! Real Spark: executors and driver are told apart, and Python workers are their executor's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use paramedic_hostagent::snapshot::WorkloadReport;

use crate::{
    collector,
    load::{Process, wait_until},
    now,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A command with the project's Spark on the path, in a process group of its own.
fn spark(folder: &Path, arguments: &[&str]) -> Process {
    let log = fs::File::create(folder.join(format!("{}.log", arguments[0]))).unwrap();
    let mut command = Command::new(root().join("scripts/spark-env"));
    command.args(arguments).current_dir(folder).env("SPARK_LOCAL_IP", "127.0.0.1");
    Process::spawn_group(command.stdout(log.try_clone().unwrap()).stderr(log))
}

/// Runs the holding job and looks until driver, executor and Python worker are all seen, and nothing beside them: a JVM's
/// child is its parent's twin for a moment, before it becomes another program.
fn executors_and_driver_are_told_apart(folder: &Path, master: &str) {
    let job = root().join("collectors/hostagent/tests/jobs/hold.py");
    let settings = ["spark.ui.enabled=false", "spark.executor.memory=512m", "spark.driver.host=127.0.0.1"];
    let mut arguments = vec!["spark-submit", "--master", master];
    arguments.extend(settings.iter().flat_map(|setting| ["--conf", setting]));
    arguments.extend([job.to_str().unwrap(), folder.to_str().unwrap()]);
    let mut job = spark(folder, &arguments);
    wait_until("the job holds", || folder.join("holding").exists());
    let application = fs::read_to_string(folder.join("application")).unwrap();
    let mut collector = collector(true);
    let mut seen: Vec<WorkloadReport> = Vec::new();
    wait_until("all are seen", || {
        let snapshot = collector.collect(now());
        let own = |workload: &WorkloadReport| workload.application_id.as_deref() == Some(&application);
        seen = snapshot.workloads.into_iter().filter(own).collect();
        let complete = |id: &str, counts: (u32, u32)| {
            let counted = |own: &&WorkloadReport| own.executor_id.as_deref() == Some(id);
            seen.iter().find(counted).is_some_and(|own| (own.processes, own.python_processes) == counts)
        };
        // The driver's JVM and its script; the executor's JVM, pyspark's daemon and its worker.
        complete("driver", (2, 1)) && complete("0", (3, 2))
    });
    assert_eq!(seen.len(), 2, "one driver and one executor: {seen:?}");
    let executor = seen.iter().find(|own| own.kind == "executor").unwrap();
    assert!(executor.memory.python_rss_peak_bytes > 10 << 20);
    assert!(executor.memory.rss_peak_bytes > executor.memory.python_rss_peak_bytes);
    assert!(seen.iter().any(|own| own.kind == "driver"));
    fs::write(folder.join("end"), "").unwrap();
    job.wait();
}

#[test]
fn in_a_local_cluster() {
    let folder = tempfile::tempdir().unwrap();
    executors_and_driver_are_told_apart(folder.path(), "local-cluster[1,1,512]");
}

#[test]
fn on_a_standalone_master_and_worker() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let url = format!("spark://127.0.0.1:{port}");
    let class = |name: &'static str, rest: &[&str]| {
        let logs = folder.path().join(name);
        fs::create_dir(&logs).unwrap();
        let class = format!("org.apache.spark.deploy.{name}");
        let mut arguments = vec!["spark-class", &class, "--host", "127.0.0.1", "--webui-port", "0"];
        arguments.extend(rest);
        spark(&logs, &arguments)
    };
    let _master = class("master.Master", &["--port", &port]);
    let _worker = class(
        "worker.Worker",
        &["--cores", "1", "--memory", "600m", "--work-dir", folder.path().to_str().unwrap(), &url],
    );
    executors_and_driver_are_told_apart(folder.path(), &url);
}
