//! The Spark event log: streamed through its reader, in bounded memory.

use std::io::{self, BufReader, Read};

use futures::StreamExt;
use paramedic_domain::EventLogSummary;
use paramedic_spark::event_log::{EventLogError, EventLogLimits, read, read_path};
use reqwest::Response;
use tokio::{sync::mpsc, time::Instant};
use url::Url;

use super::{CollectError, Collector, before, http::host_error, parse_url};

/// Chunks on their way from the network to the reader.
const CHUNKS_MAX: usize = 16;

impl Collector {
    pub(super) async fn read_event_log(&self, url: &str, deadline: Instant) -> Result<EventLogSummary, CollectError> {
        let url = parse_url(url)?;
        match url.scheme() {
            "file" => before(deadline, self.event_log_of_file(&url)).await,
            _ => before(deadline, self.event_log_of_host(&url, deadline)).await,
        }
    }

    async fn event_log_of_file(&self, url: &Url) -> Result<EventLogSummary, CollectError> {
        let path = self.roots.resolve(url).await?;
        let kind = tokio::fs::metadata(&path).await?;
        if !kind.is_file() && !kind.is_dir() {
            return Err(CollectError::BadUrl("it names neither a file nor a directory".to_owned()));
        }
        in_background(move || read_path(&path, &EventLogLimits::default())).await
    }

    async fn event_log_of_host(&self, url: &Url, deadline: Instant) -> Result<EventLogSummary, CollectError> {
        let response = self.host.get(url, None, deadline).await?;
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let bytes_max = self.config.fetch_bytes_max;
        let codec = url.path().rsplit_once('.').map(|(_, codec)| codec);
        let compressed = matches!(codec, Some("zstd" | "zst"));
        let chunks = Chunks { receiver, current: Chunk::default() };
        let reading = in_background(move || read_chunks(chunks, compressed));
        // When the reader has what it wants the channel is closed, and the rest is not fetched.
        let ((), summary) = tokio::join!(send_chunks(response, bytes_max, sender), reading);
        summary
    }
}

type Chunk = io::Cursor<Vec<u8>>;

async fn send_chunks(response: Response, bytes_max: u64, sender: mpsc::Sender<io::Result<Vec<u8>>>) {
    let mut room = bytes_max;
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map(|chunk| chunk.to_vec()).map_err(|error| io::Error::other(host_error(error)));
        let length = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if length > room || sender.send(chunk).await.is_err() {
            return;
        }
        room -= length;
    }
}

/// What arrives, as a reader on a thread that may block.
struct Chunks {
    receiver: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: Chunk,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = Chunk::new(chunk?),
                None => return Ok(0),
            }
        }
    }
}

fn read_chunks(chunks: Chunks, compressed: bool) -> Result<EventLogSummary, EventLogError> {
    let limits = EventLogLimits::default();
    if compressed {
        read(BufReader::new(zstd::Decoder::new(chunks)?), &limits)
    } else {
        read(BufReader::new(chunks), &limits)
    }
}

async fn in_background(
    work: impl FnOnce() -> Result<EventLogSummary, EventLogError> + Send + 'static,
) -> Result<EventLogSummary, CollectError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(summary) => summary.map_err(|error| CollectError::EventLog(error.to_string())),
        Err(panic) => Err(CollectError::EventLog(panic.to_string())),
    }
}
