//! Logs from elsewhere: asked for at allowed hosts and addresses only, cut to their head and tail as they arrive,
//! unpacked within bounds, and used as far as they came when the time is over.
//!
//! A [`Remote`] is something that holds a log; [`fetch`] gets it. [`HttpSource`] makes remotes of URLs.

mod address;
pub mod arriving;
pub mod cut;
mod error;
mod file;
mod host;
mod http;
mod stream;

use std::future::Future;

use tokio::time::Instant;

pub use cut::CutText;
pub use error::FetchError;
pub use file::{RootError, Roots, path_of};
pub use host::{HostPattern, Hosts};
pub use http::{HttpBounds, HttpLog, HttpSource};
pub use stream::{Body, Chunks, FetchBounds, Remote, answer, fetch, unpack_into};

/// What the work gives, unless the deadline comes first.
pub async fn before<T, E: From<FetchError>>(
    deadline: Instant,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(FetchError::TimedOut.into()))
}
