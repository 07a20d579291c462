use std::{io::Write as _, time::Duration};

use axum::{Router, body::Body, routing::get};
use paramedic_domain::LogSource;

use crate::harness::{HEAP, Running, at, report, stand_in, start};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn lz4(text: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Class, and what was missed of the logs.
async fn verdict(running: &Running, name: &str, log: LogSource) -> (String, Vec<String>) {
    let decision = running.client.report_failure(&report(name, vec![log])).await.unwrap();
    let missed = decision.degraded.into_iter().filter(|part| part.starts_with("log")).collect();
    (decision.classification.class, missed)
}

fn heap_oom(missed: &[&str]) -> (String, Vec<String>) {
    ("ExecutorHeapOom".to_owned(), missed.iter().map(|part| (*part).to_owned()).collect())
}

#[tokio::test]
async fn logs_are_unpacked_by_what_they_hold_from_files_and_hosts() {
    let noise = "INFO nothing happens here\n".repeat(20_000);
    let text = format!("{noise}{HEAP}");
    // Two members: as a log that was rotated and joined.
    let members = [gzip(noise.as_bytes()), gzip(HEAP.as_bytes())].concat();
    let running = start(|config| config.collect.http_timeout = Duration::from_secs(20)).await;
    for (name, packed) in [
        ("gzip", gzip(text.as_bytes())),
        ("members", members),
        ("zstd", zstd::encode_all(text.as_bytes(), 3).unwrap()),
        ("lz4", lz4(text.as_bytes())),
    ] {
        let path = running.folder.path().join("logs").join(name).with_extension("txt");
        std::fs::write(&path, &packed).unwrap();
        let file = at(format!("file://{}", path.display()));
        assert_eq!(verdict(&running, &format!("{name} file"), file).await, heap_oom(&[]), "{name}");

        let host = stand_in(Router::new().route("/log", get(async move || packed))).await;
        let http = at(format!("{host}/log"));
        assert_eq!(verdict(&running, &format!("{name} http"), http).await, heap_oom(&[]), "{name}");
    }
}

#[tokio::test]
async fn of_a_bomb_what_came_before_the_bound_is_used() {
    let text = [HEAP.as_bytes(), &vec![b'x'; 300 << 20]].concat();
    let running = start(|config| {
        config.collect.log_bytes_max = 1 << 20;
        config.collect.unpacked_bytes_max = 8 << 20;
        config.collect.http_timeout = Duration::from_mins(1);
        config.collect.collect_timeout = Duration::from_mins(1);
    })
    .await;
    for (name, packed) in [("gzip", gzip(&text)), ("zstd", zstd::encode_all(text.as_slice(), 1).unwrap())] {
        let path = running.folder.path().join("logs").join(name);
        std::fs::write(&path, &packed).unwrap();
        let file = at(format!("file://{}", path.display()));
        let expected = heap_oom(&["log_truncated:driver.stderr"]);
        assert_eq!(verdict(&running, &format!("{name} file"), file).await, expected, "{name}");
        let host = stand_in(Router::new().route("/log", get(async move || packed))).await;
        assert_eq!(verdict(&running, &format!("{name} http"), at(format!("{host}/log"))).await, expected, "{name}");
    }
}

#[tokio::test]
async fn of_a_compressed_log_that_stalls_what_arrived_is_used() {
    let packed = gzip(HEAP.as_bytes());
    let cut = packed[..packed.len() - 8].to_vec();
    let stalls = move || {
        let cut = cut.clone();
        async {
            let first = futures::stream::once(async { Ok::<_, std::io::Error>(cut) });
            Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending()))
        }
    };
    let host = stand_in(Router::new().route("/log", get(stalls))).await;
    let running = start(|_| {}).await;
    let expected = heap_oom(&["log_truncated:driver.stderr"]);
    assert_eq!(verdict(&running, "a", at(format!("{host}/log"))).await, expected);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_clipped_and_its_neighbours_stay() {
    let text = format!("{}\n{HEAP}", "x".repeat(5 << 20));
    let running = start(|_| {}).await;
    let log = crate::harness::inline(&text);
    let decision = running.client.report_failure(&report("a", vec![log])).await.unwrap();
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert_eq!(decision.classification.evidence[0].line, 3);
}
