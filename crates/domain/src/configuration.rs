//! A Spark configuration as schedulers send it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::validation::{Validate, Violation, escape_pointer_token};

/// Most entries of one configuration. Spark itself has under 1,500 keys.
pub const ENTRIES_MAX: usize = 4_096;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// Longest value, in bytes. A class path of some hundred jars fits.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Spark configuration: key to value, both texts, ordered by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({"spark.executor.memory": "512m"}))]
pub struct Configuration(pub BTreeMap<String, String>);

impl Configuration {
    /// Holds it no entry?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys whose values differ in `to`, in key order: key, value here, value there.
    pub fn changes<'a>(&'a self, to: &'a Self) -> Vec<(&'a str, Option<&'a str>, Option<&'a str>)> {
        let keys: BTreeSet<&str> = self.keys().chain(to.keys()).map(String::as_str).collect();
        let value = |of: &'a Self, key: &str| of.get(key).map(String::as_str);
        keys.into_iter().map(|key| (key, value(self, key), value(to, key))).filter(|(_, old, new)| old != new).collect()
    }

    /// The change to `to` as RFC 6902. `add` replaces a member that is there, so the patch also applies where the job's
    /// own configuration has gained or lost the key since.
    pub fn patch_to(&self, to: &Self) -> json_patch::Patch {
        use json_patch::{AddOperation, PatchOperation, RemoveOperation, jsonptr::PointerBuf};
        let operation = |(key, _, new): (&str, Option<&str>, Option<&str>)| {
            let path = PointerBuf::from_tokens([key]);
            match new {
                Some(value) => PatchOperation::Add(AddOperation { path, value: value.into() }),
                None => PatchOperation::Remove(RemoveOperation { path }),
            }
        };
        json_patch::Patch(self.changes(to).into_iter().map(operation).collect())
    }
}

impl Deref for Configuration {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Configuration {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Configuration {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl Validate for Configuration {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        if self.len() > ENTRIES_MAX {
            violations.push(Violation::at(
                pointer,
                format!("holds {} entries; at most {ENTRIES_MAX} are allowed", self.len()),
            ));
        }
        for (key, value) in &self.0 {
            let pointer = || {
                let shown: String = key.chars().take(80).collect();
                format!("{pointer}/{}", escape_pointer_token(&shown))
            };
            if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
                violations.push(Violation::at(
                    pointer(),
                    format!("a key has 1 to {KEY_BYTES_MAX} bytes and no control characters"),
                ));
            }
            if value.len() > VALUE_BYTES_MAX || value.contains('\0') {
                violations
                    .push(Violation::at(pointer(), format!("a value has at most {VALUE_BYTES_MAX} bytes and no NUL")));
            }
        }
    }
}
