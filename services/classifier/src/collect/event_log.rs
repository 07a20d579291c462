//! The Spark event log: streamed through its reader, in bounded memory.

use std::io::BufReader;

use paramedic_compression::Unpacked;
use paramedic_domain::EventLogSummary;
use paramedic_fetch::{FetchError, Remote, arriving, before, path_of};
use paramedic_spark::event_log::{EventLogError, EventLogLimits, read, read_path};
use tokio::time::Instant;
use url::Url;

use super::{CollectError, Collector, bucket, parse_url};

impl Collector {
    pub(super) async fn read_event_log(&self, url: &str, deadline: Instant) -> Result<EventLogSummary, CollectError> {
        let url = parse_url(url)?;
        match url.scheme() {
            "file" => before(deadline, self.event_log_of_file(&url)).await,
            "http" | "https" => before(deadline, self.event_log_of(&self.http.at(&url, deadline), deadline)).await,
            scheme => {
                let object = bucket::parse(&url)?.ok_or_else(|| CollectError::Scheme(scheme.to_owned()))?;
                before(deadline, self.event_log_of(&self.stores.at(object, None)?, deadline)).await
            }
        }
    }

    async fn event_log_of_file(&self, url: &Url) -> Result<EventLogSummary, CollectError> {
        let path = self.roots.resolve(&path_of(url)?).await?;
        let kind = tokio::fs::metadata(&path).await.map_err(FetchError::File)?;
        if !kind.is_file() && !kind.is_dir() {
            return Err(FetchError::BadUrl("it names neither a file nor a directory".to_owned()).into());
        }
        in_background(move || read_path(&path, &EventLogLimits::default())).await
    }

    async fn event_log_of(&self, remote: &impl Remote, deadline: Instant) -> Result<EventLogSummary, CollectError> {
        let body = before(deadline, remote.open(0)).await?;
        let (sender, arriving) = arriving::channel();
        let (mut room, unpack) = (self.config.fetch_bytes_max, self.config.unpack());
        let reading =
            in_background(move || read(BufReader::new(Unpacked::new(arriving, unpack)?), &EventLogLimits::default()));
        let sending = async move {
            sender.send_all(body.chunks, &mut room, deadline).await;
        };
        let ((), summary) = tokio::join!(sending, reading);
        summary
    }
}

async fn in_background(
    work: impl FnOnce() -> Result<EventLogSummary, EventLogError> + Send + 'static,
) -> Result<EventLogSummary, CollectError> {
    tokio::task::spawn_blocking(work).await?.map_err(|error| CollectError::EventLog(error.to_string()))
}
