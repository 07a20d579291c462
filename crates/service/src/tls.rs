//! TLS: a certificate that is read again when its files change. Connections that stand keep theirs; new ones get the new.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

/// Between two looks at the files. Certificates live for weeks; cert-manager and the kubelet swap files within a minute.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Largest file: a chain of certificates has some kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A certificate in use. Clones share it.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Why the certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{}: {detail}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// TLS itself refuses.
    #[error("TLS cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

impl Tls {
    /// The certificate chain and the private key of these PEM files; they are looked at again every two seconds, for as long
    /// as this is in use. Must be called within a runtime.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::load_and_look(certificate, key, LOOK_INTERVAL)
    }

    fn load_and_look(certificate: &Path, key: &Path, interval: Duration) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned(), provider: provider.clone() };
        let contents = files.contents()?;
        let current = Arc::new(Current(RwLock::new(Arc::new(files.certified(&contents)?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        tokio::spawn(files.follow(contents, Arc::downgrade(&current), interval));
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
}

/// Of both files.
type Contents = (Vec<u8>, Vec<u8>);

impl Files {
    fn contents(&self) -> Result<Contents, TlsError> {
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    fn certified(&self, (chain, key): &Contents) -> Result<CertifiedKey, TlsError> {
        let malformed = |path: &Path, detail: String| TlsError::Malformed { path: path.to_owned(), detail };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| malformed(&self.certificate, format!("is no PEM: {error}")))?;
        if chain.is_empty() {
            return Err(malformed(&self.certificate, "holds no certificate in PEM's format".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| malformed(&self.key, "holds no private key in PEM's format".to_owned()))?;
        CertifiedKey::from_der(chain, key, &self.provider)
            .map_err(|error| malformed(&self.key, format!("does not go with the certificate: {error}")))
    }

    /// Takes over what changes. Files that do not go together, as between the writing of one and of the other, change
    /// nothing: the next look finds both.
    async fn follow(self, mut held: Contents, current: Weak<Current>, interval: Duration) {
        let (mut files, mut told) = (Some(self), None);
        loop {
            tokio::time::sleep(interval).await;
            let Some(current) = current.upgrade() else { return };
            let Some(looking) = files.take() else { return };
            // Reading may block, on a network volume for long.
            let looked = tokio::task::spawn_blocking(move || (looking.contents(), looking)).await;
            let Ok((found, looked)) = looked else { return };
            let files = files.insert(looked);
            if found.as_ref().is_ok_and(|found| *found == held) {
                continue;
            }
            match found.and_then(|contents| Ok((files.certified(&contents)?, contents))) {
                Ok((certified, contents)) => {
                    *current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                    (held, told) = (contents, None);
                    metrics::counter!("paramedic_tls_reloads_total", "result" => "taken").increment(1);
                    tracing::info!(file = %files.certificate.display(), "the certificate was read again");
                }
                Err(error) => {
                    let error = error.to_string();
                    if told.as_ref() != Some(&error) {
                        metrics::counter!("paramedic_tls_reloads_total", "result" => "refused").increment(1);
                        tracing::warn!(error, "the certificate in use stays");
                        told = Some(error);
                    }
                }
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use io::Read as _;
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}
