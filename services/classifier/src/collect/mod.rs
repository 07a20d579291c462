//! Collecting an attempt's logs: sent inline, in files, behind HTTP, in object stores, or asked of the cluster's layers. Bounded in bytes, number and time; a log that
//! cannot be had is missed, never an error.

mod application;
mod bucket;
mod event_log;
mod layers;
mod limits;
mod line;
mod object;

use std::time::Duration;

use futures::StreamExt;
use paramedic_cluster::{Cluster, ClusterConfig};
use paramedic_domain::{ContainerEnd, EventLogSummary, FailureReport, LogKind, LogSource};
use paramedic_fetch::{CutText, FetchBounds, FetchError, Hosts, HttpBounds, HttpSource, Roots, cut, path_of};
use paramedic_rules::LogText;
use paramedic_service::Timeouts;
use tokio::time::Instant;
use url::Url;

pub use bucket::LogBucket;
pub use limits::CollectConfig;
pub use object::StoreOption;

use crate::{
    degraded::{Degraded, LOGS_MISSING},
    error::ClassifierError,
    secrets::mask_summary,
    state::Classifier,
};
use object::ObjectStores;

/// What was collected for one report.
pub(crate) struct Collected {
    pub(crate) logs: Vec<LogText>,
    /// How containers ended, as the cluster's layers tell it.
    pub(crate) containers: Vec<ContainerEnd>,
    pub(crate) event_log: Option<EventLogSummary>,
}

/// Why a log could not be had. For the service's log only: it may name files and hosts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("`{0}:` is none of http:, https:, file:, s3:, gs:, az: and abfss:")]
    Scheme(String),
    #[error("the bucket {0}, or what is asked for in it, is not on the allow list; name it with --log-bucket")]
    BucketNotAllowed(String),
    #[error("work in the background ended early: {0}")]
    Background(#[from] tokio::task::JoinError),
    #[error("the event log: {0}")]
    EventLog(String),
}

/// Collects logs within its bounds.
pub(crate) struct Collector {
    config: CollectConfig,
    roots: Roots,
    http: HttpSource,
    stores: ObjectStores,
    cluster: Cluster,
}

impl Collector {
    pub(crate) fn new(config: CollectConfig) -> Result<Self, ClassifierError> {
        let roots = Roots::open(&config.log_roots)?;
        let timeouts = Timeouts { connect: config.http_connect_timeout, total: config.http_timeout };
        let bounds = HttpBounds { timeouts, redirects_max: config.redirects_max };
        let http = HttpSource::new(Hosts::new(&config.log_hosts), bounds, &[])
            .map_err(|source| ClassifierError::Peer { setting: "log hosts", source })?;
        // After the log hosts' client, which has chosen the process' TLS.
        let stores = ObjectStores::open(&config)?;
        let hosts = config.log_hosts.clone();
        let cluster = Cluster::new(ClusterConfig { hosts, ..config.cluster.clone() })?;
        Ok(Self { config, roots, http, stores, cluster })
    }

    /// Every log, in the order given. What could not be had, or not whole, is named in `degraded`.
    pub(crate) async fn logs(&self, sources: Vec<LogSource>, degraded: &mut Degraded) -> Vec<LogText> {
        if sources.is_empty() {
            degraded.add(LOGS_MISSING);
        }
        self.logs_until(Instant::now() + self.config.collect_timeout, sources, degraded).await
    }

    async fn logs_until(&self, deadline: Instant, sources: Vec<LogSource>, degraded: &mut Degraded) -> Vec<LogText> {
        let bytes_max = self.config.bytes_of_one(sources.len());
        let fetches = sources.into_iter().enumerate().map(|(index, source)| async move {
            let log = source.log;
            let name = name_of(&source, index);
            (log, name, self.log(source, bytes_max, deadline).await)
        });
        let arrived: Vec<_> = futures::stream::iter(fetches).buffered(self.config.fetches_max.max(1)).collect().await;
        arrived.into_iter().filter_map(|(log, name, text)| keep(log, name, text, degraded)).collect()
    }

    async fn log(&self, source: LogSource, bytes_max: usize, deadline: Instant) -> Result<CutText, CollectError> {
        let text = match source.text {
            Some(text) => cut::cut(text, bytes_max),
            None => self.fetch(source.url.as_deref().unwrap_or_default(), bytes_max, deadline).await?,
        };
        line::for_rules(text, self.config.line_bytes_max).await
    }

