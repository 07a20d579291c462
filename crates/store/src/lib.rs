//! The store: SQLite and PostgreSQL behind one concrete, cloneable [`Store`], from one SQL text.
//!
//! Ids and JSON are TEXT and times are microseconds in both engines, so each statement and each row type exists once; a
//! macro expands every body for both drivers. What a repeated request must find again is written once: the first write
//! wins, and every caller gets what is stored. Nothing here reads a clock: times come in as parameters.

mod attempts;
mod audit;
mod backup;
mod cursor;
mod error;
mod failure_logs;
mod failures;
mod freezes;
mod host_samples;
mod json;
mod outcomes;
mod patches;
mod policy;
mod pool;
mod recommendations;
mod revision;
mod savings;
mod shadow;
mod successes;
mod tokens;
mod unclassified;

pub use audit::AuditFilter;
pub use cursor::PAGE_ITEMS_MAX;
pub use error::StoreError;
pub use failure_logs::LogRetention;
pub use failures::{BegunFailure, FailureFilter};
pub use patches::{ChangedPatch, GuardedAttempts, PatchFilter, PatchUpdate};
pub use revision::ChangeSignals;
pub use savings::{DecidedAttempt, DecidedFilter};
pub use successes::{JobFilter, JobName};
pub use tokens::TOKENS_MAX;
pub use unclassified::{Unclassified, UnclassifiedFilter};

use pool::{Pool, run};

/// The open store. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
}

impl Store {
    /// Opens `sqlite://PATH` (made where missing, its folder too), `sqlite::memory:` (lost with the last clone) or
    /// `postgres://USER@HOST/DATABASE`, and brings its tables up to date. Several servers may do so at once.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self { pool: Pool::open(url).await? })
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), StoreError> {
        run!(self, reader, connection => {
            sqlx::query("select 1").execute(connection).await?;
            Ok(())
        })
    }

    /// Waits for calls in progress and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
