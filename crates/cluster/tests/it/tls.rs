//! The Kubernetes API behind TLS, with an authority that the system does not know.

use std::{net::SocketAddr, path::Path, sync::Arc};

use axum::Router;
use paramedic_cluster::{Cluster, ClusterConfig, KubernetesConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::harness::{KUBERNETES_APP, Recorded, asked, config, ends, find, fixture, missed, of_kubernetes};

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that does not trust us hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Serves under a new authority, whose certificate is written to `ca_file`.
async fn serve(app: Router, ca_file: &Path) -> String {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    std::fs::write(ca_file, authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(tls)) };
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

fn of(kubernetes: KubernetesConfig) -> ClusterConfig {
    ClusterConfig { kubernetes: Some(kubernetes), ..config() }
}

#[tokio::test]
async fn the_api_is_trusted_by_the_configured_authority_only() {
    let folder = tempfile::tempdir().unwrap();
    let (ca_file, other_file) = (folder.path().join("ca.crt"), folder.path().join("other.crt"));
    let pods = Recorded::default().with("/api/v1/namespaces/spark/pods", fixture("kubernetes/pods.json", ""));
    let server = serve(pods.router(), &ca_file).await;
    serve(Router::new(), &other_file).await;

    let trusting = KubernetesConfig { ca_file: Some(ca_file), ..of_kubernetes(&server) };
    assert_eq!(ends(&find(of(trusting), asked(KUBERNETES_APP)).await).len(), 3);
    for ca_file in [None, Some(other_file)] {
        let distrusting = KubernetesConfig { ca_file, ..of_kubernetes(&server) };
        let found = find(of(distrusting), asked(KUBERNETES_APP)).await;
        assert_eq!(missed(&found), ["Whole: it cannot be reached; check --kubernetes-api-url"]);
    }
}

#[test]
fn a_file_without_a_certificate_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "no certificate").unwrap();
    for ca_file in [empty, folder.path().join("none")] {
        let kubernetes = KubernetesConfig { ca_file: Some(ca_file), ..of_kubernetes("https://127.0.0.1:1") };
        let error = Cluster::new(of(kubernetes)).err().unwrap();
        assert_eq!(error.setting, "--kubernetes-ca-file");
    }
}
