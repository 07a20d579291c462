//! The command line of the classifier as a process of its own.

mod cluster;
mod decision;

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use paramedic_fetch::HostPattern;
use paramedic_service::{AccessArguments, telemetry::LogFormat};

use crate::{
    collect::{CollectConfig, LogBucket, StoreOption},
    config::ClassifierConfig,
};

pub use cluster::ClusterArguments;
pub use decision::DecisionArguments;

/// Classifies failed Spark jobs and decides what follows.
///
/// Example: `paramedic-classifier --rules rules --database-url sqlite://paramedic.db --log-root /var/log/spark`
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Address to listen on. Any but a loopback address needs tokens.
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// `sqlite://PATH` or `postgres://USER@HOST/DATABASE`.
    #[arg(long, env = "PARAMEDIC_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Directory of the rule files.
    #[arg(long, default_value = "rules")]
    pub rules: PathBuf,
    /// The recommender.
    #[arg(long, default_value = "http://127.0.0.1:8082")]
    pub recommender_url: String,
    /// The configuration service.
    #[arg(long, default_value = "http://127.0.0.1:8083")]
    pub configsvc_url: String,
    /// Token that this service shows to the other two.
    #[arg(long, env = "PARAMEDIC_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Certificate authorities, in PEM's format, to trust when the other two are called by HTTPS.
    #[arg(long)]
    pub peer_ca_file: Option<PathBuf>,
    /// Who may ask.
    #[command(flatten)]
    pub access: AccessArguments,
    /// Where logs may be read from.
    #[command(flatten)]
    pub logs: LogArguments,
    /// How decisions are given.
    #[command(flatten)]
    pub decision: DecisionArguments,
    /// `text` or `json`. `RUST_LOG` says what is logged.
    #[arg(long, default_value = "text")]
    pub log_format: LogFormat,
}

/// Where logs may be read from: whoever may report failures can make the classifier read what these allow.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LogArguments {
    /// A folder whose files reports may name as logs; may be repeated
    #[arg(long = "log-root", value_name = "DIR")]
    pub log_roots: Vec<PathBuf>,
    /// A host that reports, and the servers of the cluster, may name for logs: `HOST`, `*.SUFFIX`, a network such as
    /// `10.0.0.0/8`, or `*` for every public address; `:PORT` narrows it; may be repeated
    #[arg(long = "log-host", value_name = "HOST", env = "PARAMEDIC_LOG_HOSTS", value_delimiter = ',')]
    pub log_hosts: Vec<HostPattern>,
    /// A bucket, or a path in it, whose objects reports may name: `s3://BUCKET/PATH`, `gs://…`, `abfss://…`; may be
    /// repeated. Credentials come from the environment or the instance
    #[arg(long = "log-bucket", value_name = "URL", env = "PARAMEDIC_LOG_BUCKETS", value_delimiter = ',')]
    pub log_buckets: Vec<LogBucket>,
    /// A setting of the object stores, such as `aws_endpoint=URL`, `aws_region=NAME`, `allow_http=true`; may be repeated
    #[arg(long = "log-store-option", value_name = "NAME=VALUE")]
    pub store_options: Vec<StoreOption>,
    /// Which layers of the cluster are asked.
    #[command(flatten)]
    pub cluster: ClusterArguments,
}

impl LogArguments {
    /// Sets what was given.
    pub fn apply(&self, config: &mut CollectConfig) {
        config.log_roots.clone_from(&self.log_roots);
        config.log_hosts.clone_from(&self.log_hosts);
        config.log_buckets.clone_from(&self.log_buckets);
        config.store_options.clone_from(&self.store_options);
        self.cluster.apply(&mut config.cluster);
    }
}

impl From<Arguments> for ClassifierConfig {
    fn from(arguments: Arguments) -> Self {
        let mut config = Self {
            database_url: arguments.database_url,
            rules_dir: arguments.rules,
            access: arguments.access,
            ..Self::default()
        };
        config.peers.recommender_url = arguments.recommender_url;
        config.peers.configsvc_url = arguments.configsvc_url;
        config.peers.token = arguments.token;
        config.peers.ca_file = arguments.peer_ca_file;
        arguments.logs.apply(&mut config.collect);
        arguments.decision.apply(&mut config.decision);
        config
    }
}
