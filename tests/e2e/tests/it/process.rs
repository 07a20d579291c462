//! Servers as processes: started on free ports, ready when they say so, gone with the test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use paramedic_service::{Timeouts, client::http_client};
use reqwest::Client;
use serde_json::Value;

const READY_TIMEOUT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A binary that `cargo build --workspace --bins` made, beside this test's own.
pub(crate) fn binary(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// A client as patient as a scheduler.
pub(crate) fn client() -> Client {
    http_client(Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(30) }).unwrap()
}

/// Waits until a page is there.
pub(crate) async fn wait_for_page(url: &str) {
    let (client, start) = (client(), Instant::now());
    while !client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(start.elapsed() < READY_TIMEOUT, "{url} is not there");
        tokio::time::sleep(POLL).await;
    }
}

/// A server process.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    log: PathBuf,
}

impl Server {
    /// `paramedic serve` over this data directory, ready.
    pub(crate) async fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[]).await
    }

    /// With more arguments.
    pub(crate) async fn start_with(data_dir: &Path, arguments: &[&str]) -> Self {
        let ready_file = data_dir.join("url");
        let _ = fs::remove_file(&ready_file);
        let mut command = Command::new(binary("paramedic"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--rules", "rules", "--models", "models"])
            .arg("--data-dir")
            .arg(data_dir)
            .arg("--ready-file")
            .arg(&ready_file)
            .args(arguments);
        let mut server = Self::spawn(command, data_dir, "serve", String::new());
        server.url = server.wait(|| fs::read_to_string(&ready_file).ok()).await;
        server.wait_until_ready().await;
        server
    }

    /// One of the three services as a process of its own, ready.
    pub(crate) async fn start_service(name: &str, data_dir: &Path, arguments: &[&str]) -> Self {
        let database = format!("sqlite://{}", data_dir.join("shared.sqlite").display());
        Self::start_service_over(&database, name, data_dir, arguments).await
    }

    /// Over this database.
    pub(crate) async fn start_service_over(database: &str, name: &str, data_dir: &Path, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new(binary(name));
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--database-url", database]).args(arguments);
        let mut server = Self::spawn(command, data_dir, name, format!("http://127.0.0.1:{port}"));
        server.wait_until_ready().await;
        server
    }

    fn spawn(mut command: Command, data_dir: &Path, name: &str, url: String) -> Self {
        let log = data_dir.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        command.current_dir(root()).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { child: command.spawn().unwrap(), url, log }
    }

    async fn wait_until_ready(&mut self) {
        let client = client();
        let url = format!("{}/readyz", self.url);
        let start = Instant::now();
        while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            self.still_starting(start).await;
        }
    }

    async fn wait<T>(&mut self, condition: impl Fn() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = condition() {
                return value;
            }
            self.still_starting(start).await;
        }
    }

    async fn still_starting(&mut self, start: Instant) {
        let ended = self.child.try_wait().unwrap();
        assert!(
            ended.is_none() && start.elapsed() < READY_TIMEOUT,
            "{} is not ready ({ended:?}):\n{}",
            self.url,
            fs::read_to_string(&self.log).unwrap()
        );
        tokio::time::sleep(POLL).await;
    }

    /// As `kill -9`: nothing can be finished or written any more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = client().get(format!("{}{path}", self.url)).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = client().post(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
