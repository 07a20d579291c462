//! JSON in TEXT columns.

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// To be stored. The domain's types always serialize; were one not to, nothing is written.
pub(crate) fn write(what: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        what,
        id: "to be stored".to_owned(),
        detail: error.to_string(),
    })
}

/// As stored.
pub(crate) fn read<T: DeserializeOwned>(what: &'static str, id: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what,
        id: id.to_owned(),
        detail: error.to_string(),
    })
}

/// A number that is never negative and never large: a version, a count.
pub(crate) fn count(what: &'static str, id: &str, number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Corrupt {
        what,
        id: id.to_owned(),
        detail: format!("{number} is no count"),
    })
}
