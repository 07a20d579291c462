//! Freezes: jobs that start with their own configuration.

use paramedic_domain::{AuditKind, Freeze, FreezeId, NewFreeze, Page, Timestamp};
use sqlx::Connection;

use crate::{
    Store, StoreError,
    audit::append_audit,
    cursor::{Cursor, page, rows},
    json,
    patches::without_nul,
    pool::run,
    revision::next_revision,
};

/// Most freezes in force that are read; the newest. One for everything does what more would.
const FREEZES_MAX: i64 = 10_000;

macro_rules! freeze_columns {
    () => {
        "id, scope, reason, created_by, created_at, lifted_by, lifted_at"
    };
}

#[derive(sqlx::FromRow)]
struct FreezeRow {
    id: String,
    scope: String,
    reason: Option<String>,
    created_by: String,
    created_at: i64,
    lifted_by: Option<String>,
    lifted_at: Option<i64>,
}

impl FreezeRow {
    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id.clone() }
    }

    fn freeze(self) -> Result<Freeze, StoreError> {
        let id = self.id.parse().map_err(|_| StoreError::Corrupt {
            what: "freeze",
            id: self.id.clone(),
            detail: "its id is no UUID".to_owned(),
        })?;
        Ok(Freeze {
            id,
            scope: json::read("freeze", &self.id, &self.scope)?,
            reason: self.reason,
            created_by: self.created_by,
            created_at: Timestamp::from_microseconds(self.created_at),
            lifted_by: self.lifted_by,
            lifted_at: self.lifted_at.map(Timestamp::from_microseconds),
        })
    }
}

impl Store {
    /// Puts a freeze in force.
    pub async fn create_freeze(
        &self,
        id: FreezeId,
        new: &NewFreeze,
        actor: &str,
        now: Timestamp,
    ) -> Result<Freeze, StoreError> {
        let NewFreeze { scope, .. } = new.clone();
        let reason = without_nul(new.reason.as_deref());
        let created_by = actor.to_owned();
        let freeze = Freeze { id, scope, reason, created_by, created_at: now, lifted_by: None, lifted_at: None };
        let (scope, after) = (json::write("freeze", &freeze.scope)?, json::write("freeze", &freeze)?);
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let revision = next_revision!(transaction);
            sqlx::query("insert into freezes (id, scope, reason, created_by, created_at) values ($1, $2, $3, $4, $5)")
                .bind(id.to_string())
                .bind(scope)
                .bind(&freeze.reason)
                .bind(actor)
                .bind(now.as_microseconds())
                .execute(&mut *transaction)
                .await?;
            let (subject, reason) = (id.to_string(), freeze.reason.as_deref());
            append_audit!(
                transaction, AuditKind::Freeze, subject, revision, "create", actor, reason, now, None::<&str>, &after
            );
            transaction.commit().await?;
            Ok(())
        })?;
        Ok(freeze)
    }

    /// Lifts a freeze and returns it; one that was lifted before stays as it is.
    pub async fn lift_freeze(&self, id: FreezeId, actor: &str, now: Timestamp) -> Result<Freeze, StoreError> {
        let found = run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let revision = next_revision!(transaction);
            let lifted = sqlx::query("update freezes set lifted_by = $2, lifted_at = $3 where id = $1 and lifted_at is null")
                .bind(id.to_string())
                .bind(actor)
                .bind(now.as_microseconds())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            let row: Option<FreezeRow> =
                sqlx::query_as(concat!("select ", freeze_columns!(), " from freezes where id = $1"))
                    .bind(id.to_string())
                    .fetch_optional(&mut *transaction)
                    .await?;
            let Some(row) = row else { return Ok(None) };
            let freeze = row.freeze()?;
            if lifted == 1 {
                let before = Freeze { lifted_by: None, lifted_at: None, ..freeze.clone() };
                let (before, after) = (json::write("freeze", &before)?, json::write("freeze", &freeze)?);
                let subject = id.to_string();
                append_audit!(
                    transaction, AuditKind::Freeze, subject, revision, "lift", actor, None::<&str>, now, before, after
                );
            }
            transaction.commit().await?;
            Ok(Some(freeze))
        })?;
        found.ok_or_else(|| StoreError::NotFound { what: "freeze", id: id.to_string() })
    }

    /// The freezes in force, newest first.
    pub async fn freezes_in_force(&self) -> Result<Vec<Freeze>, StoreError> {
        let found: Vec<FreezeRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!(
                "select ", freeze_columns!(),
                " from freezes where lifted_at is null order by created_at desc, id desc limit $1",
            ))
            .bind(FREEZES_MAX)
            .fetch_all(connection)
            .await?)
        })?;
        found.into_iter().map(FreezeRow::freeze).collect()
    }

    /// All freezes, lifted ones too, newest first. `limit` is lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn list_freezes(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Freeze>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        let found: Vec<FreezeRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!(
                "select ", freeze_columns!(), " from freezes where (created_at, id) < ($1, $2) \
                 order by created_at desc, id desc limit $3",
            ))
            .bind(after.at)
            .bind(after.id)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let freezes =
            found.into_iter().map(|row| Ok((row.cursor(), row.freeze()?))).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page(freezes, limit))
    }
}
