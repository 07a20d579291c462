//! Around every request: an id, a span, a duration, a limit, and a floor under panics.

use std::{
    any::Any,
    hash::{BuildHasher, RandomState},
    panic::AssertUnwindSafe,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tracing::{Instrument, Level};

use crate::error::{ApiError, ProblemKind};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client: a UUID, or a trace id with room.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Names the request, traces it, measures it. Neither headers nor queries are recorded: they hold secrets and names.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        %method, %route, request_id = id.to_str().unwrap_or_default(), actor = tracing::field::Empty
    );
    async move {
        let started = Instant::now();
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let elapsed = started.elapsed();
        record(method.as_str(), &route, status, elapsed);
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
    .instrument(span)
    .await
}

fn record(method: &str, route: &str, status: u16, elapsed: Duration) {
    metrics::histogram!(
        "paramedic_http_request_duration_seconds",
        "method" => method.to_owned(), "route" => route.to_owned(), "status" => status.to_string()
    )
    .record(elapsed.as_secs_f64());
    let elapsed_ms = elapsed.as_secs_f64() * 1e3;
    if matches!(route, "/healthz" | "/readyz" | "/metrics") {
        tracing::event!(Level::DEBUG, status, elapsed_ms, "answered");
    } else {
        tracing::event!(Level::INFO, status, elapsed_ms, "answered");
    }
}

/// The client's id where it is short and printable, else one of our own.
fn request_id(request: &Request) -> HeaderValue {
    /// Differs between processes, so that ids of two replicas do not meet.
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let given = request.headers().get(REQUEST_ID);
    if let Some(id) = given
        && (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id.as_bytes().iter().all(u8::is_ascii_graphic)
    {
        return id.clone();
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::from_str(&format!("{:016x}-{count:x}", *PROCESS)).unwrap_or(HeaderValue::from_static("-"))
}

/// What bounds one service's requests.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// Requests at once.
    pub(crate) slots: Arc<Semaphore>,
    /// Longest time of one request, its body included.
    pub(crate) timeout: Duration,
}

/// Serves one request within the bounds; more at once than there are slots are refused, not queued.
pub(crate) async fn bound(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let Ok(_slot) = bounds.slots.try_acquire() else {
        return ApiError::new(ProblemKind::Overloaded, "this service serves no more requests at once; try again")
            .into_response();
    };
    let served = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(bounds.timeout, served).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ApiError::internal(format!("panicked: {}", panic_text(panic.as_ref()))).into_response(),
        Err(_) => {
            let detail = format!("it took over {} s, body included", bounds.timeout.as_secs_f64());
            ApiError::new(ProblemKind::TimedOut, detail).into_response()
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
