//! Logs in S3: through a server of its own that speaks the protocol, signatures included (`s3s` with `s3s-fs`).

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{Request, body::Incoming, header, service::service_fn};
use hyper_util::rt::TokioIo;
use paramedic_domain::{Decision, failure::EventLogSource};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{HEAP, Running, at, inline, report, start};

/// Method, path and range of each request, and the bytes answered.
type Asked = Arc<Mutex<Vec<(String, u64)>>>;

/// A server over a folder whose folders are buckets.
async fn s3() -> (TempDir, String, Asked) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("logs/spark")).unwrap();
    std::fs::create_dir_all(folder.path().join("others")).unwrap();
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single("an-access-key", "a-secret-key"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let recorded = asked.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, asked) = (service.clone(), recorded.clone());
            let answer = service_fn(move |request: Request<Incoming>| {
                let (service, asked) = (service.clone(), asked.clone());
                async move {
                    let range = request.headers().get(header::RANGE).map_or("", |range| range.to_str().unwrap());
                    let what = format!("{} {} {range}", request.method(), request.uri().path());
                    let response = hyper::service::Service::call(&service, request).await;
                    let length =
                        response.as_ref().ok().and_then(|response| response.headers().get(header::CONTENT_LENGTH));
                    let length = length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
                    asked.lock().unwrap().push((what, length));
                    response
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
        }
    });
    (folder, endpoint, asked)
}

async fn reading(endpoint: &str, secret: &str, bucket: &str) -> Running {
    let options = [
        format!("aws_endpoint={endpoint}"),
        "aws_region=us-east-1".to_owned(),
        "allow_http=true".to_owned(),
        "aws_access_key_id=an-access-key".to_owned(),
        format!("aws_secret_access_key={secret}"),
    ];
    start(|config| {
        config.collect.log_buckets = vec![bucket.parse().unwrap()];
        config.collect.store_options = options.iter().map(|option| option.parse().unwrap()).collect();
        config.collect.log_bytes_max = 4 << 20;
        config.collect.http_timeout = Duration::from_secs(20);
    })
    .await
}

async fn decide(running: &Running, name: &str, url: &str) -> (String, Vec<String>) {
    let decision: Decision = running.client.report_failure(&report(name, vec![at(url)])).await.unwrap();
    let missed = decision.degraded.into_iter().filter(|part| part.starts_with("log")).collect();
    (decision.classification.class, missed)
}

fn write(folder: &TempDir, path: &str, bytes: &[u8]) {
    std::fs::write(folder.path().join(Path::new(path)), bytes).unwrap();
}

#[tokio::test]
async fn logs_are_read_from_allowed_buckets_whatever_their_size_and_compression() {
    let (folder, endpoint, asked) = s3().await;
    let noise: String = (0..60_000).fold(String::new(), |mut noise, line| {
        writeln!(noise, "INFO line {line} of {:x}", line * 2_654_435_761_u64).unwrap();
        noise
    });
    write(&folder, "logs/spark/small", HEAP.as_bytes());
    write(&folder, "logs/spark/empty", b"");
    // Longer than the first request asks for, within what is kept.
    write(&folder, "logs/spark/middle", format!("{noise}{HEAP}").as_bytes());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(format!("{noise}{noise}{noise}{noise}{noise}{HEAP}").as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() > 1 << 20, "{}: it takes two requests", packed.len());
    write(&folder, "logs/spark/packed", &packed);
    let running = reading(&endpoint, "a-secret-key", "s3://logs/spark").await;
    for (name, class, missed) in [
        ("small", "ExecutorHeapOom", &[][..]),
        ("middle", "ExecutorHeapOom", &[]),
        ("packed", "ExecutorHeapOom", &["log_truncated:driver.stderr"]),
        ("empty", "Unclassified", &["log_empty:driver.stderr"]),
        ("none", "Unclassified", &["log_unavailable:driver.stderr"]),
    ] {
        let (decided, degraded) = decide(&running, name, &format!("s3://logs/spark/{name}")).await;
        assert_eq!(
            (decided.as_str(), degraded.iter().map(String::as_str).collect::<Vec<_>>()),
            (class, missed.to_vec())
        );
    }
    assert!(asked.lock().unwrap().iter().any(|(what, _)| what == "GET /logs/spark/small bytes=0-1048575"));
}

#[tokio::test]
async fn of_a_huge_object_only_the_ends_are_transferred() {
    let (folder, endpoint, asked) = s3().await;
    let path = folder.path().join("logs/spark/huge");
    let mut file = std::fs::File::create(path).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(1 << 30)).unwrap(); // sparse: 1 GiB of nothing
    file.write_all(b"\n").unwrap();
    file.write_all(HEAP.as_bytes()).unwrap();
    let running = reading(&endpoint, "a-secret-key", "s3://logs/spark").await;
    let decided = decide(&running, "a", "s3a://logs/spark/huge").await;
    assert_eq!(decided, ("ExecutorHeapOom".to_owned(), vec!["log_truncated:driver.stderr".to_owned()]));
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked.iter().map(|(_, bytes)| bytes).sum::<u64>(), 4 << 20, "{asked:?}");
}

#[tokio::test]
async fn buckets_that_are_not_allowed_and_wrong_credentials_are_missed() {
    let (folder, endpoint, asked) = s3().await;
    write(&folder, "others/log", HEAP.as_bytes());
    write(&folder, "logs/log", HEAP.as_bytes());
    write(&folder, "logs/spark/log", HEAP.as_bytes());
    let running = reading(&endpoint, "a-secret-key", "s3://logs/spark").await;
    for url in
        ["s3://others/log", "s3://logs/log", "s3://logs/spark/../log", "gs://logs/spark/log", "az://logs/spark/log"]
    {
        let (_, missed) = decide(&running, url, url).await;
        assert_eq!(missed, ["log_unavailable:driver.stderr"], "{url}");
    }
    assert!(asked.lock().unwrap().is_empty());
    let stranger = reading(&endpoint, "another-key", "s3://logs/spark").await;
    assert_eq!(decide(&stranger, "a", "s3://logs/spark/log").await.1, ["log_unavailable:driver.stderr"]);
    let none = start(|_| {}).await;
    assert_eq!(decide(&none, "a", "s3://logs/spark/log").await.1, ["log_unavailable:driver.stderr"]);
}

#[tokio::test]
async fn event_logs_are_read_from_there_too() {
    const EVENT_LOG: &str = concat!(
        r#"{"Event":"SparkListenerLogStart","Spark Version":"4.1.4"}"#,
        "\n",
        r#"{"Event":"SparkListenerApplicationEnd","Timestamp":1}"#,
        "\n"
    );
    let (folder, endpoint, _) = s3().await;
    write(&folder, "logs/spark/app-1", &zstd::encode_all(EVENT_LOG.as_bytes(), 3).unwrap());
    let running = reading(&endpoint, "a-secret-key", "s3://logs/spark").await;
    for (name, found) in [("app-1", true), ("app-2", false)] {
        let mut failure = report(name, vec![inline("ZeroDivisionError")]);
        failure.event_log = Some(EventLogSource { url: format!("s3://logs/spark/{name}") });
        let decision = running.client.report_failure(&failure).await.unwrap();
        assert_eq!(decision.degraded.contains(&"event_log_unavailable".to_owned()), !found, "{name}");
    }
}

#[test]
fn settings_show_no_secret() {
    let option: paramedic_classifier::StoreOption = "aws_secret_access_key=hunter2".parse().unwrap();
    assert!(!format!("{option:?}").contains("hunter2"));
    assert!("nonsense=1".parse::<paramedic_classifier::StoreOption>().is_err());
}
