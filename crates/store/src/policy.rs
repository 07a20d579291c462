//! The policy: the bounds that no patch may leave.

use paramedic_domain::{AuditKind, Policy, Timestamp};
use sqlx::Connection;

use crate::{Store, StoreError, audit::append_audit, json, pool::run, revision::next_revision};

/// How often a write is tried again after someone else wrote between its read and its write.
const TRIES_MAX: usize = 16;

impl Store {
    /// The policy in force and its version, from 1; nothing when none was ever put.
    pub async fn policy(&self) -> Result<Option<(Policy, u32)>, StoreError> {
        let found: Option<(i64, String)> = run!(self, reader, connection => {
            Ok(sqlx::query_as("select version, policy from policies order by version desc limit 1")
                .fetch_optional(connection)
                .await?)
        })?;
        let read = |(version, text): (i64, String)| {
            let id = version.to_string();
            Ok((json::read("policy", &id, &text)?, json::count("policy", &id, version)?))
        };
        found.map(read).transpose()
    }

    /// Puts a policy in force and returns its version. `expected_version` is the one that the caller read (0: none was
    /// ever put); where it is given and another is in force, nothing changes. Earlier policies are kept.
    pub async fn put_policy(
        &self,
        policy: &Policy,
        expected_version: Option<u32>,
        actor: &str,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let text = json::write("policy", policy)?;
        let mut current = 0;
        for _ in 0..TRIES_MAX {
            let before = self.policy().await?;
            current = before.as_ref().map_or(0, |(_, version)| *version);
            if let Some(expected) = expected_version.filter(|expected| *expected != current) {
                return Err(conflict(expected, current));
            }
            let before = before.map(|(policy, _)| json::write("policy", &policy)).transpose()?;
            let inserted = run!(self, writer, connection => {
                let mut transaction = connection.begin().await?;
                next_revision!(transaction);
                let inserted = sqlx::query(
                    "insert into policies (version, policy, actor, created_at) values ($1, $2, $3, $4) \
                     on conflict (version) do nothing",
                )
                .bind(i64::from(current) + 1)
                .bind(&text)
                .bind(actor)
                .bind(now.as_microseconds())
                .execute(&mut *transaction)
                .await?
                .rows_affected()
                    == 1;
                if inserted {
                    let version = i64::from(current) + 1;
                    append_audit!(
                        transaction, AuditKind::Policy, "policy", version, "put", actor, None::<&str>, now, &before, &text
                    );
                }
                transaction.commit().await?;
                Ok(inserted)
            })?;
            if inserted {
                return Ok(current + 1);
            }
        }
        Err(conflict(current, current + 1))
    }
}

fn conflict(expected: u32, found: u32) -> StoreError {
    StoreError::Conflict { what: "the policy".to_owned(), expected, found }
}
