use paramedic_classifier::{Classifier, ClassifierConfig, routes};
use paramedic_domain::{Clock, MatchRequest};
use paramedic_service::{Auth, Client, FailureQuery, ServeOptions, Timeouts, Tokens};
use paramedic_store::Store;
use tokio::net::TcpListener;

use crate::harness::{HEAP, RULES, inline, report};

/// SHA-256 of each role's name, which is its token here.
const TOKENS: &str = "\
    a viewer d35ca5051b82ffc326a3b0b6574a9a3161dee16b9478a199ee39cd803ce5b799\n\
    b scheduler a02ba163f3a02db22fdd14b310119f1a4c2f9e4a773a573f757904dd5433d4dd\n\
    c rule_author a052a9d14f8d0bfe6469cad8dfc969723c4e33f7650a701782212063b9e96cd3\n";

#[tokio::test]
async fn each_role_may_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/a.yaml"), RULES).unwrap();
    std::fs::write(folder.path().join("tokens"), TOKENS).unwrap();
    let config = ClassifierConfig { rules_dir: folder.path().join("rules"), ..ClassifierConfig::default() };
    let store = Store::open("sqlite::memory:").await.unwrap();
    let classifier = Classifier::start(&config, store, Clock::system()).unwrap();
    let tokens = Tokens::load(&folder.path().join("tokens")).unwrap();
    let options = ServeOptions::new("classifier", "0", Auth::Tokens(tokens.into()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(paramedic_service::serve(routes(classifier), options, listener, std::future::pending()));

    let dry_run = MatchRequest { logs: vec![inline(HEAP)], ..MatchRequest::default() };
    for (token, reads, reports, tries, reloads) in [
        ("viewer", true, false, false, false),
        ("scheduler", true, true, true, false),
        ("rule_author", true, false, true, true),
        ("unknown", false, false, false, false),
    ] {
        let client = Client::new(&base, Some(token), Timeouts::default()).unwrap();
        assert_eq!(client.failures(&FailureQuery::default()).await.is_ok(), reads, "{token} reads");
        assert_eq!(
            client.report_failure(&report("a", vec![inline("ZeroDivisionError")])).await.is_ok(),
            reports,
            "{token} reports"
        );
        assert_eq!(client.match_rules(&dry_run).await.is_ok(), tries, "{token} tries");
        assert_eq!(client.reload_rules().await.is_ok(), reloads, "{token} reloads");
    }
}
