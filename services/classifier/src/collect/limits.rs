//! Bounds of collecting.

use std::{path::PathBuf, time::Duration};

use paramedic_cluster::ClusterConfig;
use paramedic_compression::UnpackLimits;
use paramedic_fetch::HostPattern;

use super::{bucket::LogBucket, object::StoreOption};

/// Bounds of collecting logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectConfig {
    /// Most bytes kept of one log; of a longer one, its head and its tail. Default: 16 MiB.
    pub log_bytes_max: usize,
    /// Most bytes kept of all logs of a report; where it is less than `log_bytes_max` a log, each gets an equal share.
    /// Default: 128 MiB.
    pub total_bytes_max: usize,
    /// Most bytes that are transferred of one log or event log behind HTTP: an endless one ends there. Default: 256 MiB.
    pub fetch_bytes_max: u64,
    /// Most bytes that are unpacked of one compressed log: a decompression bomb ends there. Default: 2 GiB.
    pub unpacked_bytes_max: u64,
    /// Most bytes that are unpacked of one compressed byte, once over 16 MiB are unpacked; logs reach 10 to 100.
    /// Default: 500.
    pub unpacked_ratio_max: u64,
    /// Most bytes of one line that rules see; of a longer one its two ends, with a mark between. Default: 64 KiB, so
    /// that a stack trace in Spark's JSON format, which is one line, stays whole.
    pub line_bytes_max: usize,
    /// Logs fetched at once for one report. Default: 8.
    pub fetches_max: usize,
    /// Until a connection to a log host stands. Default: 2 s.
    pub http_connect_timeout: Duration,
    /// Longest time for one log behind HTTP; what has arrived by then is used. Default: 10 s.
    pub http_timeout: Duration,
    /// Redirects that a log host may send, each checked like the URL itself. Default: 3.
    pub redirects_max: usize,
    /// Longest time for all logs of a report and all layers. Default: 20 s.
    pub collect_timeout: Duration,
    /// Hosts that a report may name in `http:` and `https:` URLs. Default: none, so nothing is fetched.
    pub log_hosts: Vec<HostPattern>,
    /// Buckets, or paths in them, whose objects a report may name. Default: none.
    pub log_buckets: Vec<LogBucket>,
    /// Settings of the object stores beside what the environment says. Default: none.
    pub store_options: Vec<StoreOption>,
    /// Directories whose files a report may name. Default: none, so no files.
    pub log_roots: Vec<PathBuf>,
    /// Layers of the cluster that are asked for what a report does not bring, by its application's id. Their answers may
    /// name the hosts of `log_hosts` too. Default: none.
    pub cluster: ClusterConfig,
}

impl Default for CollectConfig {
    fn default() -> Self {
        Self {
            log_bytes_max: 16 * 1024 * 1024,
            total_bytes_max: 128 * 1024 * 1024,
            fetch_bytes_max: 256 * 1024 * 1024,
            unpacked_bytes_max: 2 << 30,
            unpacked_ratio_max: 500,
            line_bytes_max: 64 * 1024,
            fetches_max: 8,
            http_connect_timeout: Duration::from_secs(2),
            http_timeout: Duration::from_secs(10),
            redirects_max: 3,
            collect_timeout: Duration::from_secs(20),
            log_hosts: Vec::new(),
            log_buckets: Vec::new(),
            store_options: Vec::new(),
            log_roots: Vec::new(),
            cluster: ClusterConfig::default(),
        }
    }
}

impl CollectConfig {
    /// Most bytes kept of one of so many logs.
    pub(super) fn bytes_of_one(&self, logs: usize) -> usize {
        self.log_bytes_max.min(self.total_bytes_max / logs.max(1))
    }

    pub(super) fn unpack(&self) -> UnpackLimits {
        UnpackLimits { bytes_max: self.unpacked_bytes_max, ratio_max: self.unpacked_ratio_max }
    }
}
