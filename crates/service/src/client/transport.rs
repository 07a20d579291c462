//! Requests and answers: bounded in time and size, errors that name the service and no secret.

use std::{fmt, path::Path, sync::Once, time::Duration};

use futures::StreamExt;
use paramedic_domain::{Problem, problem::MEDIA_TYPE};
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::error::{ProblemKind, chain};

/// Largest answer that is read, in bytes: a page of 500 decisions with their recommendations stays below it.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How much of an answer that is no problem document an error shows, in characters.
const ANSWER_SHOWN_MAX: usize = 200;

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer is read, all in all.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 2 s and 10 s.
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), total: Duration::from_secs(10) }
    }
}

/// An HTTP client with timeouts, that follows no redirect.
pub fn http_client(timeouts: Timeouts) -> Result<reqwest::Client, ClientError> {
    http_client_with(timeouts, |builder| builder)
}

/// Like [`http_client`], adjusted: redirects, a resolver of its own.
pub fn http_client_with(
    timeouts: Timeouts,
    adjust: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<reqwest::Client, ClientError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error means that the process has chosen a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = || {
        let builder = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            // Below the 30 s after which our servers close an idle connection, so that none closes under a request.
            .pool_idle_timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("paramedic/", env!("CARGO_PKG_VERSION")));
        adjust(builder)
    };
    builder().build().or_else(|error| {
        // A small image has no CA certificates. Plain HTTP, to the services beside this one, needs none.
        tracing::warn!(error = %chain(&error), "no HTTPS: install CA certificates, or set SSL_CERT_FILE");
        let without = builder().tls_certs_only([]).build();
        without.map_err(|error| ClientError::Misconfigured(chain(&error)))
    })
}

/// Why a call did not give its answer. Never shows a token.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be made: the URL, the token, TLS.
    #[error("{0}")]
    Misconfigured(String),
    /// Nothing answers there.
    #[error("{service} cannot be reached: {detail}")]
    Unreachable {
        /// The service's URL.
        service: String,
        /// Why.
        detail: String,
    },
    /// It did not answer in time.
    #[error("{service} did not answer within {after_s} s")]
    TimedOut {
        /// The service's URL.
        service: String,
        /// The timeout, in seconds.
        after_s: f64,
    },
    /// It refused the request.
    #[error("{0}")]
    Problem(Problem),
    /// It answered something that no service of this version answers.
    #[error("{service} gave an unexpected answer: {detail}")]
    UnexpectedAnswer {
        /// The service's URL.
        service: String,
        /// What it was.
        detail: String,
    },
}

impl ClientError {
    /// The problem document, where the service answered one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    fn says_not_found(&self) -> bool {
        // Another 404 means that the route itself is missing: another service, or an older one.
        self.problem().is_some_and(|problem| {
            problem.kind.strip_prefix("urn:paramedic:problem:") == Some(ProblemKind::NotFound.name())
        })
    }
}

/// A client of one service, or of all three on one port. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<header::HeaderValue>,
    timeouts: Timeouts,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("service", &self.service()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the service at `base_url` (`http://host:port`, a path prefix allowed).
    pub fn new(base_url: &str, token: Option<&str>, timeouts: Timeouts) -> Result<Self, ClientError> {
        Self::trusting(base_url, token, timeouts, None)
    }

    /// Like [`Self::new`]; where `ca_file` is given, the certificate authorities in it (PEM) are trusted, in the
    /// place of the system's.
    pub fn trusting(
        base_url: &str,
        token: Option<&str>,
        timeouts: Timeouts,
        ca_file: Option<&Path>,
    ) -> Result<Self, ClientError> {
        let mut base = parse_base(base_url)?;
        let token = token.map(bearer).transpose()?;
        if token.is_some() {
            // Else reqwest would send them in the token's place.
            let _ = base.set_username("");
            let _ = base.set_password(None);
        }
        let trusted = ca_file.map(certificates).transpose()?.unwrap_or_default();
        let http = if trusted.is_empty() {
            http_client(timeouts)?
        } else {
            http_client_with(timeouts, |builder| builder.tls_certs_only(trusted.clone()))?
        };
        Ok(Self { http, base, token, timeouts })
    }

    /// The service's URL, without user name and password.
    pub fn service(&self) -> String {
        let mut shown = self.base.clone();
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.as_str().trim_end_matches('/').to_owned()
    }

    /// A request for the route of these path segments, each escaped.
    pub(super) fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, ClientError> {
        self.answer(self.request(Method::GET, segments)).await
    }

    pub(super) async fn find<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<Option<T>, ClientError> {
        match self.get(segments).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.says_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.answer(self.request(Method::GET, segments).query(query)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.answer(self.request(Method::POST, segments).json(body)).await
    }

    /// Sends it and reads the answer.
    pub(super) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(format!("{error} in {}", shown(&body))))
    }

    /// Sends it; what a success answers does not matter.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status();
        let problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
        let body = self.read(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(self.refused(status, problem, &body))
    }

    fn refused(&self, status: StatusCode, problem: bool, body: &[u8]) -> ClientError {
        match serde_json::from_slice::<Problem>(body) {
            Ok(document) if problem => ClientError::Problem(document),
            _ => self.unexpected(format!("status {status}, {}", shown(body))),
        }
    }

    async fn read(&self, response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.failed(error))?;
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.unexpected(format!("over {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: reqwest::Error) -> ClientError {
        let service = self.service();
        if error.is_timeout() {
            let limit = if error.is_connect() { self.timeouts.connect } else { self.timeouts.total };
            return ClientError::TimedOut { service, after_s: limit.as_secs_f64() };
        }
        let detail = chain(&error.without_url());
        ClientError::Unreachable { service, detail }
    }

    fn unexpected(&self, detail: String) -> ClientError {
        ClientError::UnexpectedAnswer { service: self.service(), detail }
    }
}

fn parse_base(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text)
        .map_err(|error| ClientError::Misconfigured(format!("`{text}` is no URL ({error}); write http://host:port")))?;
    if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
        return Err(ClientError::Misconfigured(format!("`{}:` is neither http: nor https:", url.scheme())));
    }
    Ok(url)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let wrong = |detail: &str| ClientError::Misconfigured(format!("the CA file {}: {detail}", path.display()));
    let pem = std::fs::read(path).map_err(|error| wrong(&error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() { Err(wrong("holds no certificate in PEM's format")) } else { Ok(found) }
}

fn bearer(token: &str) -> Result<header::HeaderValue, ClientError> {
    let mut value = header::HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| ClientError::Misconfigured("the token holds characters that no header can carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * ANSWER_SHOWN_MAX)]).into_owned();
    let text: String = text.chars().take(ANSWER_SHOWN_MAX).collect();
    format!("{text:?}")
}
