//! The counter of changes to patches, policies and freezes, and how a server hears of another's.

use std::time::Duration;

use sqlx::postgres::PgListener;

use crate::{
    Store, StoreError,
    pool::{Pool, run},
};

/// What PostgreSQL's trigger notifies on.
const CHANNEL: &str = "paramedic_config";

/// Takes the next revision within a transaction of either engine; its row stays locked until the end of it.
macro_rules! next_revision {
    ($transaction:ident) => {{
        let (revision,): (i64,) =
            sqlx::query_as("update config_revision set revision = revision + 1 where id = 1 returning revision")
                .fetch_one(&mut *$transaction)
                .await?;
        revision
    }};
}
pub(crate) use next_revision;

impl Store {
    /// The revision of the last committed change; it only grows.
    pub async fn config_revision(&self) -> Result<i64, StoreError> {
        run!(self, reader, connection => {
            let (revision,): (i64,) =
                sqlx::query_as("select revision from config_revision where id = 1").fetch_one(connection).await?;
            Ok(revision)
        })
    }

    /// Word of changes by others: PostgreSQL's notifications; SQLite has none.
    pub fn change_signals(&self) -> ChangeSignals {
        ChangeSignals { store: self.clone(), listener: None }
    }
}

/// Waits for word of a change. Nothing is lost by not listening: word only saves waiting for the next poll.
pub struct ChangeSignals {
    store: Store,
    listener: Option<PgListener>,
}

impl ChangeSignals {
    /// Returns when a change was told of, and after `at_most` in any case.
    pub async fn wait(&mut self, at_most: Duration) {
        let end = tokio::time::Instant::now() + at_most;
        if tokio::time::timeout_at(end, self.told()).await.is_ok_and(|told| !told) {
            // Nobody can tell now.
            self.listener = None;
            tokio::time::sleep_until(end).await;
        }
    }

    async fn told(&mut self) -> bool {
        let Pool::Postgres(pools) = &self.store.pool else { return false };
        if self.listener.is_none() {
            let Ok(mut listener) = PgListener::connect_with(&pools.reader).await else { return false };
            if listener.listen(CHANNEL).await.is_err() {
                return false;
            }
            self.listener = Some(listener);
            // What changed before it listened was not told.
            return true;
        }
        match &mut self.listener {
            Some(listener) => matches!(listener.try_recv().await, Ok(Some(_))),
            None => false,
        }
    }
}

impl std::fmt::Debug for ChangeSignals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeSignals").field("listens", &self.listener.is_some()).finish_non_exhaustive()
    }
}
