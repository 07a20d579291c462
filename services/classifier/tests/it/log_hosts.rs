use std::time::{Duration, Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::get,
};
use paramedic_domain::{Decision, LogSource};

use crate::harness::{HEAP, Running, at, closed_port, inline, report, silent_port, stand_in, start};

async fn decide(running: &Running, name: &str, logs: Vec<LogSource>) -> Decision {
    running.client.report_failure(&report(name, logs)).await.unwrap()
}

/// What was missed of the logs.
fn missed(decision: &Decision) -> Vec<&str> {
    decision.degraded.iter().map(String::as_str).filter(|part| part.starts_with("log")).collect()
}

#[tokio::test]
async fn logs_are_fetched_and_read_lossily() {
    let text = [b"\xff\xfe noise\n".as_slice(), HEAP.as_bytes()].concat();
    let host = stand_in(Router::new().route("/executor/3/stderr", get(move || async { text }))).await;
    let running = start(|_| {}).await;
    let decision = decide(&running, "a", vec![at(format!("{host}/executor/3/stderr"))]).await;
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert_eq!(missed(&decision), [""; 0]);
}

#[tokio::test]
async fn a_log_host_that_is_down_slow_or_wrong_is_missed_in_time() {
    let (silent, _listener) = silent_port().await;
    let missing = stand_in(Router::new()).await;
    let running = start(|_| {}).await;
    let started = Instant::now();
    for (name, url) in [
        ("down", closed_port().await),
        ("slow", silent),
        ("missing", missing),
        ("metadata", "http://169.254.169.254/latest/meta-data".into()),
        ("scheme", "ftp://host/log".into()),
        ("no url", "nonsense".into()),
        ("outside the roots", "file:///etc/passwd".into()),
    ] {
        let decision = decide(&running, name, vec![at(url), inline("ZeroDivisionError")]).await;
        assert_eq!(decision.classification.class, "DivisionByZero", "{name}");
        assert_eq!(missed(&decision), ["log_unavailable:driver.stderr"], "{name}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// An endless body: the error first, then noise for ever.
async fn endless() -> Body {
    let first = futures::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(HEAP.as_bytes())) });
    let noise = Bytes::from("INFO nothing happens here\n".repeat(10_000));
    Body::from_stream(futures::StreamExt::chain(first, futures::stream::repeat_with(move || Ok(noise.clone()))))
}

#[tokio::test]
async fn an_endless_log_ends_at_the_limit() {
    let host = stand_in(Router::new().route("/log", get(endless))).await;
    let running = start(|config| {
        config.collect.log_bytes_max = 100_000;
        config.collect.fetch_bytes_max = 2_000_000;
        config.collect.http_timeout = Duration::from_secs(20);
    })
    .await;
    let decision = decide(&running, "a", vec![at(format!("{host}/log"))]).await;
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert_eq!(missed(&decision), ["log_truncated:driver.stderr"]);
}

#[tokio::test]
async fn of_a_log_that_stalls_what_arrived_is_used() {
    let stalls = || async {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(HEAP.as_bytes())) });
        Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending()))
    };
    let host = stand_in(Router::new().route("/log", get(stalls))).await;
    let running = start(|_| {}).await;
    let decision = decide(&running, "a", vec![at(format!("{host}/log"))]).await;
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert_eq!(missed(&decision), ["log_truncated:driver.stderr"]);
}

