//! Opening a store.

use paramedic_domain::{Category, Policy};
use paramedic_store::{Store, StoreError};

use crate::{Database, samples};

pub(crate) async fn answers_a_ping(database: Database) {
    database.store.ping().await.unwrap();
}

pub(crate) async fn opens_twice_and_keeps_what_is_stored(database: Database) {
    let decision = samples::decision(samples::job("j", 1), "A", Category::Data, samples::at(0));
    database.store.finish_decision(&decision).await.unwrap();
    let other = database.other_store().await;
    assert_eq!(other.decision(decision.failure_id).await.unwrap(), Some(decision));
}

async fn open_four_at_once(url: &str) {
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move { Store::open(&url).await })
        })
        .collect();
    for opened in opening {
        let store = opened.await.unwrap().expect("each of four servers that start at once opens the store");
        assert_eq!(store.policy().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_at_once_migrate_a_sqlite_file_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        open_four_at_once(&format!("sqlite://{}", folder.path().join(format!("{round}.db")).display())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_at_once_migrate_postgresql_once() {
    let server = paramedic_test_postgres::Server::find_or_start().await;
    open_four_at_once(&server.new_database("opening").await).await;
    server.stop().await;
}

#[tokio::test]
async fn a_url_that_cannot_be_used_says_so_and_keeps_its_password() {
    for url in ["", "mysql://u:hunter2@h/d", "/var/lib/paramedic.db", "postgres://u:hunter2@h:port/d"] {
        let error = Store::open(url).await.unwrap_err();
        assert!(matches!(error, StoreError::BadUrl { .. }), "{url}: {error:?}");
        let told = format!("{error} {error:?}");
        assert!(told.contains("postgres://") && !told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().display().to_string().replace('/', "%2F");
    let error = Store::open(&format!("postgres://u@{socket}/d")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let error = Store::open(&format!("sqlite://{}", folder.path().display())).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let server = paramedic_test_postgres::Server::find_or_start().await;
    let store = Store::open(&server.new_database("restart").await).await.unwrap();
    store.put_policy(&Policy::default(), None, "ada", samples::at(0)).await.unwrap();
    server.end_connections().await;
    assert_eq!(store.policy().await.unwrap(), Some((Policy::default(), 1)));
    store.close().await;
    server.stop().await;
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/").to_owned() + engine;
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}
