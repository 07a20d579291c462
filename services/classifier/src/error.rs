//! Why the classifier does not start, or stops.

/// Every reason.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// The rules are wrong; every mistake is listed.
    #[error("the rules cannot be used:\n{0}")]
    Rules(#[from] paramedic_rules::RuleErrors),
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] paramedic_store::StoreError),
    /// A URL or a token of another service is wrong.
    #[error("{setting}: {source}")]
    Peer {
        /// The setting.
        setting: &'static str,
        /// What is wrong.
        source: paramedic_service::ClientError,
    },
    /// A log root is not there.
    #[error("the log root {} cannot be used: {source}; create it, or leave it out", path.display())]
    LogRoot {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A bucket of logs cannot be asked.
    #[error("the log bucket {bucket} cannot be used: {source}")]
    LogBucket {
        /// Its name.
        bucket: String,
        /// Why.
        source: object_store::Error,
    },
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Listener(#[source] std::io::Error),
    /// Who may ask is not settled.
    #[error(transparent)]
    Auth(#[from] paramedic_service::AuthError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] paramedic_service::ServeError),
}
