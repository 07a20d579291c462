//! Logs behind HTTP.

use std::sync::Arc;

use futures::StreamExt;
use paramedic_service::{Timeouts, client::http_client_with};
use reqwest::{Response, StatusCode, header, redirect};
use tokio::time::Instant;
use url::Url;

use super::{
    CollectConfig, CollectError, before,
    host::LogHosts,
    stream::{Body, Remote},
};
use crate::error::ClassifierError;

/// Fetches from log hosts.
pub(super) struct LogHost {
    http: reqwest::Client,
    hosts: LogHosts,
}

impl LogHost {
    pub(super) fn new(config: &CollectConfig) -> Result<Self, ClassifierError> {
        let hosts = LogHosts::new(&config.log_hosts);
        let timeouts = Timeouts { connect: config.http_connect_timeout, total: config.http_timeout };
        let http = http_client_with(timeouts, |builder| {
            builder
                .redirect(redirect_policy(config.redirects_max, hosts.clone()))
                .dns_resolver(Arc::new(hosts.clone()))
                // A proxy would resolve the name itself, unchecked.
                .no_proxy()
                // A signed URL is no other host's business.
                .referer(false)
        })
        .map_err(|source| ClassifierError::Peer { setting: "log hosts", source })?;
        Ok(Self { http, hosts })
    }

    /// The log at `url`.
    pub(super) fn at<'a>(&'a self, url: &'a Url, deadline: Instant) -> HttpLog<'a> {
        HttpLog { host: self, url, deadline }
    }

    async fn get(&self, url: &Url, from: u64, deadline: Instant) -> Result<Response, CollectError> {
        self.hosts.check(url)?;
        let mut request = self.http.get(url.clone());
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let response = before(deadline, async { request.send().await.map_err(host_error) }).await?;
        let expected = if from > 0 { StatusCode::PARTIAL_CONTENT } else { response.status() };
        if response.status().is_success() && response.status() == expected {
            Ok(response)
        } else {
            Err(CollectError::Status(response.status().as_u16()))
        }
    }
}

/// A log behind HTTP.
pub(super) struct HttpLog<'a> {
    host: &'a LogHost,
    url: &'a Url,
    deadline: Instant,
}

impl Remote for HttpLog<'_> {
    async fn open(&self, from: u64) -> Result<Body, CollectError> {
        let response = self.host.get(self.url, from, self.deadline).await?;
        let (size, ranges) = (response.content_length(), takes_ranges(&response));
        let chunks = response.bytes_stream().map(|chunk| chunk.map_err(host_error)).boxed();
        Ok(Body { chunks, size, ranges, until: None })
    }
}

fn takes_ranges(response: &Response) -> bool {
    response.headers().get(header::ACCEPT_RANGES).is_some_and(|value| value == "bytes")
}

fn redirect_policy(redirects_max: usize, hosts: LogHosts) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > redirects_max {
            return attempt.error(format!("more than {redirects_max} redirects"));
        }
        match hosts.check(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    })
}

fn host_error(error: reqwest::Error) -> CollectError {
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
