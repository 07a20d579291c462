//! Why a layer could not be asked, or did not answer, and what mends it.

use paramedic_fetch::FetchError;

use crate::Layer;

/// Why a layer cannot be set up. Shows no token.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {detail}")]
pub struct SettingError {
    /// The setting.
    pub setting: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// Why a layer, or a part of what it has, could not be had. For a service's own log: it may name hosts, never a token.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Its answer is none that this layer gives.
    #[error("it gave an unexpected answer: {0}")]
    Answer(String),
    /// The application's namespace is none of those that may be read.
    #[error("the namespace {0} is none of those that --kubernetes-namespace names")]
    NamespaceNotAllowed(String),
    /// It has nothing of this application.
    #[error("it has nothing of this application")]
    Unknown,
    /// The token cannot be read.
    #[error("the token cannot be read: {0}")]
    Token(String),
    /// Reading files in the background ended early.
    #[error("reading files ended early: {0}")]
    Background(#[from] tokio::task::JoinError),
}

impl ClusterError {
    /// What happened and what mends it, in a sentence that names no host, path or token: a reporter may see it.
    pub fn mend(&self, layer: Layer) -> String {
        let flag = layer.flag();
        match self {
            Self::Fetch(FetchError::TimedOut) => "it did not answer in time".to_owned(),
            Self::Fetch(FetchError::HostNotAllowed(_) | FetchError::ForbiddenAddress(_)) => {
                "it names a host that may not be asked; where it should be, allow it with --log-host".to_owned()
            }
            Self::Fetch(FetchError::Status(401)) => layer.unauthorized().to_owned(),
            Self::Fetch(FetchError::Status(403)) => layer.forbidden().to_owned(),
            Self::Fetch(FetchError::Status(404)) | Self::Unknown => layer.unknown().to_owned(),
            Self::Fetch(FetchError::Status(status)) => format!("it answered {status}"),
            Self::Fetch(FetchError::TooLong(_)) => "its answer is longer than what is read".to_owned(),
            Self::Fetch(FetchError::File(_) | FetchError::OutsideRoots) => {
                "a file of the work folder cannot be read; let this process read it".to_owned()
            }
            Self::Fetch(_) | Self::Background(_) => format!("it cannot be reached; check {flag}"),
            Self::Answer(_) => format!("it gave an unexpected answer; check that {flag} names one"),
            Self::NamespaceNotAllowed(_) => {
                "the job's namespace may not be read; allow it with --kubernetes-namespace".to_owned()
            }
            Self::Token(_) => "its token cannot be read; check --kubernetes-token-file".to_owned(),
        }
    }
}
