//! Collecting an attempt's logs: sent inline, in files, behind HTTP, or in object stores. Bounded in bytes, number and time; a log that
//! cannot be had is missed, never an error.

mod address;
mod arriving;
mod bucket;
pub(crate) mod cut;
mod event_log;
mod file;
mod host;
mod http;
mod limits;
mod line;
mod object;
mod stream;

use std::{future::Future, time::Duration};

use futures::StreamExt;
use paramedic_domain::{EventLogSummary, FailureReport, LogKind, LogSource};
use paramedic_rules::LogText;
use tokio::time::Instant;
use url::Url;

pub use bucket::LogBucket;
pub use host::HostPattern;
pub use limits::CollectConfig;
pub use object::StoreOption;

use crate::{
    degraded::{Degraded, LOGS_MISSING},
    error::ClassifierError,
    secrets::mask_summary,
    state::Classifier,
};
use cut::CutText;
use file::LogRoots;
use http::LogHost;
use object::ObjectStores;
use stream::FetchBounds;

/// What was collected for one report.
pub(crate) struct Collected {
    pub(crate) logs: Vec<LogText>,
    pub(crate) event_log: Option<EventLogSummary>,
}

/// Why a log could not be had. For the service's log only: it may name files and hosts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error("the URL is wrong: {0}")]
    BadUrl(String),
    #[error("`{0}:` is none of http:, https:, file:, s3:, gs:, az: and abfss:")]
    Scheme(String),
    #[error("files are read under the log roots only")]
    OutsideLogRoots,
    #[error("{0} is an address of this machine's own network or cloud, which is not asked")]
    ForbiddenAddress(String),
    #[error("{0} is not on the allow list of log hosts; where it should be, name it with --log-host")]
    HostNotAllowed(String),
    #[error("the bucket {0}, or what is asked for in it, is not on the allow list; name it with --log-bucket")]
    BucketNotAllowed(String),
    #[error("the object store: {0}")]
    Store(String),
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("the log host: {0}")]
    Host(String),
    #[error("the log host answered {0}")]
    Status(u16),
    #[error("it did not arrive in time")]
    TimedOut,
    #[error("it cannot be unpacked: {0}")]
    Unpack(String),
    #[error("the event log: {0}")]
    EventLog(String),
}

/// Collects logs within its bounds.
pub(crate) struct Collector {
    config: CollectConfig,
    roots: LogRoots,
    host: LogHost,
    stores: ObjectStores,
}

impl Collector {
    pub(crate) fn new(config: CollectConfig) -> Result<Self, ClassifierError> {
        let roots = LogRoots::open(&config.log_roots)?;
        let host = LogHost::new(&config)?;
        // After the log hosts' client, which has chosen the process' TLS.
        let stores = ObjectStores::open(&config)?;
        Ok(Self { config, roots, host, stores })
    }

    /// Every log, in the order given. What could not be had, or not whole, is named in `degraded`.
    pub(crate) async fn logs(&self, sources: Vec<LogSource>, degraded: &mut Degraded) -> Vec<LogText> {
        if sources.is_empty() {
            degraded.add(LOGS_MISSING);
        }
        let deadline = Instant::now() + self.config.collect_timeout;
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
            "file" => self.roots.read(&url, FetchBounds { deadline, ..bounds }).await,
            "http" | "https" => stream::fetch(&self.host.at(&url, bounds.deadline), bounds).await,
            scheme => {
                let object = bucket::parse(&url)?.ok_or_else(|| CollectError::Scheme(scheme.to_owned()))?;
                let (head, _) = cut::shares(bytes_max);
                stream::fetch(&self.stores.at(object, Some(head as u64))?, bounds).await
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
    /// the log itself.
    pub(crate) async fn collect(&self, report: &mut FailureReport, degraded: &mut Degraded) -> Collected {
        let logs = self.collector.logs(std::mem::take(&mut report.logs), degraded);
        if let Some(summary) = &report.event_log_summary {
            return Collected { logs: logs.await, event_log: Some(summary.clone()) };
        }
        let mut missed = Degraded::default();
        let event_log = self.collector.event_log(report.event_log.as_ref(), &mut missed);
        let (logs, event_log) = tokio::join!(logs, event_log);
        degraded.absorb(missed);
        Collected { logs, event_log }
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

fn parse_url(text: &str) -> Result<Url, CollectError> {
    Url::parse(text).map_err(|error| CollectError::BadUrl(error.to_string()))
}

async fn before<T>(deadline: Instant, work: impl Future<Output = Result<T, CollectError>>) -> Result<T, CollectError> {
    tokio::time::timeout_at(deadline, work).await.unwrap_or(Err(CollectError::TimedOut))
}

/// A deadline no later than `timeout` from now.
fn earlier(deadline: Instant, timeout: Duration) -> Instant {
    deadline.min(Instant::now() + timeout)
}
