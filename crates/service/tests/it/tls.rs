//! TLS, and a certificate that changes under the server.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use paramedic_service::{Auth, Client, ClientError, ServeOptions, Timeouts, Tls, client::http_client_with};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::Server;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    /// Another certificate for `localhost`, and a client that trusts it alone.
    fn renew(&self) -> reqwest::Client {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.certificate(), cert.pem()).unwrap();
        fs::write(self.key(), signing_key.serialize_pem()).unwrap();
        client(&self.certificate())
    }
}

fn client(certificate: &Path) -> reqwest::Client {
    let trusted = reqwest::Certificate::from_pem(&fs::read(certificate).unwrap()).unwrap();
    http_client_with(Timeouts::default(), |builder| builder.tls_certs_only([trusted.clone()])).unwrap()
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let files = Files { folder: tempfile::tempdir().unwrap() };
    let old = files.renew();
    let tls = Some(Tls::load(&files.certificate(), &files.key()).unwrap());
    let server = Server::start(ServeOptions { tls, ..ServeOptions::new("Test", "1", Auth::Open) }).await;
    let url = format!("https://localhost:{}/healthz", server.address.port());
    assert_eq!(old.get(&url).send().await.unwrap().status(), 200);

    let new = files.renew();
    let start = Instant::now();
    while new.get(&url).send().await.is_err() {
        assert!(start.elapsed() < Duration::from_mins(1), "the new certificate is never served");
    }
    // The old client's connection stands: it would not trust the certificate of a new one.
    assert_eq!(old.get(&url).send().await.unwrap().status(), 200);
    assert!(client(&files.certificate()).get(&url).send().await.is_ok());
    // What is no certificate changes nothing.
    fs::write(files.certificate(), "none").unwrap();
    assert_eq!(new.get(&url).send().await.unwrap().status(), 200);
    assert!(reqwest_plain(&server).await, "plain HTTP is not served");
}

#[tokio::test]
async fn a_client_trusts_the_authorities_of_its_file() {
    let files = Files { folder: tempfile::tempdir().unwrap() };
    files.renew();
    let tls = Some(Tls::load(&files.certificate(), &files.key()).unwrap());
    let server = Server::start(ServeOptions { tls, ..ServeOptions::new("Test", "1", Auth::Open) }).await;
    let url = format!("https://localhost:{}", server.address.port());
    let ask = async |ca_file: Option<&Path>| {
        Client::trusting(&url, None, Timeouts::default(), ca_file).unwrap().rules().await.unwrap_err()
    };
    let certificate = files.certificate();
    let answered = ask(Some(certificate.as_path())).await;
    assert!(answered.problem().is_some_and(|problem| problem.status == 404), "{answered}");
    assert!(matches!(ask(None).await, ClientError::Unreachable { .. }), "it is not trusted by the system");
    let error = Client::trusting(&url, None, Timeouts::default(), Some(files.key().as_path())).unwrap_err();
    assert!(error.to_string().contains("tls.key"), "{error}");
}

/// Is a request without TLS refused?
async fn reqwest_plain(server: &Server) -> bool {
    crate::http().get(server.url("/healthz")).send().await.is_err()
}

#[tokio::test]
async fn files_that_do_not_go_together_are_named() {
    let files = Files { folder: tempfile::tempdir().unwrap() };
    files.renew();
    let other = Files { folder: tempfile::tempdir().unwrap() };
    other.renew();
    let error = Tls::load(&files.certificate(), &other.key()).unwrap_err().to_string();
    assert!(error.contains("tls.key"), "{error}");
    let error = Tls::load(&files.key(), &files.key()).unwrap_err().to_string();
    assert!(error.contains("tls.crt") || error.contains("tls.key"), "{error}");
    let error = Tls::load(Path::new("/nowhere/tls.crt"), &files.key()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/tls.crt"), "{error}");
}