    async fn fetch(&self, url: &str, bytes_max: usize, deadline: Instant) -> Result<CutText, CollectError> {
        let url = parse_url(url)?;
        let bounds = FetchBounds {
            bytes_max,
            fetch_bytes_max: self.config.fetch_bytes_max,
            unpack: self.config.unpack(),
            deadline: earlier(deadline, self.config.http_timeout),
        };
        match url.scheme() {
            "file" => Ok(self.roots.read(&path_of(&url)?, FetchBounds { deadline, ..bounds }).await?),
            "http" | "https" => Ok(paramedic_fetch::fetch(&self.http.at(&url, bounds.deadline), bounds).await?),
            scheme => {
                let object = bucket::parse(&url)?.ok_or_else(|| CollectError::Scheme(scheme.to_owned()))?;
                let (head, _) = cut::shares(bytes_max);
                Ok(paramedic_fetch::fetch(&self.stores.at(object, Some(head as u64))?, bounds).await?)
            }
        }
    }

    /// The event log in a few numbers, where one is given and can be read.
    pub(crate) async fn event_log(
        &self,
        source: Option<&paramedic_domain::failure::EventLogSource>,
        degraded: &mut Degraded,
    ) -> Option<EventLogSummary> {
        let deadline = Instant::now() + self.config.collect_timeout;
        match self.read_event_log(&source?.url, deadline).await {
            Ok(mut summary) => {
                mask_summary(&mut summary);
                Some(summary)
            }
            Err(error) => {
                degraded.add_because(crate::degraded::EVENT_LOG_UNAVAILABLE, &error);
                None
            }
        }
    }
}

impl Classifier {
    /// The logs of a report, which are taken out of it, and its event log: the summary that the reporter sent wins over
    /// the log itself; and what the cluster's layers know. All at once, until one deadline.
    pub(crate) async fn collect(&self, report: &mut FailureReport, degraded: &mut Degraded) -> Collected {
        let collector = &self.collector;
        let deadline = Instant::now() + collector.config.collect_timeout;
        let asked = collector.asked(report);
        let sources = std::mem::take(&mut report.logs);
        let (none_sent, sent) = (sources.is_empty(), report.event_log_summary.clone());
        let source = report.event_log.as_ref().filter(|_| sent.is_none());
        let (mut of_layers, mut of_event_log) = (Degraded::default(), Degraded::default());
        let (mut logs, (found, containers), read) = tokio::join!(
            collector.logs_until(deadline, sources, degraded),
            collector.ask_layers(asked, deadline, &mut of_layers),
            collector.event_log(source, &mut of_event_log),
        );
        logs.extend(found);
        if none_sent && logs.is_empty() {
            degraded.add(LOGS_MISSING);
        }
        degraded.absorb(of_layers);
        degraded.absorb(of_event_log);
        Collected { logs, containers, event_log: sent.or(read) }
    }
}

fn keep(log: LogKind, name: String, text: Result<CutText, CollectError>, degraded: &mut Degraded) -> Option<LogText> {
    match text {
        Ok(CutText { text, .. }) if text.is_empty() => {
            degraded.add_log("log_empty", log);
            None
        }
        Ok(CutText { text, whole }) => {
            if !whole {
                degraded.add_log("log_truncated", log);
            }
            Some(LogText { log, name, text })
        }
        Err(error) => {
            tracing::warn!(%log, name, %error, "goes on without this log");
            degraded.add_log("log_unavailable", log);
            None
        }
    }
}

/// What people call the log: the file's name, or its kind and place in the report.
fn name_of(source: &LogSource, index: usize) -> String {
    let url = source.url.as_deref().and_then(|url| Url::parse(url).ok());
    let file = url.as_ref().and_then(|url| url.path_segments()?.rfind(|segment| !segment.is_empty()));
    file.map_or_else(|| format!("{} {}", source.log, index + 1), str::to_owned)
}

fn parse_url(text: &str) -> Result<Url, FetchError> {
    Url::parse(text).map_err(|error| FetchError::BadUrl(error.to_string()))
}

/// A deadline no later than `timeout` from now.
fn earlier(deadline: Instant, timeout: Duration) -> Instant {
    deadline.min(Instant::now() + timeout)
}
