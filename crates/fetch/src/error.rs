//! Why something could not be fetched.

/// Every reason. For a service's own log: it may name hosts, never a credential.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL cannot be used.
    #[error("the URL is wrong: {0}")]
    BadUrl(String),
    /// No allow list opens this address.
    #[error("{0} is an address of this machine's own network or cloud, which is not asked")]
    ForbiddenAddress(String),
    /// The host is not on the allow list.
    #[error("{0} is not on the allow list of log hosts; where it should be, name it with --log-host")]
    HostNotAllowed(String),
    /// The file lies elsewhere, or no folder is allowed.
    #[error("files are read under the log roots only; name a folder with --log-root")]
    OutsideRoots,
    /// The file is not there, or not to be read.
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// Nothing came from the host: it is down, its name has no address, its certificate is wrong.
    #[error("the host: {0}")]
    Host(String),
    /// It refused.
    #[error("the host answered {0}")]
    Status(u16),
    /// Something that is no HTTP host refused, or broke off.
    #[error("{0}")]
    Source(String),
    /// The time was over.
    #[error("it did not arrive in time")]
    TimedOut,
    /// It is longer than what is read of such an answer.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// It is compressed, and broken.
    #[error("it cannot be unpacked: {0}")]
    Unpack(String),
}
