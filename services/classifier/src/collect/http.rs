//! Logs behind HTTP: streamed, and cut off where a bound is reached.

use std::sync::Arc;

use futures::StreamExt;
use paramedic_service::{Timeouts, client::http_client_with};
use reqwest::{Response, StatusCode, header, redirect};
use tokio::time::Instant;
use url::Url;

use super::{
    CollectConfig, CollectError,
    address::{self, CheckedResolver},
    before,
    cut::{CutText, HeadTail, shares},
    earlier,
};
use crate::error::ClassifierError;

/// Fetches from log hosts.
pub(super) struct LogHost {
    http: reqwest::Client,
    config: CollectConfig,
}

impl LogHost {
    pub(super) fn new(config: &CollectConfig) -> Result<Self, ClassifierError> {
        let timeouts = Timeouts { connect: config.http_connect_timeout, total: config.http_timeout };
        let http = http_client_with(timeouts, |builder| {
            builder.redirect(redirect_policy(config.redirects_max)).dns_resolver(Arc::new(CheckedResolver))
        })
        .map_err(|source| ClassifierError::Peer { setting: "log hosts", source })?;
        Ok(Self { http, config: config.clone() })
    }

    /// One log; what has arrived when time or bytes run out is used.
    pub(super) async fn fetch(&self, url: Url, bytes_max: usize, deadline: Instant) -> Result<CutText, CollectError> {
        let deadline = earlier(deadline, self.config.http_timeout);
        let mut response = self.get(&url, None, deadline).await?;
        let mut kept = HeadTail::new(bytes_max);
        let (head, tail) = shares(bytes_max);
        let length = response.content_length().unwrap_or_default();
        if length > bytes_max as u64 && takes_ranges(&response) {
            self.stream(response, head as u64, deadline, &mut kept).await?;
            let start = length - tail as u64;
            kept.skip(start - head as u64);
            response = self.get(&url, Some(start), deadline).await?;
            if response.status() != StatusCode::PARTIAL_CONTENT {
                return Err(CollectError::Status(response.status().as_u16()));
            }
        }
        let whole = self.stream(response, self.config.fetch_bytes_max, deadline, &mut kept).await?;
        if !whole {
            kept.end_early();
        }
        Ok(kept.finish())
    }

    pub(super) async fn get(&self, url: &Url, from: Option<u64>, deadline: Instant) -> Result<Response, CollectError> {
        address::check(url)?;
        let mut request = self.http.get(url.clone());
        if let Some(from) = from {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let response = before(deadline, async { request.send().await.map_err(host_error) }).await?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(CollectError::Status(response.status().as_u16()))
        }
    }

    /// Up to so many bytes. `Ok(true)`: it ended by itself. Fails only when nothing arrived at all.
    async fn stream(
        &self,
        response: Response,
        bytes_max: u64,
        deadline: Instant,
        kept: &mut HeadTail,
    ) -> Result<bool, CollectError> {
        let mut room = bytes_max;
        let mut chunks = response.bytes_stream();
        loop {
            match before(deadline, async { chunks.next().await.transpose().map_err(host_error) }).await {
                Ok(Some(chunk)) => {
                    let taken = chunk.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                    kept.write(&chunk[..taken]);
                    room -= taken as u64;
                    if room == 0 {
                        return Ok(false);
                    }
                }
                Ok(None) => return Ok(true),
                Err(error) if kept.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a log ended early");
                    return Ok(false);
                }
            }
        }
    }
}

fn takes_ranges(response: &Response) -> bool {
    response.headers().get(header::ACCEPT_RANGES).is_some_and(|value| value == "bytes")
}

fn redirect_policy(redirects_max: usize) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > redirects_max {
            return attempt.error(format!("more than {redirects_max} redirects"));
        }
        match address::check(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    })
}

pub(super) fn host_error(error: reqwest::Error) -> CollectError {
    if error.is_timeout() {
        return CollectError::TimedOut;
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    CollectError::Host(text)
}
