//! Tokens: who may ask, by the digest of a secret that nobody keeps.

use std::error::Error;

use paramedic_domain::{
    AuditKind, NewToken, Page, Role, Scope, Timestamp, Token, TokenId, TokenStatus,
    token::{Credential, CredentialSet, CredentialSource, TokenDigest},
};
use sqlx::Connection;

use crate::{
    Store, StoreError,
    audit::append_audit,
    cursor::{Cursor, page, rows},
    json,
    pool::run,
};

/// Most tokens that are not revoked. Every server holds them all in memory, some hundred bytes each.
pub const TOKENS_MAX: i64 = 10_000;

/// A statement around the columns of a [`TokenRow`].
macro_rules! of_columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "id, name, role, scope, created_by, created_at, expires_at, rotated_at, revoked_at, last_used_at",
            $after
        )
    };
}

/// Takes the next version within a transaction of either engine; its row stays locked until the end of it.
macro_rules! next_version {
    ($transaction:ident) => {{
        let (version,): (i64,) =
            sqlx::query_as("update token_version set version = version + 1 where only_row = 1 returning version")
                .fetch_one(&mut *$transaction)
                .await?;
        version
    }};
}

/// The token as it is within a transaction of either engine.
macro_rules! token_in {
    ($transaction:ident, $id:expr, $now:expr) => {{
        let row: Option<TokenRow> = sqlx::query_as(of_columns!("select ", " from tokens where id = $1"))
            .bind($id.to_string())
            .fetch_optional(&mut *$transaction)
            .await?;
        row.map(|row| row.token_at($now)).transpose()?
    }};
}

