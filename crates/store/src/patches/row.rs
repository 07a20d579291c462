//! Rows of `patches` and `patch_history`, as the domain knows them.

use paramedic_domain::{NewPatch, Patch, PatchChange, PatchId, PatchStatus, Timestamp};

use crate::{StoreError, cursor::Cursor, json};

/// The columns of a [`PatchRow`].
macro_rules! patch_columns {
    () => {
        "id, version, status, content, uses, created_by, created_at, updated_at"
    };
}
pub(super) use patch_columns;

#[derive(sqlx::FromRow)]
pub(super) struct PatchRow {
    id: String,
    version: i64,
    status: String,
    content: String,
    uses: i64,
    created_by: String,
    created_at: i64,
    updated_at: i64,
}

impl PatchRow {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id.clone() }
    }

    /// Its status but for the clock.
    pub(super) fn stored_status(&self) -> Result<PatchStatus, StoreError> {
        self.status.parse().map_err(|detail| corrupt(&self.id, detail))
    }

    pub(super) fn patch_at(self, now: Timestamp) -> Result<Patch, StoreError> {
        let content = json::read("patch", &self.id, &self.content)?;
        let uses = json::count("patch", &self.id, self.uses)?;
        let stored = self.stored_status()?;
        Ok(Patch {
            id: patch_id(&self.id)?,
            version: json::count("patch", &self.id, self.version)?,
            status: status_at(stored, &content, uses, now),
            content,
            uses,
            created_by: self.created_by,
            created_at: Timestamp::from_microseconds(self.created_at),
            updated_at: Timestamp::from_microseconds(self.updated_at),
        })
    }
}

/// The status that a patch shows at `now`: what is active or paused expires with its time or its uses.
pub(super) fn status_at(stored: PatchStatus, content: &NewPatch, uses: u32, now: Timestamp) -> PatchStatus {
    let over = content.expires_at.is_some_and(|end| end <= now) || content.max_uses.is_some_and(|most| uses >= most);
    if over && matches!(stored, PatchStatus::Active | PatchStatus::Paused) { PatchStatus::Expired } else { stored }
}

#[derive(sqlx::FromRow)]
pub(super) struct HistoryRow {
    patch_id: String,
    version: i64,
    change: String,
    actor: String,
    reason: Option<String>,
    decision_id: Option<String>,
    changed_at: i64,
    after: String,
    before: Option<String>,
}

impl HistoryRow {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.version, id: self.patch_id.clone() }
    }

    pub(super) fn change(self) -> Result<PatchChange, StoreError> {
        let before = self.before.map(|text| json::read("patch", &self.patch_id, &text)).transpose()?;
        let decision_id = self.decision_id.map(|id| id.parse()).transpose();
        Ok(PatchChange {
            patch_id: patch_id(&self.patch_id)?,
            decision_id: decision_id.map_err(|_| corrupt(&self.patch_id, "its decision's id is no UUID".to_owned()))?,
            before,
            version: json::count("patch", &self.patch_id, self.version)?,
            change: self.change,
            actor: self.actor,
            reason: self.reason,
            changed_at: Timestamp::from_microseconds(self.changed_at),
            after: json::read("patch", &self.patch_id, &self.after)?,
        })
    }
}

fn patch_id(text: &str) -> Result<PatchId, StoreError> {
    text.parse().map_err(|_| corrupt(text, "its id is no UUID".to_owned()))
}

fn corrupt(id: &str, detail: String) -> StoreError {
    StoreError::Corrupt { what: "patch", id: id.to_owned(), detail }
}
