//! The two engines behind one name.

use std::{
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgPool, SqlitePool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use crate::StoreError;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How long one call of the store may take, the wait for a connection included. A scheduler waits for the answer: the
/// slowest healthy statement takes milliseconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call waits for a connection, or for SQLite's write lock.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one statement of a migration, or the wait for another server's migration, may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(5);
/// Reading connections to one SQLite file. They never wait for the writer (write-ahead log).
const SQLITE_READERS: u32 = 4;
/// Between two tries to switch a file to a write-ahead log; the switch takes a millisecond.
const WRITE_AHEAD_RETRY: Duration = Duration::from_millis(20);
/// Connections to PostgreSQL: its default `max_connections` of 100 serves ten replicas.
const POSTGRES_CONNECTIONS: u32 = 10;

/// An open database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePools),
    Postgres(PostgresPools),
}

/// One connection writes, so that writers queue here in order instead of polling SQLite's lock.
/// In memory both are the same single connection: each connection would be a database of its own.
#[derive(Clone, Debug)]
pub(crate) struct SqlitePools {
    pub(crate) reader: SqlitePool,
    pub(crate) writer: SqlitePool,
}

/// PostgreSQL orders its writers itself: both are the same pool.
#[derive(Clone, Debug)]
pub(crate) struct PostgresPools {
    pub(crate) reader: PgPool,
    pub(crate) writer: PgPool,
}

/// Runs one body on a connection of the engine that is open: it is expanded for both. The body's value is a
/// `Result<_, StoreError>`; it runs under [`CALL_TIMEOUT`].
macro_rules! run {
    ($store:expr, $role:ident, $connection:ident => $body:block) => {
        $crate::pool::in_time(async {
            match &$store.pool {
                $crate::pool::Pool::Sqlite(pools) => {
                    let mut acquired = pools.$role.acquire().await?;
                    let $connection = &mut *acquired;
                    $body
                }
                $crate::pool::Pool::Postgres(pools) => {
                    let mut acquired = pools.$role.acquire().await?;
                    let $connection = &mut *acquired;
                    $body
                }
            }
        })
        .await
    };
}
pub(crate) use run;

/// Ends a call that takes too long. A transaction that was open is rolled back.
pub(crate) async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(StoreError::Unavailable(Box::new(elapsed))),
    }
}

impl Pool {
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "sqlite" => open_sqlite(url).await.map(Self::Sqlite),
            "postgres" | "postgresql" => open_postgres(url).await.map(Self::Postgres),
            _ => Err(StoreError::BadUrl { detail: format!("its scheme is `{scheme}`") }),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pools) => {
                pools.reader.close().await;
                pools.writer.close().await;
            }
            Self::Postgres(pools) => pools.writer.close().await,
        }
    }
}

async fn open_sqlite(url: &str) -> Result<SqlitePools, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| bad_url(&error))?
        .foreign_keys(true)
        .busy_timeout(CONNECTION_TIMEOUT);
    let pools = if in_memory(url) {
        let only = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(CONNECTION_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(unavailable)?;
        SqlitePools { reader: only.clone(), writer: only }
    } else {
        open_sqlite_file(options).await?
    };
    migrate_sqlite(&pools.writer).await?;
    Ok(pools)
}

async fn open_sqlite_file(options: SqliteConnectOptions) -> Result<SqlitePools, StoreError> {
    // FULL syncs the log at every commit: what was answered survives a power cut too. NORMAL would outlive a killed
    // process only. A failed job a second is much, and a sync takes milliseconds.
    let options = options.create_if_missing(true).synchronous(SqliteSynchronous::Full);
    make_directory_of(options.get_filename())?;
    let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(CONNECTION_TIMEOUT);
    let writer = pool(1).connect_with(options.clone()).await.map_err(unavailable)?;
    write_ahead(&writer).await?;
    Ok(SqlitePools { reader: pool(SQLITE_READERS).connect_lazy_with(options), writer })
}

/// Switches the file to a write-ahead log; it stays so. SQLite's busy timeout does not wait for this switch, so servers
/// that make a file at once are told that it is locked: each tries again.
async fn write_ahead(pool: &SqlitePool) -> Result<(), StoreError> {
    let start = Instant::now();
    loop {
        match sqlx::query("pragma journal_mode = wal").execute(pool).await.map_err(StoreError::from) {
            Ok(_) => return Ok(()),
            Err(StoreError::Unavailable(_)) if start.elapsed() < CONNECTION_TIMEOUT => {
                tokio::time::sleep(WRITE_AHEAD_RETRY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn make_directory_of(file: &Path) -> Result<(), StoreError> {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => std::fs::create_dir_all(directory)
            .map_err(|error| StoreError::BadUrl { detail: format!("{} cannot be made: {error}", directory.display()) }),
        _ => Ok(()),
    }
}

/// All migrations in one immediate transaction: sqlx takes no lock of its own on SQLite, and two servers that start at
/// once would both run the first migration.
async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin_with("begin immediate").await?;
    SQLITE_MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(migration)?;
    transaction.commit().await?;
    Ok(())
}

async fn open_postgres(url: &str) -> Result<PostgresPools, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| bad_url(&error))?.application_name("paramedic");
    migrate_postgres(&with_timeout(options.clone(), MIGRATION_TIMEOUT)).await?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(CONNECTION_TIMEOUT)
        .connect_with(with_timeout(options, CALL_TIMEOUT))
        .await
        .map_err(unavailable)?;
    Ok(PostgresPools { reader: pool.clone(), writer: pool })
}

/// The server ends a statement that takes longer: a call that was given up on leaves none behind.
fn with_timeout(options: PgConnectOptions, timeout: Duration) -> PgConnectOptions {
    let timeout = timeout.as_millis().to_string();
    options.options([("statement_timeout", &timeout), ("idle_in_transaction_session_timeout", &timeout)])
}

/// Servers that start at once wait for each other on sqlx's advisory lock.
async fn migrate_postgres(options: &PgConnectOptions) -> Result<(), StoreError> {
    let connecting = tokio::time::timeout(CONNECTION_TIMEOUT, options.connect()).await;
    let mut connection =
        connecting.map_err(|elapsed| StoreError::Unavailable(Box::new(elapsed)))?.map_err(unavailable)?;
    POSTGRES_MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(migration)?;
    Ok(connection.close().await?)
}

fn in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

fn bad_url(error: &sqlx::Error) -> StoreError {
    StoreError::BadUrl { detail: error.to_string() }
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn migration(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Migration(Box::new(error))
}
