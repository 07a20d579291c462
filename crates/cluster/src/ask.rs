//! Asking a layer's servers: in bounds, until the deadline.

use std::future::Future;

use futures::{FutureExt, StreamExt as _, future::BoxFuture, stream};
use paramedic_compression::UnpackLimits;
use paramedic_fetch::{CutText, FetchBounds, HttpSource, answer, fetch};
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use crate::{Asked, ClusterConfig, ClusterError};

/// Most bytes that are transferred of one log: what a kubelet keeps of one before it rotates (10 MiB), and more.
const LOG_TRANSFER_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// How one layer is asked for one application.
pub(crate) struct Asking<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) config: &'a ClusterConfig,
    pub(crate) http: &'a HttpSource,
    /// The `Authorization` header; marked sensitive, so that it is never shown.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) deadline: Instant,
}

impl Asking<'_> {
    /// A JSON document.
    pub(crate) async fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ClusterError> {
        let remote = self.http.at(url, self.deadline()).authorized(self.authorization.as_ref());
        let bytes = answer(&remote, self.config.answer_bytes_max, self.deadline()).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClusterError::Answer(error.to_string()))
    }

    /// A log, or its head and tail.
    pub(crate) async fn log(&self, url: &Url, bytes_max: usize) -> Result<CutText, ClusterError> {
        let remote = self.http.at(url, self.deadline()).authorized(self.authorization.as_ref());
        Ok(fetch(&remote, self.bounds(bytes_max)).await?)
    }

    pub(crate) fn bounds(&self, bytes_max: usize) -> FetchBounds {
        FetchBounds {
            bytes_max,
            fetch_bytes_max: LOG_TRANSFER_BYTES_MAX,
            unpack: UnpackLimits::default(),
            deadline: self.deadline(),
        }
    }

    /// Works on many at once, some at a time; answers in their order.
    pub(crate) fn each<'w, T, F>(&self, work: impl IntoIterator<Item = F>) -> BoxFuture<'w, Vec<T>>
    where
        F: Future<Output = T> + Send + 'w,
        T: Send + 'w,
    {
        // Boxed before anything waits: else the iterator's closures would be kept, which the compiler cannot tell `Send`.
        let work: Vec<_> = work.into_iter().map(FutureExt::boxed).collect();
        stream::iter(work).buffered(self.config.fetches_max.max(1)).collect().boxed()
    }

    /// Most bytes kept of one of so many logs.
    pub(crate) fn bytes_of_one(&self, logs: usize) -> usize {
        self.config.log_bytes_max.min(self.config.layer_bytes_max / logs.max(1))
    }

    /// Of the next request: a server that hangs does not cost the others their time.
    fn deadline(&self) -> Instant {
        self.deadline.min(Instant::now() + self.config.http_timeout)
    }
}

/// The URL of a path below a server's own, with a query.
pub(crate) fn below(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url.set_query(None);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}
