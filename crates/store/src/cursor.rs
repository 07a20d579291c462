//! Pages: keyset cursors over (time, id).

use paramedic_domain::Page;

use crate::StoreError;

/// Most items of one page; a larger limit is lowered to it.
pub const PAGE_ITEMS_MAX: u32 = 500;

/// Longest id of a place: a UUID, a hyphen, and the longest number.
const ID_BYTES_MAX: usize = 36 + 1 + 19;

/// Where a page starts: behind this time and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) at: i64,
    pub(crate) id: String,
}

impl Cursor {
    /// Before everything, newest first. `~` is greater than any letter of an id.
    pub(crate) fn newest() -> Self {
        Self { at: i64::MAX, id: "~".to_owned() }
    }

    /// Reads what a page gave out.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let (at, id) = text.split_once('.').ok_or(StoreError::BadCursor)?;
        let plain = at.bytes().all(|byte| byte.is_ascii_digit()) && at.len() <= 19;
        let named = (1..=ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !plain || !named {
            return Err(StoreError::BadCursor);
        }
        let at = at.parse().map_err(|_| StoreError::BadCursor)?;
        Ok(Self { at, id: id.to_owned() })
    }

    /// The given cursor, else the newest.
    pub(crate) fn or_newest(text: Option<&str>) -> Result<Self, StoreError> {
        text.map_or_else(|| Ok(Self::newest()), Self::parse)
    }

    fn text(&self) -> String {
        format!("{}.{}", self.at, self.id)
    }
}

/// How many items a list has, at least one.
pub(crate) fn items(limit: u32) -> i64 {
    i64::from(limit.clamp(1, PAGE_ITEMS_MAX))
}

/// Rows to fetch for a page: one more than it shows, to know whether another follows.
pub(crate) fn rows(limit: u32) -> i64 {
    items(limit) + 1
}

/// The page of `limit` items out of [`rows`] rows, each with its place.
pub(crate) fn page<T>(mut keyed: Vec<(Cursor, T)>, limit: u32) -> Page<T> {
    let shown = limit.clamp(1, PAGE_ITEMS_MAX) as usize;
    let more = keyed.len() > shown;
    keyed.truncate(shown);
    let next_cursor = if more { keyed.last().map(|(cursor, _)| cursor.text()) } else { None };
    Page { items: keyed.into_iter().map(|(_, item)| item).collect(), next_cursor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        let cursor = Cursor { at: 1_769_860_800_000_000, id: "6b1f04c2-8a3d-4f0e-9d5b-71c05e2a94d3".to_owned() };
        assert_eq!(Cursor::parse(&cursor.text()).unwrap(), cursor);
    }

    #[test]
    fn what_no_page_gave_is_refused() {
        for text in ["", ".", "1", "1.", ".a", "-1.a", "99999999999999999999.a", "1.a'b", "1.\0", "x.y", "1.a.b"] {
            assert!(matches!(Cursor::parse(text), Err(StoreError::BadCursor)), "{text:?}");
        }
    }

    #[test]
    fn the_last_page_names_no_next() {
        let keyed = |n: i64| (0..n).map(|at| (Cursor { at, id: "a".to_owned() }, at)).collect::<Vec<_>>();
        assert_eq!(page(keyed(3), 2).next_cursor.as_deref(), Some("1.a"));
        assert_eq!(page(keyed(2), 2).next_cursor, None);
        assert_eq!(page(keyed(0), 2).items, Vec::<i64>::new());
    }
}
