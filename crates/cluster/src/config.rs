//! Which layers are asked, and the bounds of asking.

use std::{path::PathBuf, time::Duration};

use paramedic_fetch::HostPattern;
use url::Url;

use crate::KubernetesConfig;

/// The layers and their bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// The standalone master's web page, such as `http://master:8080`. Default: none.
    pub spark_master_url: Option<Url>,
    /// Standalone workers' work folders that can be read here. Default: none.
    pub spark_work_dirs: Vec<PathBuf>,
    /// The History Server, such as `http://history:18080`. Default: none.
    pub history_server_url: Option<Url>,
    /// YARN's resource manager, such as `http://rm:8088`. Default: none.
    pub yarn_resource_manager_url: Option<Url>,
    /// YARN's log server, which has the logs of ended containers: the value of `yarn.log.server.web-service.url`, such as
    /// `http://timeline:8188/ws/v1/applicationhistory`. Default: none, so only nodes that still have a log are asked.
    pub yarn_log_server_url: Option<Url>,
    /// Kubernetes. Default: none.
    pub kubernetes: Option<KubernetesConfig>,
    /// Hosts that these servers' answers may send us to, beside the servers' own. Default: none.
    pub hosts: Vec<HostPattern>,
    /// Most bytes of one answer that is no log. Default: 16 MiB: a worker remembers 1000 executors, each with its command
    /// line of some 3 KiB, and the History Server writes 3 KiB of each executor.
    pub answer_bytes_max: usize,
    /// Most bytes kept of one log, its head and its tail. Default: 1 MiB, which a standalone worker gives at once.
    pub log_bytes_max: usize,
    /// Most bytes kept of all logs of one layer; where it is less than `log_bytes_max` a log, each gets an equal share.
    /// Default: 32 MiB.
    pub layer_bytes_max: usize,
    /// Executors whose logs are fetched, those that failed first. Default: 64.
    pub executors_max: usize,
    /// Requests to one layer at once. Default: 8.
    pub fetches_max: usize,
    /// Until a connection stands. Default: 2 s.
    pub connect_timeout: Duration,
    /// Longest time for one answer; of a log, what has arrived by then is used. Default: 5 s.
    pub http_timeout: Duration,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            spark_master_url: None,
            spark_work_dirs: Vec::new(),
            history_server_url: None,
            yarn_resource_manager_url: None,
            yarn_log_server_url: None,
            kubernetes: None,
            hosts: Vec::new(),
            answer_bytes_max: 16 * 1024 * 1024,
            log_bytes_max: 1024 * 1024,
            layer_bytes_max: 32 * 1024 * 1024,
            executors_max: 64,
            fetches_max: 8,
            connect_timeout: Duration::from_secs(2),
            http_timeout: Duration::from_secs(5),
        }
    }
}

impl ClusterConfig {
    /// The configured servers but Kubernetes', and the option of each.
    pub(crate) fn urls(&self) -> impl Iterator<Item = (&'static str, &Url)> {
        [
            ("--spark-master-url", self.spark_master_url.as_ref()),
            ("--history-server-url", self.history_server_url.as_ref()),
            ("--yarn-resource-manager-url", self.yarn_resource_manager_url.as_ref()),
            ("--yarn-log-server-url", self.yarn_log_server_url.as_ref()),
        ]
        .into_iter()
        .filter_map(|(setting, url)| Some((setting, url?)))
    }
}
