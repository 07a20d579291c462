use std::time::Duration;

use paramedic_domain::{Clock, Problem, Role, problem::MEDIA_TYPE};
use paramedic_service::{Actor, Auth, OpenRoute, Readiness, ServeOptions, ServerLimits, Tokens};
use reqwest::{RequestBuilder, Response, header};

use crate::{Server, http, short_limits};

/// SHA-256 of `secret`.
const DIGEST: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
const OUTCOME: &str = r#"{"job":{"scheduler":"s","workflow":"w","job":"it's \"quoted\"","run":"r","attempt":1},
    "config":{},"status":"succeeded"}"#;

fn options() -> ServeOptions {
    ServeOptions { limits: short_limits(), ..ServeOptions::new("Test", "1.2.3", Auth::Open) }
}

fn json(request: RequestBuilder, body: impl Into<reqwest::Body>) -> RequestBuilder {
    request.header(header::CONTENT_TYPE, "application/json").body(body)
}

async fn problem(response: Response) -> Problem {
    assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    let status = response.status().as_u16();
    let problem: Problem = response.json().await.unwrap();
    assert_eq!(problem.status, status);
    problem
}

async fn refused(request: RequestBuilder) -> (u16, String, String) {
    let problem = problem(request.send().await.unwrap()).await;
    let pointer = problem.errors.first().map(|error| error.pointer.clone()).unwrap_or_default();
    (problem.status, problem.kind.replace("urn:paramedic:problem:", ""), pointer)
}

#[tokio::test]
async fn every_wrong_request_is_a_problem_document() {
    let server = Server::start(options()).await;
    let post = || http().post(server.url("/v1/outcomes"));
    let accepted = json(post(), OUTCOME).send().await.unwrap();
    assert_eq!(accepted.status(), 200);
    assert!(accepted.headers().contains_key("x-request-id"));

    for (request, expected) in [
        (json(post(), "{"), (400, "malformed_json", "")),
        (json(post(), OUTCOME.replace("\"run\"", "\"rum\"")), (422, "invalid_request", "/job/rum")),
        (json(post(), OUTCOME.replace("1}", "\"one\"}")), (422, "invalid_request", "/job/attempt")),
        (json(post(), OUTCOME.replace("\\\"quoted\\\"", "two\\nlines")), (422, "invalid_request", "/job/job")),
        (json(post(), OUTCOME.replace("succeeded", "lost")), (422, "invalid_request", "/status")),
        (json(post(), vec![b' '; 5000]), (413, "too_large", "")),
        (post().body(OUTCOME), (415, "unsupported_media_type", "")),
        (http().get(server.url("/v1/nothing")), (404, "no_such_route", "")),
        (http().get(server.url("/v1/outcomes")), (405, "method_not_allowed", "")),
        (http().post(server.url("/healthz")), (405, "method_not_allowed", "")),
        (http().get(server.url("/v1/hangs")), (504, "timed_out", "")),
    ] {
        let (status, kind, pointer) = refused(request).await;
        assert_eq!((status, kind.as_str(), pointer.as_str()), expected);
    }
}

