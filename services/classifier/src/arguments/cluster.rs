//! The options that name the layers of a cluster.

use std::path::PathBuf;

use clap::Args;
use paramedic_cluster::{ClusterConfig, KubernetesConfig};
use url::Url;

/// Who is asked for what a report does not bring, by its `application_id`.
#[derive(Clone, Debug, Default, Args)]
pub struct ClusterArguments {
    /// Web page of the Spark standalone master, such as `http://master:8080`; its workers are asked where they are on
    /// its host or named with --log-host
    #[arg(long, value_name = "URL", env = "PARAMEDIC_SPARK_MASTER_URL")]
    pub spark_master_url: Option<Url>,
    /// Work folder of standalone workers that can be read here; may be repeated
    #[arg(long = "spark-work-dir", value_name = "DIR")]
    pub spark_work_dirs: Vec<PathBuf>,
    /// Spark History Server, such as `http://history:18080`
    #[arg(long, value_name = "URL", env = "PARAMEDIC_HISTORY_SERVER_URL")]
    pub history_server_url: Option<Url>,
    /// YARN's resource manager, such as `http://rm:8088`; its nodes are asked where --log-host names them
    #[arg(long, value_name = "URL", env = "PARAMEDIC_YARN_RESOURCE_MANAGER_URL")]
    pub yarn_resource_manager_url: Option<Url>,
    /// YARN's log server: the value of `yarn.log.server.web-service.url`, such as
    /// `http://timeline:8188/ws/v1/applicationhistory`
    #[arg(long, value_name = "URL", env = "PARAMEDIC_YARN_LOG_SERVER_URL")]
    pub yarn_log_server_url: Option<Url>,
    /// Kubernetes API server
    #[arg(long, value_name = "URL", env = "PARAMEDIC_KUBERNETES_API_URL")]
    pub kubernetes_api_url: Option<Url>,
    /// Ask the API of the Kubernetes cluster that this process runs in, with its pod's service account
    #[arg(long, env = "PARAMEDIC_KUBERNETES_IN_CLUSTER", conflicts_with = "kubernetes_api_url")]
    pub kubernetes_in_cluster: bool,
    /// A namespace whose pods may be read [default: this pod's own, else `default`]; may be repeated
    #[arg(
        long = "kubernetes-namespace",
        value_name = "NAME",
        env = "PARAMEDIC_KUBERNETES_NAMESPACES",
        value_delimiter = ','
    )]
    pub kubernetes_namespaces: Vec<String>,
    /// File that holds the token for the Kubernetes API; read anew for each report
    #[arg(long, value_name = "FILE", env = "PARAMEDIC_KUBERNETES_TOKEN_FILE")]
    pub kubernetes_token_file: Option<PathBuf>,
    /// Certificate authority of the Kubernetes API, PEM
    #[arg(long, value_name = "FILE", env = "PARAMEDIC_KUBERNETES_CA_FILE")]
    pub kubernetes_ca_file: Option<PathBuf>,
}

impl ClusterArguments {
    /// Sets what was given.
    pub fn apply(&self, config: &mut ClusterConfig) {
        config.spark_master_url.clone_from(&self.spark_master_url);
        config.spark_work_dirs.clone_from(&self.spark_work_dirs);
        config.history_server_url.clone_from(&self.history_server_url);
        config.yarn_resource_manager_url.clone_from(&self.yarn_resource_manager_url);
        config.yarn_log_server_url.clone_from(&self.yarn_log_server_url);
        config.kubernetes =
            (self.kubernetes_in_cluster || self.kubernetes_api_url.is_some()).then(|| KubernetesConfig {
                api_url: self.kubernetes_api_url.clone(),
                namespaces: self.kubernetes_namespaces.clone(),
                token_file: self.kubernetes_token_file.clone(),
                ca_file: self.kubernetes_ca_file.clone(),
            });
    }
}