/// Appends the entry of a token's change. A [`Token`] holds neither a secret nor a digest.
macro_rules! append_entry {
    ($transaction:ident, $version:expr, $change:expr, $actor:expr, $now:expr, $before:expr, $after:expr) => {{
        let before = $before.map(|token| json::write("token", &token)).transpose()?;
        let (subject, after) = ($after.id.to_string(), json::write("token", &$after)?);
        append_audit!(
            $transaction,
            AuditKind::Token,
            subject,
            $version,
            $change,
            $actor,
            None::<&str>,
            $now,
            before,
            after
        );
    }};
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    name: String,
    role: String,
    scope: String,
    created_by: String,
    created_at: i64,
    expires_at: Option<i64>,
    rotated_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TokenRow {
    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id.clone() }
    }

    fn token_at(self, now: Timestamp) -> Result<Token, StoreError> {
        let time = |microseconds: Option<i64>| microseconds.map(Timestamp::from_microseconds);
        let (expires_at, revoked_at) = (time(self.expires_at), time(self.revoked_at));
        let status = match (revoked_at, expires_at) {
            (Some(_), _) => TokenStatus::Revoked,
            (None, Some(end)) if end <= now => TokenStatus::Expired,
            _ => TokenStatus::Active,
        };
        Ok(Token {
            id: token_id(&self.id)?,
            role: role(&self.id, &self.role)?,
            scope: json::read("token", &self.id, &self.scope)?,
            name: self.name,
            status,
            created_by: self.created_by,
            created_at: Timestamp::from_microseconds(self.created_at),
            expires_at,
            rotated_at: time(self.rotated_at),
            revoked_at,
            last_used_at: time(self.last_used_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct CredentialRow {
    id: String,
    name: String,
    role: String,
    scope: String,
    digest: String,
    previous_digest: Option<String>,
    previous_until: Option<i64>,
    expires_at: Option<i64>,
}

impl CredentialRow {
    /// The credential of its secret, and of the one before while that may still be taken.
    fn credentials(self) -> Result<Vec<Credential>, StoreError> {
        let (id, role) = (token_id(&self.id)?, role(&self.id, &self.role)?);
        let scope: Scope = json::read("token", &self.id, &self.scope)?;
        let credential = |hex: &str, until: Option<i64>| {
            let digest = TokenDigest::from_hex(hex).ok_or_else(|| corrupt(&self.id, "its digest is none"))?;
            let until = until.map(Timestamp::from_microseconds);
            Ok::<_, StoreError>(Credential { id, name: self.name.clone(), role, scope: scope.clone(), digest, until })
        };
        let mut credentials = vec![credential(&self.digest, self.expires_at)?];
        if let (Some(previous), Some(until)) = (&self.previous_digest, self.previous_until) {
            credentials.push(credential(previous, Some(self.expires_at.map_or(until, |end| end.min(until))))?);
        }
        Ok(credentials)
    }
}

impl Store {
    /// Keeps a new token by the digest of its secret.
    pub async fn create_token(
        &self,
        id: TokenId,
        content: &NewToken,
        digest: TokenDigest,
        actor: &str,
        now: Timestamp,
    ) -> Result<Token, StoreError> {
        let scope = json::write("token", &content.scope)?;
        let created = run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            // The lock on this row also orders the writers, so that the count below holds.
            let version = next_version!(transaction);
            let inserted = sqlx::query(
                "insert into tokens (id, name, role, scope, digest, created_by, created_at, expires_at) \
                 select $1, $2, $3, $4, $5, $6, $7, $8 \
                 where (select count(*) from tokens where revoked_at is null) < $9",
            )
            .bind(id.to_string())
            .bind(&content.name)
            .bind(content.role.as_str())
            .bind(&scope)
            .bind(digest.to_hex())
            .bind(actor)
            .bind(now.as_microseconds())
            .bind(content.expires_at.map(Timestamp::as_microseconds))
            .bind(TOKENS_MAX)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            if inserted == 0 {
                return Err(StoreError::TooMany { what: "tokens", most: TOKENS_MAX });
            }
            let Some(token) = token_in!(transaction, id, now) else { return Ok(None) };
            append_entry!(transaction, version, "create", actor, now, None::<Token>, token);
            transaction.commit().await?;
            Ok(Some(token))
        })?;
        created.ok_or_else(|| not_found(id))
    }

    /// A token as it is at `now`.
    pub async fn token(&self, id: TokenId, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let found: Option<TokenRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(of_columns!("select ", " from tokens where id = $1"))
                .bind(id.to_string())
                .fetch_optional(connection)
                .await?)
        })?;
        found.map(|row| row.token_at(now)).transpose()
    }

    /// Tokens, newest first, revoked ones too.
    pub async fn list_tokens(
        &self,
        limit: u32,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Token>, StoreError> {
        let start = Cursor::or_newest(cursor)?;
        let found: Vec<TokenRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(of_columns!(
                "select ",
                " from tokens where created_at < $1 or (created_at = $1 and id < $2) \
                 order by created_at desc, id desc limit $3"
            ))
            .bind(start.at)
            .bind(&start.id)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let keyed: Result<Vec<_>, StoreError> =
            found.into_iter().map(|row| Ok((row.cursor(), row.token_at(now)?))).collect();
        Ok(page(keyed?, limit))
    }

    /// Gives a token another secret; the one before is taken until `previous_until`.
    pub async fn rotate_token(
        &self,
        id: TokenId,
        digest: TokenDigest,
        previous_until: Timestamp,
        actor: &str,
        now: Timestamp,
    ) -> Result<Token, StoreError> {
        let rotated = run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let version = next_version!(transaction);
            let Some(before) = token_in!(transaction, id, now) else { return Ok(None) };
            let rotated = sqlx::query(
                "update tokens set previous_digest = digest, previous_until = $1, digest = $2, rotated_at = $3 \
                 where id = $4 and revoked_at is null",
            )
            .bind(previous_until.as_microseconds())
            .bind(digest.to_hex())
            .bind(now.as_microseconds())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            if rotated == 0 {
                return Err(StoreError::RevokedToken { id: id.to_string() });
            }
            let Some(token) = token_in!(transaction, id, now) else { return Ok(None) };
            append_entry!(transaction, version, "rotate", actor, now, Some(before), token);
            transaction.commit().await?;
            Ok(Some(token))
        })?;
        rotated.ok_or_else(|| not_found(id))
    }

    /// Takes a token back, for ever. Once more changes nothing.
    pub async fn revoke_token(&self, id: TokenId, actor: &str, now: Timestamp) -> Result<Token, StoreError> {
        let revoked = run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            let version = next_version!(transaction);
            let Some(before) = token_in!(transaction, id, now) else { return Ok(None) };
            let revoked = sqlx::query("update tokens set revoked_at = $1 where id = $2 and revoked_at is null")
                .bind(now.as_microseconds())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            // Not committed, the transaction ends with nothing changed.
            if revoked == 0 {
                return Ok(Some(before));
            }
            let Some(token) = token_in!(transaction, id, now) else { return Ok(None) };
            append_entry!(transaction, version, "revoke", actor, now, Some(before), token);
            transaction.commit().await?;
            Ok(Some(token))
        })?;
        revoked.ok_or_else(|| not_found(id))
    }

    async fn token_version(&self) -> Result<u64, StoreError> {
        let (version,): (i64,) = run!(self, reader, connection => {
            Ok(sqlx::query_as("select version from token_version").fetch_one(connection).await?)
        })?;
        u64::try_from(version).map_err(|_| corrupt("version", "it is negative"))
    }

    /// Was ever one made? Revoked ones stay, so that this is for ever.
    async fn any_token(&self) -> Result<bool, StoreError> {
        let found: Option<(String,)> = run!(self, reader, connection => {
            Ok(sqlx::query_as("select id from tokens limit 1").fetch_optional(connection).await?)
        })?;
        Ok(found.is_some())
    }

    async fn credential_set(&self, known: Option<u64>) -> Result<Option<CredentialSet>, StoreError> {
        // First the version, then the rows: what changes in between is read once more, and nothing is missed.
        let version = self.token_version().await?;
        if known == Some(version) {
            return Ok(None);
        }
        let found: Vec<CredentialRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select id, name, role, scope, digest, previous_digest, previous_until, expires_at \
                 from tokens where revoked_at is null order by created_at, id",
            )
            .fetch_all(connection)
            .await?)
        })?;
        let mut credentials = Vec::with_capacity(found.len());
        for row in found {
            credentials.extend(row.credentials()?);
        }
        let any_made = !credentials.is_empty() || self.any_token().await?;
        Ok(Some(CredentialSet { version, any_made, credentials }))
    }
}

impl CredentialSource for Store {
    async fn credentials(&self, known: Option<u64>) -> Result<Option<CredentialSet>, Box<dyn Error + Send + Sync>> {
        Ok(self.credential_set(known).await?)
    }

    async fn note_uses(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), Box<dyn Error + Send + Sync>> {
        run!(self, writer, connection => {
            let mut transaction = connection.begin().await?;
            for (id, at) in uses {
                sqlx::query(
                    "update tokens set last_used_at = $1 where id = $2 and (last_used_at is null or last_used_at < $1)",
                )
                .bind(at.as_microseconds())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }
}

fn not_found(id: TokenId) -> StoreError {
    StoreError::NotFound { what: "token", id: id.to_string() }
}

fn token_id(text: &str) -> Result<TokenId, StoreError> {
    text.parse().map_err(|_| corrupt(text, "its id is none"))
}

fn role(id: &str, text: &str) -> Result<Role, StoreError> {
    text.parse().map_err(|detail: String| corrupt(id, &detail))
}

fn corrupt(id: &str, detail: &str) -> StoreError {
    StoreError::Corrupt { what: "token", id: id.to_owned(), detail: detail.to_owned() }
}
