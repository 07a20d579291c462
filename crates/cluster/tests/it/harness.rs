use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use paramedic_cluster::{Asked, Cluster, ClusterConfig, Findings, KubernetesConfig};
use paramedic_domain::LogKind;
use tokio::{net::TcpListener, time::Instant};

pub(crate) const YARN_APP: &str = "application_1700000000000_0042";
pub(crate) const KUBERNETES_APP: &str = "spark-0123456789abcdef0123456789abcdef";

/// A fixture, with the place of a node filled in.
pub(crate) fn fixture(name: &str, node: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace("NODE", node)
}

/// A server with fixed answers by path and query, which remembers what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    answers: BTreeMap<String, (u16, String)>,
    asked: Arc<Mutex<Vec<String>>>,
    token: Option<&'static str>,
}

impl Recorded {
    /// Answers this path (its query may be any) with a text.
    pub(crate) fn with(mut self, path: &str, answer: impl Into<String>) -> Self {
        self.answers.insert(path.to_owned(), (200, answer.into()));
        self
    }

    pub(crate) fn refusing(mut self, path: &str, status: u16, answer: impl Into<String>) -> Self {
        self.answers.insert(path.to_owned(), (status, answer.into()));
        self
    }

    /// Lets nobody else in.
    pub(crate) fn only_for(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// Paths and queries, in order of the alphabet.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }

    fn answer(&self, request: &Request) -> Response {
        let uri = request.uri();
        self.asked.lock().unwrap().push(uri.to_string());
        let shown = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
        if self.token.is_some_and(|token| shown != Some(&format!("Bearer {token}"))) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        // An answer to path and query wins over one to the path.
        let found = self.answers.get(&uri.to_string()).or_else(|| self.answers.get(uri.path()));
        let (status, text) = found.cloned().unwrap_or((404, String::new()));
        (StatusCode::from_u16(status).unwrap(), text).into_response()
    }

    pub(crate) fn router(&self) -> Router {
        let recorded = self.clone();
        Router::new().fallback(async move |request: Request| recorded.answer(&request))
    }

    /// On a free port: `http://127.0.0.1:…`.
    pub(crate) async fn serve(&self) -> String {
        serve(self.router()).await
    }
}

pub(crate) async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

pub(crate) fn config() -> ClusterConfig {
    // Short enough for a server that hangs, long enough for a busy machine.
    let http_timeout = Duration::from_secs(2);
    ClusterConfig { connect_timeout: http_timeout, http_timeout, ..ClusterConfig::default() }
}

pub(crate) fn of_yarn(manager: &str) -> ClusterConfig {
    ClusterConfig { yarn_resource_manager_url: Some(manager.parse().unwrap()), ..config() }
}

pub(crate) fn of_kubernetes(server: &str) -> KubernetesConfig {
    KubernetesConfig {
        api_url: Some(server.parse().unwrap()),
        namespaces: vec!["spark".into()],
        ..KubernetesConfig::default()
    }
}

pub(crate) fn asked(application_id: &str) -> Asked {
    Asked {
        application_id: application_id.into(),
        driver_in_cluster: true,
        namespace: None,
        wanted: LogKind::ALL.to_vec(),
    }
}

/// What the only layer that knows the application has.
pub(crate) async fn find(config: ClusterConfig, asked: Asked) -> Findings {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut found = Cluster::new(config).unwrap().find(&asked, deadline).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// What was missed, as a decision says it.
pub(crate) fn missed(found: &Findings) -> Vec<String> {
    let mut missed: Vec<_> =
        found.missed.iter().map(|missed| format!("{:?}: {}", missed.part, missed.error.mend(found.layer))).collect();
    missed.dedup();
    missed
}

/// The logs by name, with their kind.
pub(crate) fn log_names(found: &Findings) -> Vec<(LogKind, &str)> {
    found.logs.iter().map(|log| (log.log, log.name.as_str())).collect()
}

pub(crate) fn text_of<'a>(found: &'a Findings, name: &str) -> &'a str {
    &found.logs.iter().find(|log| log.name == name).unwrap().text.text
}

/// An end in short: role, executor, reason, code.
pub(crate) type End<'a> = (&'static str, Option<&'a str>, Option<&'a str>, Option<i32>);

pub(crate) fn ends(found: &Findings) -> Vec<End<'_>> {
    found
        .containers
        .iter()
        .map(|end| (end.role.as_str(), end.executor_id.as_deref(), end.reason.as_deref(), end.exit_code))
        .collect()
}
