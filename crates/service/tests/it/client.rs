use std::time::Duration;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
};
use paramedic_domain::{FailureId, Problem, problem::MEDIA_TYPE};
use paramedic_service::{Client, ClientError, FailureQuery, Timeouts};
use tokio::net::TcpListener;

fn timeouts() -> Timeouts {
    Timeouts { connect: Duration::from_millis(300), total: Duration::from_millis(300) }
}

fn client(base: &str) -> Client {
    Client::new(base, Some("a-secret-token"), timeouts()).unwrap()
}

/// Serves every request alike.
async fn stand_in<R: IntoResponse + 'static>(
    answer: impl Fn(HeaderMap, Uri) -> R + Clone + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(async move |headers: HeaderMap, uri: Uri| answer(headers, uri));
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://user:password@{address}/prefix/")
}

fn id() -> FailureId {
    "00000000-0000-0000-0000-000000000000".parse().unwrap()
}

#[tokio::test]
async fn the_token_the_prefix_and_escaped_names_arrive() {
    let base = stand_in(|headers, uri| format!("\"{} {}\"", uri, headers["authorization"].to_str().unwrap())).await;
    let rule = client(&base).rule("a/b ?ä").await.unwrap().unwrap();
    assert_eq!(rule, "/prefix/v1/rules/a%2Fb%20%3F%C3%A4 Bearer a-secret-token");
}

#[tokio::test]
async fn what_is_not_found_is_absent_but_a_missing_route_is_an_error() {
    let answer = |kind: &'static str| {
        move |_, _| {
            let problem = serde_json::to_string(&Problem::new(kind, 404, "t", "d")).unwrap();
            (StatusCode::NOT_FOUND, [("content-type", MEDIA_TYPE)], problem)
        }
    };
    assert_eq!(client(&stand_in(answer("not_found")).await).failure(id()).await.unwrap(), None);
    let error = client(&stand_in(answer("no_such_route")).await).failure(id()).await.unwrap_err();
    assert!(matches!(error, ClientError::Problem(_)), "{error}");
}

#[tokio::test]
async fn an_answer_of_something_else_is_unexpected() {
    for base in
        [stand_in(|_, _| "<html>").await, stand_in(|_, _| (StatusCode::BAD_GATEWAY, "nginx").into_response()).await]
    {
        let error = client(&base).failures(&FailureQuery::default()).await.unwrap_err();
        assert!(matches!(error, ClientError::UnexpectedAnswer { .. }), "{error}");
    }
}

#[tokio::test]
async fn nothing_there_and_no_answer_are_told_apart_and_show_no_secret() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = client(&format!("http://user:password@{closed}")).rules().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("password"), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_client = client(&format!("http://{}", silent.local_addr().unwrap()));
    let error = silent_client.rules().await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
    assert!(!format!("{error:?} {silent_client:?}").contains("secret"));
}

#[test]
fn what_is_no_http_url_and_no_header_is_refused() {
    for (base, token) in [("localhost:80", None), ("ftp://host", None), ("", None), ("http://host", Some("a\nb"))] {
        let error = Client::new(base, token, timeouts()).unwrap_err();
        assert!(matches!(error, ClientError::Misconfigured(_)), "{base}: {error}");
    }
}

#[test]
fn on_a_machine_without_ca_certificates_plain_http_still_works() {
    // The certificates are looked for when a client is made, by the environment: so in a process of its own.
    let again = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "client::the_token_the_prefix_and_escaped_names_arrive"])
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
}
