//! How a command ends: 0 done, 1 the answer is no, 2 wrong usage, 3 a service could not be reached.

use std::{io, process::ExitCode};

use paramedic_service::ClientError;

use crate::output;

/// The answer is no: nothing matched, a rule test failed, there is no such patch.
pub(crate) const NO: u8 = 1;
/// The command was used wrongly.
pub(crate) const USAGE: u8 = 2;
/// A service could not be reached.
pub(crate) const UNREACHABLE: u8 = 3;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The answer is no.
    #[error("{0}")]
    No(String),
    /// The command was used wrongly.
    #[error("{0}")]
    Usage(String),
    /// A service could not be reached, or could not serve.
    #[error("{0}")]
    Unreachable(String),
    /// Anything else that went wrong here.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
    /// Whoever read our output has gone, as `head` does.
    #[error("nobody reads the output any more")]
    OutputClosed,
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Misconfigured(detail) => Self::Usage(detail.clone()),
            ClientError::Unreachable { .. } | ClientError::TimedOut { .. } => Self::Unreachable(format!(
                "{error}. Start one with `paramedic serve`, or name it with --server or PARAMEDIC_URL"
            )),
            ClientError::UnexpectedAnswer { .. } => {
                Self::Unreachable(format!("{error}. Is it a paramedic server of this version?"))
            }
            ClientError::Problem(problem) => match problem.status {
                400 | 422 => Self::Usage(with_errors(problem)),
                401 | 403 => Self::No(format!("{problem}. Set PARAMEDIC_TOKEN, or give --token-file")),
                429 | 500.. => Self::Unreachable(problem.to_string()),
                _ => Self::No(with_errors(problem)),
            },
        }
    }
}

fn with_errors(problem: &paramedic_domain::Problem) -> String {
    let mut text = problem.to_string();
    for violation in &problem.errors {
        text.push_str(&format!("\n  {}: {}", violation.pointer, violation.detail));
    }
    text
}

#[cfg(feature = "server")]
impl From<paramedic_store::StoreError> for CommandError {
    fn from(error: paramedic_store::StoreError) -> Self {
        use paramedic_store::StoreError;
        match error {
            StoreError::Unavailable(_) | StoreError::Migration(_) => Self::Unreachable(error.to_string()),
            StoreError::BadUrl { .. } | StoreError::BadCursor => Self::Usage(error.to_string()),
            error => Self::No(error.to_string()),
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::OutputClosed } else { Self::Failed(error.into()) }
    }
}

/// The process' exit code; an error is told on standard error first.
pub(crate) fn code_of(result: Result<ExitCode, CommandError>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(CommandError::OutputClosed) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    output::tell(&error.to_string());
    ExitCode::from(match error {
        CommandError::Usage(_) => USAGE,
        CommandError::Unreachable(_) => UNREACHABLE,
        _ => NO,
    })
}

#[cfg(test)]
mod tests {
    use paramedic_domain::Problem;

    use super::*;

    #[test]
    fn a_services_answer_decides_the_exit_code() {
        for (status, code) in [(422, USAGE), (404, NO), (403, NO), (503, UNREACHABLE)] {
            let error = ClientError::Problem(Problem::new("x", status, "t", "d")).into();
            assert_eq!(code_of(Err(error)), ExitCode::from(code), "{status}");
        }
        let silent = ClientError::Unreachable { service: "http://localhost:1".into(), detail: "refused".into() };
        assert_eq!(code_of(Err(silent.into())), ExitCode::from(UNREACHABLE));
    }
}
