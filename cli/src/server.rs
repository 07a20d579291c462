//! How commands reach a server.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use paramedic_service::{Client, Timeouts};

use crate::exit::CommandError;

/// The server to ask.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    /// The server's URL
    #[arg(
        id = "server",
        long = "server",
        value_name = "URL",
        env = "PARAMEDIC_URL",
        default_value = "http://127.0.0.1:8717"
    )]
    pub(crate) url: String,
    /// A file that holds the token; else `PARAMEDIC_TOKEN` in the environment is the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificate authorities, in PEM's format, to trust in place of the system's
    #[arg(long, value_name = "FILE", env = "PARAMEDIC_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Server {
    /// A client of the server for calls that may take this long.
    pub(crate) fn client(&self, total: Duration) -> Result<Client, CommandError> {
        let connect = Duration::from_secs(2).min(total);
        let (token, timeouts) = (self.token()?, Timeouts { connect, total });
        Ok(Client::trusting(&self.url, token.as_deref(), timeouts, self.ca_file.as_deref())?)
    }

    fn token(&self) -> Result<Option<String>, CommandError> {
        read_token(self.token_file.as_deref())
    }
}

/// The token in the file; without one, that of the environment.
pub(crate) fn read_token(token_file: Option<&Path>) -> Result<Option<String>, CommandError> {
    let token = match token_file {
        Some(path) => Some(
            fs::read_to_string(path)
                .map_err(|error| CommandError::Usage(format!("--token-file {}: {error}", path.display())))?,
        ),
        None => std::env::var("PARAMEDIC_TOKEN").ok(),
    };
    Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
}

/// How long a command that only asks waits for the answer.
pub(crate) const ASK_TIMEOUT: Duration = Duration::from_secs(15);
