//! A running service, and what the tests send it.

use std::{net::SocketAddr, path::PathBuf};

use paramedic_configsvc::{Config, ConfigServiceError, serve};
use paramedic_service::{AccessArguments, Timeouts, client::http_client};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) struct Server {
    address: SocketAddr,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ConfigServiceError>>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    /// The JSON pointers of a problem document's errors.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        self.body["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
    }

    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().expect("a patch has an id")
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with("sqlite::memory:".to_owned(), None).await
    }

    pub(crate) async fn with(database_url: String, tokens_file: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let access = AccessArguments::with_tokens(tokens_file);
        let running = tokio::spawn(serve(Config { database_url, access, open_webhook: false }, listener, shutdown));
        Self { address, client: http_client(Timeouts::default()).unwrap(), stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request("POST", path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, version: Option<&str>, body: &Value) -> Answer {
        let request = self.request("PUT", path).json(body);
        send(if let Some(tag) = version { request.header("If-Match", tag) } else { request }).await
    }

    /// Creates a patch under an idempotency key, so that its id is the same in every run.
    pub(crate) async fn create(&self, key: &str, patch: &Value) -> Answer {
        send(self.request("POST", "/v1/patches").header("Idempotency-Key", key).json(patch)).await
    }

    pub(crate) async fn mutate(&self, job: &Value, config: Value) -> Value {
        let answer = self.post("/v1/configs/mutate", &json!({"job": job, "config": config})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (status, etag, location) = (response.status().as_u16(), header("etag"), header("location"));
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, etag, location, body }
}

pub(crate) fn job(attempt: u32) -> Value {
    json!({"scheduler": "airflow", "workflow": "daily_sales", "job": "orders", "run": "2026-01-31", "attempt": attempt})
}

/// The patch of a retry of [`job`]'s first attempt.
pub(crate) fn retry_patch(memory: &str) -> Value {
    let mut scope = job(1);
    let fields = scope.as_object_mut().unwrap();
    fields.remove("attempt");
    fields.insert("after_attempt".into(), json!(1));
    patch(&scope, "spark.executor.memory", memory)
}

pub(crate) fn patch(scope: &Value, key: &str, value: &str) -> Value {
    json!({"scope": scope, "patch": [{"op": "add", "path": format!("/{key}"), "value": value}], "source": "recommender"})
}
