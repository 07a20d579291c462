//! What a server that answers from memory reads: the patches that apply, then what changes.

use paramedic_domain::{Patch, PatchId, Timestamp};

use super::row::{PatchRow, patch_columns};
use crate::{Store, StoreError, cursor::PAGE_ITEMS_MAX, pool::run};

/// A patch as it is after its last change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedPatch {
    /// The revision of that change.
    pub revision: i64,
    /// The patch.
    pub patch: Patch,
}

impl Store {
    /// The patches that apply at `now`, by id, at most [`PAGE_ITEMS_MAX`], behind `after`; and
    /// the id to go on behind, while there are more.
    pub async fn live_patches(
        &self,
        after: Option<PatchId>,
        now: Timestamp,
    ) -> Result<(Vec<Patch>, Option<PatchId>), StoreError> {
        let found: Vec<PatchRow> = run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!(
                "select ",
                patch_columns!(),
                " from patches where status = 'active' and id > $1 \
                 and (expires_at is null or expires_at > $2) and (max_uses is null or uses < max_uses) \
                 order by id limit $3",
            ))
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(now.as_microseconds())
            .bind(i64::from(PAGE_ITEMS_MAX))
            .fetch_all(connection)
            .await?)
        })?;
        let patches = found.into_iter().map(|row| row.patch_at(now)).collect::<Result<Vec<_>, _>>()?;
        let more = patches.len() == PAGE_ITEMS_MAX as usize;
        let next = patches.last().map(|patch| patch.id).filter(|_| more);
        Ok((patches, next))
    }

    /// Patches changed after `revision`, in the order of their changes, as they are at `now`; at most
    /// [`PAGE_ITEMS_MAX`].
    pub async fn patches_changed_since(&self, revision: i64, now: Timestamp) -> Result<Vec<ChangedPatch>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Row {
            revision: i64,
            #[sqlx(flatten)]
            patch: PatchRow,
        }
        let found: Vec<Row> = run!(self, reader, connection => {
            Ok(sqlx::query_as(concat!(
                "select revision, ",
                patch_columns!(),
                " from patches where revision > $1 order by revision, id limit $2",
            ))
            .bind(revision)
            .bind(i64::from(PAGE_ITEMS_MAX))
            .fetch_all(connection)
            .await?)
        })?;
        let changed = |row: Row| Ok(ChangedPatch { revision: row.revision, patch: row.patch.patch_at(now)? });
        found.into_iter().map(changed).collect()
    }
}
