use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use paramedic_classifier::{Classifier, ClassifierConfig, routes};
use paramedic_domain::{
    Clock, Configuration, FailureReport, Job, LogKind, LogSource, Timestamp,
    failure::{Engine, EngineKind},
};
use paramedic_service::{Auth, Client, ServeOptions, Timeouts};
use paramedic_store::Store;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const RULES: &str = r"
rules:
  - name: ExecutorHeapOom
    source: spark
    log: [executor.stderr, driver.stderr]
    summary: An executor ran out of Java heap.
    category: memory_configuration
    memory_side: executor_heap
    restartable: false
    regex: 'java\.lang\.OutOfMemoryError: Java heap space'
    advice: Raise spark.executor.memory.
    examples:
      match: ['java.lang.OutOfMemoryError: Java heap space']
      no_match: ['java.lang.OutOfMemoryError: Metaspace']
  - name: DivisionByZero
    source: python
    log: [driver.stderr]
    summary: The job divided by zero.
    category: user_code
    restartable: false
    regex: 'ZeroDivisionError'
    examples:
      match: ['ZeroDivisionError: division by zero']
      no_match: ['zero division']
  - name: FetchFailed
    source: spark
    log: [driver.stderr]
    summary: A shuffle block could not be fetched.
    category: transient_infrastructure
    restartable: true
    regex: 'FetchFailedException'
    examples:
      match: ['org.apache.spark.shuffle.FetchFailedException: Connection reset']
      no_match: ['Fetch was fine']
";

pub(crate) const HEAP: &str = "26/01/31 12:00:00 ERROR Executor: Exception in task 0.0\n\
    java.lang.OutOfMemoryError: Java heap space\n\tat a.B.c(B.scala:1)\n";

/// A classifier that runs.
pub(crate) struct Running {
    pub(crate) client: Client,
    pub(crate) base: String,
    /// Holds `rules/` and `logs/` (the log root).
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
}

/// The time in every test, but where a test steps it.
pub(crate) fn noon() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

/// Starts one, with peers that are down unless `adjust` names others.
pub(crate) async fn start(adjust: impl FnOnce(&mut ClassifierConfig)) -> Running {
    let store = Store::open("sqlite::memory:").await.unwrap();
    start_on(store, Clock::from_fn(noon), adjust).await
}

pub(crate) async fn start_on(store: Store, clock: Clock, adjust: impl FnOnce(&mut ClassifierConfig)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let (rules, logs) = (folder.path().join("rules"), folder.path().join("logs"));
    std::fs::create_dir_all(&rules).unwrap();
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(rules.join("10-test.yaml"), RULES).unwrap();

    let mut config = ClassifierConfig { rules_dir: rules, ..ClassifierConfig::default() };
    config.collect.log_roots = vec![logs];
    config.collect.log_hosts = vec!["127.0.0.1".parse().unwrap()];
    config.collect.http_connect_timeout = Duration::from_millis(300);
    config.collect.http_timeout = Duration::from_millis(500);
    config.peers.recommender_timeout = Duration::from_millis(500);
    config.peers.configsvc_timeout = Duration::from_millis(500);
    config.peers.recommender_url = closed_port().await;
    config.peers.configsvc_url = closed_port().await;
    adjust(&mut config);

    let classifier = Classifier::start(&config, store.clone(), clock).unwrap();
    let options = ServeOptions { ready: classifier.readiness(), ..ServeOptions::new("classifier", "0", Auth::Open) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(paramedic_service::serve(routes(classifier), options, listener, std::future::pending()));
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(30) };
    Running { client: Client::new(&base, None, timeouts).unwrap(), base, folder, store }
}

/// A URL where nothing listens.
pub(crate) async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A URL that takes connections and never answers, as long as the listener lives.
pub(crate) async fn silent_port() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

/// A server of a test's own.
pub(crate) async fn stand_in(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

pub(crate) fn job(name: &str) -> Job {
    Job {
        scheduler: "airflow".into(),
        cluster: None,
        workflow: "daily_sales".into(),
        job: name.into(),
        run: "2026-01-31".into(),
        attempt: 1,
        user: Some("ada".into()),
        labels: std::collections::BTreeMap::new(),
    }
}

pub(crate) fn report(name: &str, logs: Vec<LogSource>) -> FailureReport {
    FailureReport {
        job: job(name),
        application_id: Some("app-20260131120000-0001".into()),
        engine: Engine { kind: EngineKind::Spark, version: Some("4.1.4".into()) },
        config: Configuration::from_iter([("spark.executor.memory", "512m"), ("spark.master", "yarn")]),
        logs,
        event_log: None,
        event_log_summary: None,
        cluster_limits: None,
        exit_code: Some(1),
        containers: Vec::new(),
        started_at: Some(noon().plus_seconds(-3600)),
        finished_at: Some(noon()),
        cost_usd: None,
    }
}

pub(crate) fn inline(text: &str) -> LogSource {
    LogSource { log: LogKind::DriverStderr, text: Some(text.into()), url: None }
}

pub(crate) fn at(url: impl Into<String>) -> LogSource {
    LogSource { log: LogKind::DriverStderr, text: None, url: Some(url.into()) }
}

/// A clock that is a second later each time.
pub(crate) fn stepping_clock() -> Clock {
    let step = Arc::new(std::sync::atomic::AtomicI64::new(0));
    Clock::from_fn(move || noon().plus_seconds(step.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
}
