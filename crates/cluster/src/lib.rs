//! What the layers of a cluster know of an application, found by its id: logs, and how its containers ended.
//!
//! **Who is asked.** The servers that the operator configured, wherever they are but on link-local addresses (clouds serve
//! credentials there). Of the addresses that their answers and redirects name: those on a configured server's host, and
//! those on the allow list of log hosts.
//!
//! **How long.** All layers at once, until one deadline; what did not come is [`Missed`], and the rest is there.

mod ask;
mod config;
mod error;
mod findings;
mod history;
mod kubernetes;
mod layer;
mod standalone;
mod work_folder;
mod yarn;

use futures::FutureExt as _;
use paramedic_domain::LogKind;
use paramedic_fetch::{HostPattern, Hosts, HttpBounds, HttpSource, Roots};
use paramedic_service::Timeouts;
use tokio::time::Instant;

pub use config::ClusterConfig;
pub use error::{ClusterError, SettingError};
pub use findings::{Findings, FoundLog, Missed, Part};
pub use kubernetes::KubernetesConfig;
pub use layer::Layer;

use ask::Asking;
use kubernetes::Kubernetes;

/// Redirects that a server may send, each checked like a URL: a resource manager on standby names the active one, a node
/// the log server.
const REDIRECTS_MAX: usize = 3;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `spark.app.id`; of a standalone driver in cluster mode also its submission's id, `driver-…`.
    pub application_id: String,
    /// The driver ran within the cluster, so that the application master's log is the driver's.
    pub driver_in_cluster: bool,
    /// `spark.kubernetes.namespace`, where the job's configuration tells.
    pub namespace: Option<String>,
    /// The kinds of logs that are not at hand yet.
    pub wanted: Vec<LogKind>,
}

impl Asked {
    fn wants(&self, log: LogKind) -> bool {
        self.wanted.contains(&log)
    }
}

/// The configured layers.
pub struct Cluster {
    config: ClusterConfig,
    http: HttpSource,
    work_folders: Roots,
    kubernetes: Option<Kubernetes>,
}

impl Cluster {
    /// Makes the clients; nothing is asked yet.
    pub fn new(config: ClusterConfig) -> Result<Self, SettingError> {
        let timeouts = Timeouts { connect: config.connect_timeout, total: config.http_timeout };
        let bounds = HttpBounds { timeouts, redirects_max: REDIRECTS_MAX };
        let mut hosts = config.hosts.clone();
        for (setting, url) in config.urls() {
            hosts.push(HostPattern::of(url).ok_or_else(|| SettingError {
                setting,
                detail: "it is no `http://HOST:PORT` or `https://HOST:PORT`".to_owned(),
            })?);
        }
        let http = HttpSource::new(Hosts::new(&hosts), bounds, &[])
            .map_err(|error| SettingError { setting: "cluster", detail: error.to_string() })?;
        let work_folders = Roots::open(&config.spark_work_dirs)
            .map_err(|error| SettingError { setting: "--spark-work-dir", detail: error.to_string() })?;
        let kubernetes = config.kubernetes.clone().map(|of| Kubernetes::new(of, timeouts)).transpose()?;
        Ok(Self { config, http, work_folders, kubernetes })
    }

    /// The configured layers that may know an application: its id tells which resource manager gave it.
    pub fn layers_of(&self, application_id: &str) -> Vec<Layer> {
        if !is_plain(application_id) {
            return Vec::new();
        }
        let yarn = application_id.starts_with("application_");
        let standalone = application_id.starts_with("app-") || application_id.starts_with("driver-");
        let local = application_id.starts_with("local-");
        let config = &self.config;
        let of_master = config.spark_master_url.is_some() || !config.spark_work_dirs.is_empty();
        [
            (Layer::Standalone, standalone && of_master),
            (Layer::Yarn, yarn && config.yarn_resource_manager_url.is_some()),
            (Layer::Kubernetes, !yarn && !standalone && !local && self.kubernetes.is_some()),
            (Layer::History, !application_id.starts_with("driver-") && config.history_server_url.is_some()),
        ]
        .into_iter()
        .filter_map(|(layer, may_know)| may_know.then_some(layer))
        .collect()
    }

    /// Asks every layer that may know the application, all at once and until the deadline.
    pub async fn find(&self, asked: &Asked, deadline: Instant) -> Vec<Findings> {
        let layers = self.layers_of(&asked.application_id).into_iter();
        let asking: Vec<_> = layers.map(|layer| self.ask(layer, asked, deadline).boxed()).collect();
        futures::future::join_all(asking).await
    }

    async fn ask(&self, layer: Layer, asked: &Asked, deadline: Instant) -> Findings {
        let asking = Asking { asked, config: &self.config, http: &self.http, authorization: None, deadline };
        let mut found = Findings::none_of(layer);
        match layer {
            Layer::Standalone => standalone::find(&asking, &self.work_folders, &mut found).await,
            Layer::History => history::find(&asking, &mut found).await,
            Layer::Yarn => yarn::find(&asking, &mut found).await,
            Layer::Kubernetes => {
                if let Some(kubernetes) = &self.kubernetes {
                    kubernetes.find(asking, &mut found).await;
                }
            }
        }
        found
    }
}

/// Ids are part of paths and selectors; Spark's own hold nothing else.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= 128 && !id.starts_with('.') && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_its_folder_is_asked_nowhere() {
        assert!(is_plain("app-20260131120000-0000") && is_plain("spark-6f1c"));
        for id in ["", "..", "app-1/../x", "app-1%2f", "a b", "app,x=y"] {
            assert!(!is_plain(id), "{id}");
        }
    }

    #[test]
    fn only_http_servers_may_be_configured() {
        for url in ["ftp://rm:8088", "file:///etc", "data:x"] {
            let config = ClusterConfig { history_server_url: url.parse().ok(), ..ClusterConfig::default() };
            assert_eq!(Cluster::new(config).err().map(|error| error.setting), Some("--history-server-url"), "{url}");
        }
    }
}