#[tokio::test]
async fn a_panic_and_an_internal_error_answer_500_without_their_cause() {
    let server = Server::start(options()).await;
    for path in ["/v1/panic", "/v1/fails"] {
        let response = http().get(server.url(path)).send().await.unwrap();
        let problem = problem(response).await;
        assert_eq!(problem.status, 500);
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
}

#[tokio::test]
async fn more_requests_than_there_are_slots_are_refused_and_health_still_answers() {
    let limits = ServerLimits { request_timeout: Duration::from_secs(30), ..short_limits() };
    let server = Server::start(ServeOptions { limits, ..options() }).await;
    let hanging = tokio::spawn(http().get(server.url("/v1/hangs")).send());
    // Until the first request holds the only slot, `whoami` gets it.
    loop {
        let response = http().get(server.url("/v1/whoami")).send().await.unwrap();
        if response.status() == 503 {
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
            break;
        }
    }
    assert_eq!(http().get(server.url("/healthz")).send().await.unwrap().status(), 200);
    hanging.abort();
}

#[tokio::test]
async fn a_token_is_needed_where_there_are_tokens_but_not_for_health() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("airflow scheduler {DIGEST}\n")).unwrap();
    let auth = Auth::Tokens(Tokens::load(file.path()).unwrap().into());
    let server = Server::start(ServeOptions { auth, ..options() }).await;
    let whoami = || http().get(server.url("/v1/whoami"));

    assert_eq!(refused(whoami()).await.0, 401);
    assert_eq!(refused(whoami().bearer_auth("guess")).await.0, 401);
    assert_eq!(refused(whoami().header(header::AUTHORIZATION, "secret")).await.0, 401);
    assert_eq!(refused(http().get(server.url("/v1/nothing"))).await.0, 401);
    assert_eq!(whoami().bearer_auth("secret").send().await.unwrap().text().await.unwrap(), "airflow");
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(http().get(server.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn readiness_metrics_and_the_document_tell_of_the_service() {
    let ready = Readiness::always().and(Readiness::check(|| async { Err("the store does not answer".to_owned()) }));
    let server = Server::start(ServeOptions { ready, ..options() }).await;
    let unready = problem(http().get(server.url("/readyz")).send().await.unwrap()).await;
    assert_eq!((unready.status, unready.detail.as_str()), (503, "the store does not answer"));

    http().get(server.url("/v1/whoami")).send().await.unwrap();
    let metrics = http().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"paramedic_http_request_duration_seconds_bucket{method="GET",route="/v1/whoami""#));

    let document: serde_json::Value =
        http().get(server.url("/openapi.json")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&document["info"]["title"], &document["info"]["version"]), (&"Test".into(), &"1.2.3".into()));
    assert_eq!(document["info"]["contact"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_request_id_is_taken_over_when_it_is_safe_to_log() {
    let server = Server::start(options()).await;
    for (given, kept) in [("abc-1", true), ("has space", false), (&"x".repeat(200), false)] {
        let request = http().get(server.url("/healthz")).header("x-request-id", given);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"] == given, kept, "{given}");
    }
}

#[tokio::test]
async fn stopping_waits_for_open_requests_but_not_for_ever() {
    let limits = ServerLimits { request_timeout: Duration::from_secs(30), ..short_limits() };
    let mut server = Server::start(ServeOptions { limits, ..options() }).await;
    let hanging = tokio::spawn(http().get(server.url("/v1/hangs")).send());
    while http().get(server.url("/v1/whoami")).send().await.unwrap().status() != 503 {}
    server.stop();
    let ended = tokio::time::timeout(Duration::from_secs(10), server.ended).await.expect("it stops");
    assert!(ended.unwrap().is_ok());
    hanging.abort();
}

#[tokio::test]
async fn an_address_that_others_reach_is_not_served_without_tokens() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let result = paramedic_service::serve(crate::routes(), options(), listener, std::future::pending()).await;
    assert!(result.unwrap_err().to_string().contains("give a tokens file"));
}

#[tokio::test]
async fn connections_are_bounded_and_one_that_dawdles_makes_room() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };
    let limits = ServerLimits { connections_max: 1, header_timeout: Duration::from_millis(300), ..short_limits() };
    let server = Server::start(ServeOptions { limits, ..options() }).await;
    let mut dawdling = TcpStream::connect(server.address).await.unwrap();
    dawdling.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").await.unwrap();
    // Served only after the first connection was closed.
    assert_eq!(http().get(server.url("/healthz")).send().await.unwrap().status(), 200);
    let mut rest = vec![];
    dawdling.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_when_to_ask_again() {
    let tokens = Tokens::new(Clock::system(), std::num::NonZeroU32::new(1))
        .and(Actor::new("greedy", Role::Viewer), "greedy")
        .and(Actor::new("modest", Role::Viewer), "modest");
    let server = Server::start(ServeOptions { auth: Auth::Tokens(tokens.into()), ..options() }).await;
    let whoami = |token| http().get(server.url("/v1/whoami")).bearer_auth(token).send();
    // Refilled by one a second: sooner or later two requests lie closer.
    let refused = loop {
        let response = whoami("greedy").await.unwrap();
        if response.status() == 429 {
            break response;
        }
    };
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert!(problem(refused).await.detail.contains("greedy"));
    assert_eq!(whoami("modest").await.unwrap().status(), 200);
    let metrics = http().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("paramedic_rate_limited_total{token=\"greedy\"}"));
}

#[tokio::test]
async fn an_open_route_needs_no_token_and_others_do() {
    let tokens = Tokens::new(Clock::system(), None).and(Actor::new("ada", Role::Operator), "secret");
    let open = vec![OpenRoute { route: "/v1/whoami", actor: Actor::new("everyone", Role::Scheduler) }];
    let server = Server::start(ServeOptions { auth: Auth::Tokens(tokens.into()), open, ..options() }).await;
    let whoami = || http().get(server.url("/v1/whoami"));
    assert_eq!(whoami().send().await.unwrap().text().await.unwrap(), "everyone");
    assert_eq!(whoami().bearer_auth("secret").send().await.unwrap().text().await.unwrap(), "ada");
    assert_eq!(refused(whoami().bearer_auth("guess")).await.0, 401);
    assert_eq!(refused(http().get(server.url("/v1/fails"))).await.0, 401);
}
