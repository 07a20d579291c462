//! What the programs that serve have in common on their command lines: who may ask, how often, and over TLS or not.

use std::{num::NonZeroU32, path::PathBuf};

use clap::Args;

use crate::tls::{Tls, TlsError};

/// Who may ask, how often, and over TLS or not.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AccessArguments {
    /// Tokens file, `name role sha256-hex` a line, beside the tokens that `paramedic tokens` makes
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// Secrets of schedulers that sign their requests by Standard Webhooks, `name role whsec_BASE64` a line
    #[arg(long, value_name = "FILE")]
    pub webhook_secrets: Option<PathBuf>,
    /// Serve TLS with this certificate chain, in PEM's format; read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM's format
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Requests a second that one token may send; more are answered 429. 0 is no limit
    #[arg(long, value_name = "N", env = "PARAMEDIC_TOKEN_RATE_MAX", default_value_t = Self::TOKEN_RATE_MAX)]
    pub token_rate_max: u32,
}

impl AccessArguments {
    /// A scheduler that starts a million jobs a day sends some dozen requests a second.
    const TOKEN_RATE_MAX: u32 = 1_000;

    /// With this tokens file.
    pub fn with_tokens(tokens: Option<PathBuf>) -> Self {
        Self { tokens, ..Self::default() }
    }

    /// The certificate, where one is given. Must be called within a runtime.
    pub fn tls(&self) -> Result<Option<Tls>, TlsError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Tls::load(certificate, key).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn rate_max(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.token_rate_max)
    }
}

impl Default for AccessArguments {
    fn default() -> Self {
        Self {
            tokens: None,
            webhook_secrets: None,
            tls_cert: None,
            tls_key: None,
            token_rate_max: Self::TOKEN_RATE_MAX,
        }
    }
}