#[tokio::test]
async fn of_a_huge_log_the_tail_is_asked_for_by_range() {
    // 10 GB, the error in the last bytes; a host that would take minutes to send the whole.
    const LENGTH: u64 = 10_000_000_000;
    async fn huge(headers: HeaderMap) -> impl IntoResponse {
        let range = headers.get(header::RANGE).map(|value| value.to_str().unwrap().to_owned());
        let Some(range) = range else {
            let noise = Bytes::from("INFO nothing happens here\n".repeat(1000));
            let body = Body::from_stream(futures::stream::repeat_with(move || Ok::<_, std::io::Error>(noise.clone())));
            return ([(header::ACCEPT_RANGES, "bytes"), (header::CONTENT_LENGTH, "10000000000")], body).into_response();
        };
        let start: u64 = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
        let noise = "x\n".repeat(((LENGTH - start) as usize - HEAP.len()) / 2);
        (StatusCode::PARTIAL_CONTENT, format!("{noise}{HEAP}")).into_response()
    }
    let host = stand_in(Router::new().route("/log", get(huge))).await;
    let running = start(|config| {
        config.collect.log_bytes_max = 100_000;
        config.collect.http_timeout = Duration::from_secs(20);
    })
    .await;
    let decision = decide(&running, "a", vec![at(format!("{host}/log"))]).await;
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert_eq!(missed(&decision), ["log_truncated:driver.stderr"]);
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_never_to_metadata() {
    // The same host by another name, which is not on the list.
    let elsewhere = stand_in(Router::new().route("/log", get(async || HEAP))).await.replace("127.0.0.1", "localhost");
    let app = Router::new()
        .route("/log", get(async || HEAP))
        .route("/moved", get(async || Redirect::temporary("/log")))
        .route("/loop", get(async || Redirect::temporary("/loop")))
        .route("/elsewhere", get(async move || Redirect::temporary(&format!("{elsewhere}/log"))))
        .route("/metadata", get(async || Redirect::temporary("http://169.254.169.254/latest")));
    let host = stand_in(app).await;
    let running = start(|_| {}).await;
    let moved = decide(&running, "moved", vec![at(format!("{host}/moved"))]).await;
    assert_eq!(moved.classification.class, "ExecutorHeapOom");
    for path in ["loop", "metadata", "elsewhere"] {
        let decision = decide(&running, path, vec![at(format!("{host}/{path}"))]).await;
        assert_eq!(missed(&decision), ["log_unavailable:driver.stderr"], "{path}");
    }
}

#[tokio::test]
async fn files_under_a_log_root_are_read() {
    let running = start(|config| config.collect.log_bytes_max = 10_000).await;
    let path = running.folder.path().join("logs/driver.log");
    std::fs::write(&path, format!("{}{HEAP}", "INFO fine\n".repeat(10_000))).unwrap();
    let decision = decide(&running, "a", vec![at(format!("file://{}", path.display()))]).await;
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert_eq!(missed(&decision), ["log_truncated:driver.stderr"]);
}

#[tokio::test]
async fn an_event_log_that_cannot_be_had_is_said() {
    let running = start(|_| {}).await;
    let mut report = report("a", vec![inline("ZeroDivisionError")]);
    report.event_log = Some(paramedic_domain::failure::EventLogSource { url: closed_port().await });
    let decision = running.client.report_failure(&report).await.unwrap();
    assert_eq!(decision.degraded[0], "event_log_unavailable");
}

#[tokio::test]
async fn only_hosts_on_the_list_are_asked_and_names_only_at_addresses_that_may_be() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = asked.clone();
    let log = async move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        HEAP
    };
    let host = stand_in(Router::new().route("/log", get(log))).await;
    let by_name = host.replace("127.0.0.1", "localhost");
    let port = host.rsplit(':').next().unwrap().to_owned();
    for (list, url, fetched) in [
        (vec![], &host, false),
        (vec!["logs.internal".to_owned()], &host, false),
        // The name resolves to this host's loopback address: `*` stands for public ones.
        (vec!["*".to_owned()], &by_name, false),
        (vec!["*".to_owned()], &host, false),
        (vec!["127.0.0.1:1".to_owned()], &host, false),
        (vec![format!("127.0.0.1:{port}")], &host, true),
        (vec!["localhost".to_owned()], &by_name, true),
    ] {
        let before = asked.load(std::sync::atomic::Ordering::Relaxed);
        let patterns = list.iter().map(|pattern| pattern.parse().unwrap()).collect();
        let running = start(|config| config.collect.log_hosts = patterns).await;
        let decision = decide(&running, "a", vec![at(format!("{url}/log"))]).await;
        let expected: &[&str] = if fetched { &[] } else { &["log_unavailable:driver.stderr"] };
        assert_eq!(missed(&decision), expected, "{list:?} {url}");
        let after = asked.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(after - before, usize::from(fetched), "{list:?} {url}");
    }
}
