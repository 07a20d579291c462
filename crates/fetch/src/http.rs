//! Logs and answers behind HTTP.

use std::sync::Arc;

use futures::StreamExt;
use paramedic_service::{ClientError, Timeouts, client::http_client_with};
use reqwest::{Certificate, Response, StatusCode, header, header::HeaderValue, redirect};
use tokio::time::Instant;
use url::Url;

use crate::{
    FetchError, before,
    host::Hosts,
    stream::{Body, Remote},
};

/// Bounds of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpBounds {
    /// Until the connection stands, and until the last byte is read.
    pub timeouts: Timeouts,
    /// Redirects that a host may send, each checked like the URL itself.
    pub redirects_max: usize,
}

/// Asks the allowed hosts. Cheap to clone.
#[derive(Clone)]
pub struct HttpSource {
    http: reqwest::Client,
    hosts: Hosts,
}

impl HttpSource {
    /// Makes the client; asks nobody. Hosts are trusted by these authorities only where any are given, else by the
    /// system's.
    pub fn new(hosts: Hosts, bounds: HttpBounds, authorities: &[Certificate]) -> Result<Self, ClientError> {
        let http = http_client_with(bounds.timeouts, |builder| {
            let builder = builder
                .redirect(redirect_policy(bounds.redirects_max, hosts.clone()))
                .dns_resolver(Arc::new(hosts.clone()))
                // A proxy would resolve the name itself, unchecked.
                .no_proxy()
                // A signed URL is no other host's business.
                .referer(false);
            if authorities.is_empty() { builder } else { builder.tls_certs_only(authorities.to_vec()) }
        })?;
        Ok(Self { http, hosts })
    }

    /// What is at `url`.
    pub fn at<'a>(&'a self, url: &'a Url, deadline: Instant) -> HttpLog<'a> {
        HttpLog { source: self, url, authorization: None, deadline }
    }
}

/// A log behind HTTP.
pub struct HttpLog<'a> {
    source: &'a HttpSource,
    url: &'a Url,
    authorization: Option<&'a HeaderValue>,
    deadline: Instant,
}

impl<'a> HttpLog<'a> {
    /// Asks with an `Authorization` header, which a redirect to another host does not take along.
    #[must_use]
    pub fn authorized(self, authorization: Option<&'a HeaderValue>) -> Self {
        Self { authorization, ..self }
    }

    async fn get(&self, from: u64) -> Result<Response, FetchError> {
        self.source.hosts.check(self.url)?;
        let mut request = self.source.http.get(self.url.clone());
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let Some(authorization) = self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let response = before(self.deadline, async { request.send().await.map_err(host_error) }).await?;
        let expected = if from > 0 { StatusCode::PARTIAL_CONTENT } else { response.status() };
        if response.status().is_success() && response.status() == expected {
            Ok(response)
        } else {
            Err(FetchError::Status(response.status().as_u16()))
        }
    }
}

impl Remote for HttpLog<'_> {
    async fn open(&self, from: u64) -> Result<Body, FetchError> {
        let response = self.get(from).await?;
        let (size, ranges) = (response.content_length(), takes_ranges(&response));
        let chunks = response.bytes_stream().map(|chunk| chunk.map_err(host_error)).boxed();
        Ok(Body { chunks, size, ranges, until: None })
    }
}

fn takes_ranges(response: &Response) -> bool {
    response.headers().get(header::ACCEPT_RANGES).is_some_and(|value| value == "bytes")
}

fn redirect_policy(redirects_max: usize, hosts: Hosts) -> redirect::Policy {
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

fn host_error(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut;
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        if let Some(FetchError::HostNotAllowed(host)) = cause.downcast_ref() {
            return FetchError::HostNotAllowed(host.clone());
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    FetchError::Host(text)
}
