//! Errors as problem documents. The one place where a kind of problem meets its HTTP status.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use paramedic_domain::{Problem, Violation, problem::MEDIA_TYPE};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Every kind of problem that a service answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The body is no JSON.
    MalformedJson,
    /// The request is well-formed and wrong.
    InvalidRequest,
    /// No token, or one that is not known.
    Unauthorized,
    /// The role may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// There is no such route.
    NoSuchRoute,
    /// The route has no such method.
    MethodNotAllowed,
    /// What is asked for contradicts what is stored.
    Conflict,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// The body is larger than the limit.
    TooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// Our fault. The cause is in the log.
    Internal,
    /// Something that this service needs is down.
    Unavailable,
    /// More requests at once than the limit.
    Overloaded,
    /// More requests of one token than it may send.
    RateLimited,
    /// The request took longer than the limit.
    TimedOut,
}

impl ProblemKind {
    /// The kind's name in `type`, its status and its title.
    const fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::MalformedJson => ("malformed_json", 400, "The body is not valid JSON"),
            Self::InvalidRequest => ("invalid_request", 422, "The request is not valid"),
            Self::Unauthorized => ("unauthorized", 401, "A valid token is needed"),
            Self::Forbidden => ("forbidden", 403, "The role may not do this"),
            Self::NotFound => ("not_found", 404, "Not found"),
            Self::NoSuchRoute => ("no_such_route", 404, "No such route"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "The route has no such method"),
            Self::Conflict => ("conflict", 409, "It contradicts what is stored"),
            Self::PreconditionFailed => ("precondition_failed", 412, "It was changed in between"),
            Self::PreconditionRequired => ("precondition_required", 428, "If-Match is missing"),
            Self::TooLarge => ("too_large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The body must be JSON"),
            Self::Internal => ("internal", 500, "Internal error"),
            Self::Unavailable => ("unavailable", 503, "Something this service needs is unavailable"),
            Self::Overloaded => ("overloaded", 503, "Too many requests at once"),
            Self::RateLimited => ("rate_limited", 429, "Too many requests of one token"),
            Self::TimedOut => ("timed_out", 504, "The request took too long"),
        }
    }

    /// The kind's name, as in `urn:paramedic:problem:<name>`.
    pub const fn name(self) -> &'static str {
        self.parts().0
    }
}

/// Why a request was not served. The problem is answered; the cause is logged and never shown.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    cause: Option<Cause>,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// A problem of this kind; `detail` says what happened here and how to mend it.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (name, status, title) = kind.parts();
        Self { problem: Box::new(Problem::new(name, status, title, detail)), cause: None, retry_after: None }
    }

    /// Our fault: answered without its cause, which is logged.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(ProblemKind::Internal, "the cause is in the service's log, under this request's id").with_cause(cause)
    }

    /// Something that this service needs is down.
    pub fn unavailable(detail: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::new(ProblemKind::Unavailable, detail).with_cause(cause)
    }

    /// There is no such thing: `detail` names it.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// It contradicts what is stored.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Conflict, detail)
    }

    /// The role may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Forbidden, detail)
    }

    /// The request is well-formed and wrong, in these places.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        Problem::invalid(violations).into()
    }

    /// The same, with a cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same; it may pass after this long.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// What is answered.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), cause: None, retry_after: None }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Some(cause) = &self.cause {
            let chain = chain(cause.as_ref());
            tracing::error!(status = status.as_u16(), kind = %self.problem.kind, cause = %chain, "request failed");
        }
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let wait = self.retry_after.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(1)));
        if let Some(wait) = wait {
            // Whole seconds, rounded up.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1000).max(1) as u64));
        }
        response
    }
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
