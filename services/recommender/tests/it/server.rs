//! A real recommender on a free port.

use std::path::PathBuf;

use paramedic_domain::{
    AttemptEvidence, Category, Classification, Configuration, Job, MemorySide, RecommendationRequest,
};
use paramedic_recommender::{
    RecommenderConfig, serve,
    settings::{ModelSettings, RecommenderSettings},
};
use paramedic_service::{Client, Timeouts};
use tokio::{net::TcpListener, sync::oneshot};

/// The models that ship.
pub(crate) fn base_models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

/// A running recommender; it stops when this is dropped.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) data: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Starts one with these base models and an empty store.
    pub(crate) async fn start(base_dir: Option<PathBuf>) -> Self {
        Self::start_beside(base_dir, None).await
    }

    /// Starts one that may store patches.
    pub(crate) async fn start_beside(base_dir: Option<PathBuf>, configsvc: Option<Client>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let models = ModelSettings { base_dir, data_dir: Some(data.path().join("models")) };
        let config = RecommenderConfig {
            database_url: format!("sqlite://{}", data.path().join("store.sqlite").display()),
            access: paramedic_service::AccessArguments::default(),
            settings: RecommenderSettings { models, ..RecommenderSettings::default() },
            configsvc,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(config, listener, async move {
            let _ = stopped.await;
        }));
        let client = Client::new(&url, None, Timeouts::default()).unwrap();
        Self { client, data, _stop: stop }
    }
}

/// A memory failure of attempt 1 of a job.
pub(crate) fn request(side: MemorySide, config: &[(&str, &str)], captures: &[(&str, &str)]) -> RecommendationRequest {
    let classification = Classification {
        class: "SomethingRanOut".to_owned(),
        category: Category::MemoryConfiguration,
        memory_side: Some(side),
        captures: captures.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Classification::unclassified()
    };
    RecommendationRequest {
        job: job(1),
        application_id: None,
        config: config.iter().copied().collect::<Configuration>(),
        classification,
        evidence: Some(AttemptEvidence { duration_s: Some(60.0), ..AttemptEvidence::default() }),
    }
}

/// An attempt of a run.
pub(crate) fn job(attempt: u32) -> Job {
    Job {
        scheduler: "airflow".to_owned(),
        cluster: None,
        workflow: "daily".to_owned(),
        job: "orders".to_owned(),
        run: "2026-01-31".to_owned(),
        attempt,
        user: None,
        labels: std::collections::BTreeMap::new(),
    }
}
