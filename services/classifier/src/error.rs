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
    #[error("log roots: {0}")]
    LogRoot(#[from] paramedic_fetch::RootError),
    /// A bucket of logs cannot be asked.
    #[error("the log bucket {bucket} cannot be used: {source}")]
    LogBucket {
        /// Its name.
        bucket: String,
        /// Why.
        source: object_store::Error,
    },
    /// A layer of the cluster cannot be asked.
    #[error(transparent)]
    Cluster(#[from] paramedic_cluster::SettingError),
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
