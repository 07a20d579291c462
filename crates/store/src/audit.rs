//! The audit log: every change of patches, the policy, freezes and tokens, in one order.
//!
//! A patch's changes stand in its history, which is read here too; the others are appended by [`append_audit`] within the
//! transaction that makes the change, so that neither is there without the other.

use paramedic_domain::{AuditEntry, AuditKind, FailureId, Page, Timestamp};

use crate::{
    Store, StoreError,
    cursor::{Cursor, page, rows},
    failures::holds_nul,
    json,
    pool::run,
};

/// Which entries. Every field given must match.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Changes of this.
    pub kind: Option<AuditKind>,
    /// Changes of the one of this id.
    pub subject: Option<String>,
    /// By this actor.
    pub actor: Option<String>,
    /// That this decision led to.
    pub decision_id: Option<FailureId>,
    /// At or after this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Those of tokens not.
    pub without_tokens: bool,
}

/// Appends an entry within a transaction of either engine. `$before` and `$after` are JSON.
macro_rules! append_audit {
    ($transaction:ident, $kind:expr, $subject:expr, $number:expr, $change:expr, $actor:expr, $reason:expr, $at:expr,
     $before:expr, $after:expr) => {
        sqlx::query(
            "insert into audit_entries (kind, subject, number, change, actor, reason, changed_at, before, after) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind($kind.as_str())
        .bind($subject)
        .bind($number)
        .bind($change)
        .bind($actor)
        .bind($reason)
        .bind($at.as_microseconds())
        .bind($before)
        .bind($after)
        .execute(&mut *$transaction)
        .await?
    };
}
pub(crate) use append_audit;

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: String,
    kind: String,
    subject: String,
    number: i64,
    change: String,
    actor: String,
    reason: Option<String>,
    decision_id: Option<String>,
    changed_at: i64,
    before: Option<String>,
    after: String,
}

impl AuditRow {
    fn cursor(&self) -> Cursor {
        Cursor { at: self.changed_at, id: self.id.clone() }
    }

    fn entry(self) -> Result<AuditEntry, StoreError> {
        let corrupt =
            |detail: &str| StoreError::Corrupt { what: "audit entry", id: self.id.clone(), detail: detail.to_owned() };
        let decision_id = self.decision_id.as_deref().map(str::parse).transpose();
        Ok(AuditEntry {
            kind: self.kind.parse().map_err(|_| corrupt("its kind is none"))?,
            number: u64::try_from(self.number).map_err(|_| corrupt("its number is negative"))?,
            decision_id: decision_id.map_err(|_| corrupt("its decision's id is no UUID"))?,
            before: self.before.as_deref().map(|text| json::read("audit entry", &self.id, text)).transpose()?,
            after: json::read("audit entry", &self.id, &self.after)?,
            subject: self.subject,
            change: self.change,
            actor: self.actor,
            reason: self.reason,
            changed_at: Timestamp::from_microseconds(self.changed_at),
        })
    }
}

impl Store {
    /// Changes, newest first. `limit` is lowered to [`PAGE_ITEMS_MAX`](crate::PAGE_ITEMS_MAX).
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let after = Cursor::or_newest(cursor)?;
        if holds_nul([&filter.subject, &filter.actor]) {
            return Ok(page(Vec::new(), limit));
        }
        let kind = filter.kind.map(AuditKind::as_str);
        let decision_id = filter.decision_id.map(|id| id.to_string());
        let since = filter.since.map_or(i64::MIN, Timestamp::as_microseconds);
        let until = filter.until.map_or(i64::MAX, Timestamp::as_microseconds);
        let other_than = if filter.without_tokens { AuditKind::Token.as_str() } else { "" };
        let found: Vec<AuditRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(
                "select * from (select * from (select h.patch_id || '-' || h.version as id, 'patch' as kind, \
                 h.patch_id as subject, h.version as number, h.change, h.actor, h.reason, h.decision_id, h.changed_at, \
                 earlier.after as before, h.after from patch_history h left join patch_history earlier \
                 on earlier.patch_id = h.patch_id and earlier.version = h.version - 1 \
                 where h.changed_at <= $1 and (h.changed_at, h.patch_id || '-' || h.version) < ($1, $2) \
                 and ($3 is null or $3 = 'patch') and ($4 is null or h.patch_id = $4) and ($5 is null or h.actor = $5) \
                 and ($6 is null or h.decision_id = $6) and h.changed_at >= $7 and h.changed_at < $8 \
                 order by h.changed_at desc, id desc limit $10) of_patches \
                 union all \
                 select * from (select subject || '-' || number as id, kind, subject, number, change, actor, reason, \
                 cast(null as text) as decision_id, changed_at, before, after from audit_entries \
                 where changed_at <= $1 and (changed_at, subject || '-' || number) < ($1, $2) \
                 and ($3 is null or kind = $3) and ($4 is null or subject = $4) and ($5 is null or actor = $5) \
                 and $6 is null and changed_at >= $7 and changed_at < $8 and kind <> $9 \
                 order by changed_at desc, id desc limit $10) of_others) entries \
                 order by changed_at desc, id desc limit $10",
            )
            .bind(after.at)
            .bind(after.id)
            .bind(kind)
            .bind(&filter.subject)
            .bind(&filter.actor)
            .bind(decision_id)
            .bind(since)
            .bind(until)
            .bind(other_than)
            .bind(rows(limit))
            .fetch_all(connection)
            .await?)
        })?;
        let entries =
            found.into_iter().map(|row| Ok((row.cursor(), row.entry()?))).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page(entries, limit))
    }
}
