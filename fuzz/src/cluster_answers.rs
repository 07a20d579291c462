//! What the servers of a cluster answer: YARN, Kubernetes, a standalone master and its workers, the History Server.
//!
//! A server on this host gives the answers, so that they pass the client, its bounds and its checks as real ones do.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use paramedic_cluster::{Asked, Cluster, ClusterConfig, Findings, KubernetesConfig};
use paramedic_domain::{LogKind, container::CONTAINERS_MAX};
use tokio::{runtime::Runtime, time::Instant};
use url::Url;

use crate::input;

/// Where the server listens: on an address of the loopback network that nothing else uses, as answers may name any
/// port.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 83, 7, 21);
/// In answers, the server's own address.
const SERVER: &str = "SERVER";
/// Longest input, in bytes: a part may be given to each of some dozen questions.
const ANSWERS_BYTES_MAX: usize = 16 * 1024;
/// More than a server on this host takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes of one log.
const LOG_BYTES_MAX: usize = 2 * 1024;
/// Beginnings of what may be asked.
const PATHS: [&str; 4] = ["/ws/v1/", "/api/v1/", "/json/", "/log/"];

/// Asks a layer, which the first letter names, about an application; a part is the answer to paths that hold its first
/// line. What is found is bounded, only the layers' own paths are asked for, and what is said of a failure names no
/// server.
pub fn cluster_answers(data: &[u8]) {
    let text = input::text(&data[..data.len().min(ANSWERS_BYTES_MAX)]);
    let application_id = match text.bytes().next() {
        Some(b'k') => "spark-0123456789abcdef0123456789abcdef",
        Some(b's') => "app-20260131120000-0007",
        Some(b'd') => "driver-20260131120000-0003",
        _ => "application_1700000000000_0042",
    };
    let cluster = TestCluster::get();
    let answers = input::named_parts(&text).map(|(path, answer)| {
        let address = cluster.address.to_string();
        (path.to_owned(), answer.replace(SERVER, &address).into_bytes())
    });
    *lock(&ANSWERS) = answers.filter(|(path, _)| !path.is_empty()).collect();
    lock(&PATHS_ASKED).clear();
    let asked = Asked {
        application_id: application_id.to_owned(),
        driver_in_cluster: text.len().is_multiple_of(2),
        namespace: None,
        wanted: LogKind::ALL.to_vec(),
    };
    let found = cluster.runtime.block_on(cluster.layers.find(&asked, Instant::now() + PATIENCE));
    assert_eq!(
        found.len(),
        cluster.layers.layers_of(application_id).len(),
        "each layer says something, or what was missed"
    );
    for found in &found {
        assert_within(found, &cluster.address);
    }
    for path in lock(&PATHS_ASKED).iter() {
        assert!(PATHS.iter().any(|start| path.starts_with(start)), "{path}");
        let folders = path.split('?').next().unwrap_or_default().split('/');
        assert!(folders.into_iter().all(|folder| folder != ".." && folder != "."), "{path}");
    }
}

fn assert_within(found: &Findings, server: &SocketAddr) {
    assert!(found.containers.len() <= CONTAINERS_MAX);
    for log in &found.logs {
        assert!(!log.text.text.trim().is_empty(), "{}: an empty log is none", log.name);
        // Beside the log there may be what frames it (12 KiB); what a layer itself says is as long as its answers.
        let said = matches!(log.log, LogKind::Orchestrator) || log.name.starts_with("history");
        let most = if said { 64 * ANSWERS_BYTES_MAX } else { 3 * (LOG_BYTES_MAX + 12 * 1024) + 64 };
        assert!(log.text.text.len() <= most, "{}: {} bytes", log.name, log.text.text.len());
    }
    for missed in &found.missed {
        let mend = missed.error.mend(found.layer);
        assert!(!mend.is_empty() && !mend.contains(&server.ip().to_string()), "{mend}");
    }
}

/// What the server answers, by a part of the path.
static ANSWERS: Mutex<Vec<(String, Vec<u8>)>> = Mutex::new(Vec::new());
/// What it was asked since.
static PATHS_ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every layer, all on one server.
struct TestCluster {
    address: SocketAddr,
    runtime: Runtime,
    layers: Cluster,
}

impl TestCluster {
    fn get() -> &'static Self {
        static CLUSTER: OnceLock<TestCluster> = OnceLock::new();
        CLUSTER.get_or_init(|| {
            let listener = TcpListener::bind((ADDRESS, 0)).expect("a free port");
            let address = listener.local_addr().expect("its address");
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    std::thread::spawn(move || serve(&stream));
                }
            });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let layers = Cluster::new(config(&address)).expect("the server's URL is one");
            Self { address, runtime, layers }
        })
    }
}

fn config(address: &SocketAddr) -> ClusterConfig {
    let url: Url = format!("http://{address}").parse().expect("an address makes a URL");
    ClusterConfig {
        spark_master_url: Some(url.clone()),
        history_server_url: Some(url.clone()),
        yarn_resource_manager_url: Some(url.clone()),
        yarn_log_server_url: url.join("/ws/v1/applicationhistory").ok(),
        kubernetes: Some(KubernetesConfig {
            api_url: Some(url),
            namespaces: vec!["spark".to_owned()],
            ..KubernetesConfig::default()
        }),
        answer_bytes_max: 64 * 1024,
        log_bytes_max: LOG_BYTES_MAX,
        layer_bytes_max: 8 * LOG_BYTES_MAX,
        executors_max: 3,
        connect_timeout: PATIENCE,
        http_timeout: PATIENCE,
        ..ClusterConfig::default()
    }
}

/// Answers the requests of one connection.
fn serve(mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        lines.by_ref().find(String::is_empty);
        let found = lock(&ANSWERS).iter().find(|(part, _)| path.contains(part)).map(|(_, answer)| answer.clone());
        lock(&PATHS_ASKED).push(path);
        let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}
