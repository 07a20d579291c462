//! Settings of the classifier: one struct a section, each field with its unit and its default.

use std::{fmt, path::PathBuf, time::Duration};

use paramedic_service::{AccessArguments, ServerLimits};

use paramedic_spark::PriceTable;

use crate::collect::CollectConfig;

/// Every setting of the classifier.
#[derive(Clone, Debug)]
pub struct ClassifierConfig {
    /// Where decisions are kept: `sqlite://PATH`, `sqlite::memory:`, `postgres://…`. Used by [`serve`](crate::serve).
    pub database_url: String,
    /// Directory of the rule files. Default: `rules`.
    pub rules_dir: PathBuf,
    /// Who may ask. Used by [`serve`](crate::serve).
    pub access: AccessArguments,
    /// The other two services.
    pub peers: PeersConfig,
    /// Bounds of collecting logs.
    pub collect: CollectConfig,
    /// Bounds of a decision.
    pub decision: DecisionConfig,
    /// Bounds of what is kept for rule authors.
    pub keep: KeepConfig,
    /// What computing costs, where the platform does not report it.
    pub prices: PriceTable,
    /// Bounds of the HTTP server. Used by [`serve`](crate::serve).
    pub server: ServerLimits,
}

impl Default for ClassifierConfig {
    fn default() -> Self {
        Self {
            database_url: "sqlite::memory:".to_owned(),
            rules_dir: PathBuf::from("rules"),
            access: AccessArguments::default(),
            peers: PeersConfig::default(),
            collect: CollectConfig::default(),
            decision: DecisionConfig::default(),
            keep: KeepConfig::default(),
            prices: PriceTable::default(),
            server: ServerLimits::default(),
        }
    }
}

/// The other two services.
#[derive(Clone)]
pub struct PeersConfig {
    /// The recommender. Default: `http://127.0.0.1:8082`.
    pub recommender_url: String,
    /// The configuration service. Default: `http://127.0.0.1:8083`.
    pub configsvc_url: String,
    /// Token shown to both; its role must be `scheduler` or `operator`. Default: none.
    pub token: Option<String>,
    /// Certificate authorities (PEM) to trust when they are called by HTTPS. Default: the system's.
    pub ca_file: Option<PathBuf>,
    /// Until a connection to either stands. Default: 1 s, both are near.
    pub connect_timeout: Duration,
    /// Longest wait for one answer of the recommender. Default: 3 s, above its own search deadline.
    pub recommender_timeout: Duration,
    /// Longest wait for one answer of the configuration service. Default: 3 s.
    pub configsvc_timeout: Duration,
}

impl Default for PeersConfig {
    fn default() -> Self {
        Self {
            recommender_url: "http://127.0.0.1:8082".to_owned(),
            configsvc_url: "http://127.0.0.1:8083".to_owned(),
            token: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(1),
            recommender_timeout: Duration::from_secs(3),
            configsvc_timeout: Duration::from_secs(3),
        }
    }
}

impl fmt::Debug for PeersConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeersConfig")
            .field("recommender_url", &self.recommender_url)
            .field("configsvc_url", &self.configsvc_url)
            .field("token", &self.token.as_ref().map(|_| "<redacted>"))
            .field("ca_file", &self.ca_file)
            .field("connect_timeout", &self.connect_timeout)
            .field("recommender_timeout", &self.recommender_timeout)
            .field("configsvc_timeout", &self.configsvc_timeout)
            .finish()
    }
}

/// Bounds of what is kept for those who write rules: logs, and the inbox of unclassified failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepConfig {
    /// Of one log: its head and its tail, in bytes. Default: 256 KiB.
    pub log_bytes_max: usize,
    /// Of all logs of a failure, in bytes. Default: 2 MiB.
    pub failure_bytes_max: usize,
    /// Of the logs of all failures, compressed, in bytes. Default: 4 GiB.
    pub total_bytes_max: u64,
    /// For how long, in seconds. Default: 30 days.
    pub age_s: i64,
    /// Between two deletions of what is too old or too much, in seconds. Default: 1 minute.
    pub sweep_interval_s: i64,
}

impl Default for KeepConfig {
    fn default() -> Self {
        Self {
            log_bytes_max: 256 * 1024,
            failure_bytes_max: 2 * 1024 * 1024,
            total_bytes_max: 4 * 1024 * 1024 * 1024,
            age_s: 30 * 24 * 3600,
            sweep_interval_s: 60,
        }
    }
}

/// Bounds of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionConfig {
    /// Reports worked on at once; more wait. Each may hold `collect.total_bytes_max` of logs, and
    /// `collect.cluster.layer_bytes_max` of each of two layers. Default: 8.
    pub reports_max: usize,
    /// Reports that may wait for that; more are answered 503, to be sent again. Below half of the server's
    /// `requests_max`, so that on one port with the other two services the calls to them find room. Default: 112.
    pub reports_waiting_max: usize,
    /// Longest time for matching the rules. Default: 10 s; the rules match some hundred MB a second.
    pub match_timeout: Duration,
    /// Longest wait for one answer of the store. Default: 3 s.
    pub store_timeout: Duration,
    /// How long a retry's patch applies, in seconds from the first report. Default: 7 days, longer than runs are retried.
    pub patch_lifetime_s: i64,
    /// How long a patch applies to the whole job after a success with it, in seconds. Default: 14 days.
    pub job_patch_lifetime_s: i64,
    /// The share of jobs that are retried unchanged, whatever is decided, so that savings can be measured against them; 0
    /// to 1. Default: 0.
    pub control_share: f64,
}

impl Default for DecisionConfig {
    fn default() -> Self {
        Self {
            reports_max: 8,
            reports_waiting_max: 112,
            match_timeout: Duration::from_secs(10),
            store_timeout: Duration::from_secs(3),
            patch_lifetime_s: 7 * 24 * 3600,
            job_patch_lifetime_s: 14 * 24 * 3600,
            control_share: 0.0,
        }
    }
}
