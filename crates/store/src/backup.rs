//! A copy of a SQLite database that is being served.

use std::{fs::File, path::Path, str::FromStr};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{StoreError, pool::CONNECTION_TIMEOUT};

impl crate::Store {
    /// Copies the SQLite database at `url` into the new file `copy`, as it is at one moment, while others read and write
    /// it. The copy is whole and written through to the disk once this returns; it has no write-ahead log beside it. The
    /// tables stay as they are: this runs no migration.
    ///
    /// # Errors
    /// Another engine, no such file, a copy that is there already, and a copy that does not hold what it should.
    pub async fn back_up(url: &str, copy: &Path) -> Result<(), StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| StoreError::BadUrl { detail: error.to_string() })?
            .create_if_missing(false)
            .busy_timeout(CONNECTION_TIMEOUT);
        let Some(target) = copy.to_str() else {
            return Err(StoreError::BadUrl { detail: format!("{} is no UTF-8", copy.display()) });
        };
        let mut connection = options.connect().await?;
        // Reads within one transaction: writers go on, and the copy is of one moment (https://sqlite.org/lang_vacuum.html).
        sqlx::query("vacuum into $1").bind(target).execute(&mut connection).await?;
        connection.close().await?;
        check(copy).await?;
        let written = File::open(copy).and_then(|file| file.sync_all());
        written.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}

/// Reads the whole copy.
async fn check(copy: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(copy).read_only(true);
    let mut connection: SqliteConnection = options.connect().await?;
    let (found,): (String,) = sqlx::query_as("pragma integrity_check(1)").fetch_one(&mut connection).await?;
    connection.close().await?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt { what: "the copy", id: copy.display().to_string(), detail: found })
}
