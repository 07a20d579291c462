//! A configuration as it lies in a request: borrowed, ordered by key.

use std::{borrow::Cow, fmt};

use paramedic_domain::{
    Configuration,
    configuration::{ENTRIES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// Key and value, ordered by key, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A text that is borrowed where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Entries<'a> {
    pub(crate) fn of(config: &'a Configuration) -> Self {
        let borrowed = |(key, value): (&'a String, &'a String)| (Cow::from(key.as_str()), Cow::from(value.as_str()));
        Self(config.iter().map(borrowed).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(name, _)| name.as_ref().cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_ref())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Is every entry surely one that a configuration may hold? Of what it is not sure, it says no.
    pub(crate) fn plainly_valid(&self) -> bool {
        let plain =
            |key: &str| (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        self.len() <= ENTRIES_MAX
            && self.iter().all(|(key, value)| plain(key) && value.len() <= VALUE_BYTES_MAX && !value.contains('\0'))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(64);
                while let Some((Text(key), Text(value))) = map.next_entry()? {
                    entries.push((key, value));
                }
                if !entries.is_sorted_by(|(one, _), (other, _)| one < other) {
                    // Of a key that is given twice the last value counts, as everywhere.
                    entries.reverse();
                    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
                    entries.dedup_by(|(later, _), (earlier, _)| later == earlier);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is read is what the domain's own type reads, escapes and repeated keys included.
        #[test]
        fn it_reads_as_a_configuration_does(pairs in proptest::collection::vec(("[abc\"\\\\é]{0,2}", "[xy\n]{0,2}"), 0..9)) {
            let members: Vec<_> = pairs.iter().map(|(key, value)| {
                format!("{}:{}", serde_json::to_string(key).unwrap(), serde_json::to_string(value).unwrap())
            }).collect();
            let text = format!("{{{}}}", members.join(","));
            let config: Configuration = serde_json::from_str(&text).unwrap();
            let entries: Entries<'_> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&entries, &Entries::of(&config));
            for (key, value) in config.iter() {
                prop_assert_eq!(entries.get(key), Some(value.as_str()));
            }
            prop_assert_eq!(entries.get("z"), None);
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_full_check() {
        let valid = |text: &str| serde_json::from_str::<Entries<'_>>(text).unwrap().plainly_valid();
        assert!(valid(r#"{"spark.a": "two\nlines"}"#));
        assert!(!valid(r#"{"": "x"}"#) && !valid(r#"{"é": "x"}"#) && !valid(r#"{"a": "\u0000"}"#));
        assert!(serde_json::from_str::<Entries<'_>>(r#"{"a": 1}"#).is_err());
    }
}
