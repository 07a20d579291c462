//! The recommender is away, and comes back.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::post};
use paramedic_domain::{Clock, HostSample};
use paramedic_hostagent::{Agent, HostAgentConfig, MeasuringConfig, PostingConfig, serve};
use paramedic_service::{Timeouts, client::http_client};
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
};

use crate::verdicts::executor;

type Taken = Arc<Mutex<Vec<HostSample>>>;

async fn take(State(taken): State<Taken>, Json(samples): Json<Vec<HostSample>>) -> axum::http::StatusCode {
    taken.lock().await.extend(samples);
    axum::http::StatusCode::NO_CONTENT
}

async fn listener(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.unwrap()
}

async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1_200 {
        if let Some(value) = condition().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within a minute: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_wait_for_the_recommender_and_metrics_say_so() {
    let _executor = executor("while :; do sleep 1; done", "app-away", "3");
    let free = listener(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let recommender = free.local_addr().unwrap();
    drop(free);
    let own = listener(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let url = format!("http://{}", own.local_addr().unwrap());
    let config = HostAgentConfig {
        host: "node1".to_owned(),
        measuring: MeasuringConfig { period_s: 1, bpf: false, ..MeasuringConfig::default() },
        listen: None,
        posting: PostingConfig { server: Some(format!("http://{recommender}")), ..PostingConfig::default() },
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let agent = tokio::task::spawn_blocking(|| Agent::start(config)).await.unwrap();
    let shutdown = async {
        let _ = stopped.await;
    };
    let serving = tokio::spawn(serve(agent, Some(own), Clock::system(), shutdown));

    let http = http_client(Timeouts::default()).unwrap();
    let get = async |path: &str| http.get(format!("{url}{path}")).send().await.unwrap().text().await.unwrap();
    let waiting =
        async || get("/metrics").await.contains("hostagent_samples_waiting{source=\"schedstat\"} 2").then_some(());
    until("samples wait", waiting).await;
    let text = get("/metrics").await;
    assert!(text.contains("workload_memory_bytes{workload=\"app-away executor 3\",role=\"executor\",application_id=\"app-away\",executor_id=\"3\",kind=\"rss\"}"), "{text}");
    let snapshot: serde_json::Value = serde_json::from_str(&get("/v1/snapshot").await).unwrap();
    assert_eq!(snapshot["host"], "node1");

    let taken = Taken::default();
    let routes = Router::new().route("/v1/host-samples", post(take)).with_state(taken.clone());
    let server = listener(recommender).await;
    tokio::spawn(async move { axum::serve(server, routes).await });
    until("what waited has arrived", async || (taken.lock().await.len() >= 3).then_some(())).await;
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    let taken = taken.lock().await;
    assert!(taken.iter().all(|sample| sample.host == "node1"));
    let own: Vec<_> = taken.iter().filter(|sample| sample.application_id == "app-away").collect();
    assert!(own.len() >= 3 && own.iter().all(|sample| sample.executor_id == "3" && sample.rss_peak_bytes > 0));
    assert!(own.windows(2).all(|pair| pair[0].sampled_at < pair[1].sampled_at), "in order, none twice");
}
