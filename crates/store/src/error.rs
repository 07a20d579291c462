//! What can go wrong with the store.

use std::error::Error;

use paramedic_domain::PatchStatus;

/// An error of the store. Absence is no error where a method answers an `Option`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be used. The URL itself is not repeated: it may hold a password.
    #[error(
        "the database URL is wrong: {detail}; give sqlite://PATH, sqlite::memory: or postgres://USER@HOST/DATABASE"
    )]
    BadUrl {
        /// What is wrong with it.
        detail: String,
    },
    /// The migrations could not be run.
    #[error("the database's tables could not be brought up to date: {0}")]
    Migration(#[source] Box<dyn Error + Send + Sync>),
    /// The database does not answer, or not in time. Trying again later may help.
    #[error("the database does not answer: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The database refused a statement: a defect of this crate.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// It was changed by someone else since it was read. Read it again and decide again.
    #[error("{what} is at version {found}, not {expected}: read it again")]
    Conflict {
        /// What was to be changed: `patch <id>`, `the policy`.
        what: String,
        /// The version that the caller had read.
        expected: u32,
        /// The version that is stored.
        found: u32,
    },
    /// The patch's status does not allow the change.
    #[error("patch {id} is {status}: it cannot {change}")]
    WrongStatus {
        /// The patch.
        id: String,
        /// Its status now.
        status: PatchStatus,
        /// What was wanted, such as `be paused`.
        change: &'static str,
    },
    /// The id names a patch that was created with another content.
    #[error("patch {id} was created with another content: send the same content again, or use another key")]
    OtherContent {
        /// The patch.
        id: String,
    },
    /// There is none of that id.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for: `patch`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// There are as many as there may be.
    #[error("there are {most} {what} already, the most that are kept: revoke those that nobody uses")]
    TooMany {
        /// What there are too many of: `tokens`.
        what: &'static str,
        /// How many there may be.
        most: i64,
    },
    /// The token was revoked, for ever.
    #[error("token {id} is revoked: make another one")]
    RevokedToken {
        /// The token.
        id: String,
    },
    /// The cursor was not given out by this list.
    #[error("the cursor is none that this list gave: send `next_cursor` of the page before unchanged, or none")]
    BadCursor,
    /// What is stored cannot be read: written by a newer version, or damaged.
    #[error("{what} {id} is stored in a form that cannot be read: {detail}")]
    Corrupt {
        /// What it is: `decision`, `patch`.
        what: &'static str,
        /// Its id.
        id: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = match &error {
            sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| is_temporary(&code)),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        };
        if unavailable { Self::Unavailable(Box::new(error)) } else { Self::Refused(Box::new(error)) }
    }
}

/// Codes that say nothing about the statement: PostgreSQL's classes 08 (connection), 40 (serialization, deadlock), 53
/// (out of resources), 57 (operator intervention) and 58 (system error); 3D000 and 28 (no such database, no access)
/// likewise wait for an operator. Of SQLite's (primary code in the low byte) busy 5, locked 6, read-only 8, input or
/// output 10, full 13, cannot open 14.
fn is_temporary(code: &str) -> bool {
    if code.len() == 5 && code.chars().all(|c| c.is_ascii_alphanumeric()) {
        return ["08", "28", "3D", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_say_nothing_about_the_statement_are_temporary() {
        for code in ["57P01", "40P01", "53300", "08006", "5", "261", "778", "13"] {
            assert!(is_temporary(code), "{code}");
        }
        for code in ["42P01", "23505", "22021", "1", "19", "1555", "2067"] {
            assert!(!is_temporary(code), "{code}");
        }
    }
}
