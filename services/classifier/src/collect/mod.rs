//! Collecting an attempt's logs: sent inline, in files, or behind HTTP. Bounded in bytes, number and time; a log that
//! cannot be had is missed, never an error.

mod address;
pub(crate) mod cut;
mod event_log;
mod file;
mod http;
mod limits;

use std::{future::Future, time::Duration};

use futures::{StreamExt, stream};
use paramedic_domain::{EventLogSummary, FailureReport, LogKind, LogSource};
use paramedic_rules::LogText;
use tokio::time::Instant;
use url::Url;

pub use limits::CollectConfig;

use crate::{
    degraded::{Degraded, LOGS_MISSING},
    error::ClassifierError,
    state::Classifier,
};
use cut::CutText;
use file::LogRoots;
use http::LogHost;

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
    #[error("`{0}:` is none of http:, https: and file:")]
    Scheme(String),
    #[error("files are read under the log roots only")]
    OutsideLogRoots,
    #[error("{0} is an address of this machine's own network or cloud, which is not asked")]
    ForbiddenAddress(String),
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("the log host: {0}")]
    Host(String),
    #[error("the log host answered {0}")]
    Status(u16),
    #[error("it did not arrive in time")]
    TimedOut,
    #[error("the event log: {0}")]
    EventLog(String),
}

/// Collects logs within its bounds.
pub(crate) struct Collector {
    config: CollectConfig,
    roots: LogRoots,
    host: LogHost,
}

impl Collector {
    pub(crate) fn new(config: CollectConfig) -> Result<Self, ClassifierError> {
        let roots = LogRoots::open(&config.log_roots)?;
        let host = LogHost::new(&config)?;
        Ok(Self { config, roots, host })
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
        let arrived: Vec<_> = stream::iter(fetches).buffered(self.config.fetches_max.max(1)).collect().await;
        arrived.into_iter().filter_map(|(log, name, text)| keep(log, name, text, degraded)).collect()
    }

    async fn log(&self, source: LogSource, bytes_max: usize, deadline: Instant) -> Result<CutText, CollectError> {
        if let Some(text) = source.text {
            return Ok(cut::cut(text, bytes_max));
        }
        let url = parse_url(source.url.as_deref().unwrap_or_default())?;
        match url.scheme() {
            "file" => before(deadline, self.roots.read(&url, bytes_max)).await,
            _ => self.host.fetch(url, bytes_max, deadline).await,
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
            Ok(summary) => Some(summary),
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
    let url = Url::parse(text).map_err(|error| CollectError::BadUrl(error.to_string()))?;
    match url.scheme() {
        "http" | "https" | "file" => Ok(url),
        scheme => Err(CollectError::Scheme(scheme.to_owned())),
    }
}

async fn before<T>(deadline: Instant, work: impl Future<Output = Result<T, CollectError>>) -> Result<T, CollectError> {
    tokio::time::timeout_at(deadline, work).await.unwrap_or(Err(CollectError::TimedOut))
}

/// A deadline no later than `timeout` from now.
fn earlier(deadline: Instant, timeout: Duration) -> Instant {
    deadline.min(Instant::now() + timeout)
}
