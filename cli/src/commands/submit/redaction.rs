//! Secrets in a configuration stay here.

use std::collections::BTreeMap;

use paramedic_domain::{
    Configuration,
    configuration::{ENTRIES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX},
};
use paramedic_redaction::{is_masked, is_secret, mask_value};

/// The configuration as it may leave this host: secrets masked, and without what no service would accept.
pub(crate) fn for_sending(configuration: &BTreeMap<String, String>) -> Configuration {
    configuration
        .iter()
        .filter(|(key, value)| {
            (1..=KEY_BYTES_MAX).contains(&key.len())
                && !key.chars().any(char::is_control)
                && value.len() <= VALUE_BYTES_MAX
                && !value.contains('\0')
        })
        .take(ENTRIES_MAX)
        .map(|(key, value)| (key, mask_value(key, value)))
        .collect()
}

/// What `mutated` changes of what was `sent`; no secret is among it.
pub(crate) fn changes(sent: &Configuration, mutated: &Configuration) -> BTreeMap<String, Option<String>> {
    let set = mutated.iter().filter(|(key, value)| sent.get(*key) != Some(*value));
    let unset = sent.keys().filter(|key| !mutated.contains_key(*key));
    set.map(|(key, value)| (key.clone(), Some(value.clone())))
        .chain(unset.map(|key| (key.clone(), None)))
        .filter(|(key, value)| {
            let (before, after) = (sent.get(key).map_or("", String::as_str), value.as_deref().unwrap_or(""));
            !is_secret(key, before) && !is_masked(before) && !is_masked(after)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use paramedic_redaction::REDACTED;

    use super::*;

    fn configuration(entries: &[(&str, &str)]) -> Configuration {
        entries.iter().copied().collect()
    }

    #[test]
    fn secrets_are_blanked_by_key_and_by_value() {
        let sent = for_sending(&configuration(&[
            ("spark.hadoop.fs.s3a.access.key", "AKIA"),
            ("spark.hadoop.fs.s3a.SECRET.key", "x"),
            ("spark.app.apiToken", "x"),
            ("spark.driver.extraJavaOptions", "-DdbPassword=x"),
            ("spark.executor.memory", "1g"),
        ]));
        let shown: Vec<_> = sent.iter().filter(|(_, value)| *value != REDACTED).collect();
        assert_eq!(shown, [(&"spark.executor.memory".to_owned(), &"1g".to_owned())]);
    }

    #[test]
    fn an_entry_that_would_be_refused_is_not_sent() {
        let huge = "x".repeat(VALUE_BYTES_MAX + 1);
        assert!(for_sending(&configuration(&[("spark.jars", &huge), ("a\nb", "x"), ("", "x")])).is_empty());
    }

    #[test]
    fn changes_are_what_differs_and_never_a_secret() {
        let sent = configuration(&[("a", "1"), ("b", "1"), ("c", "1"), ("my.token", REDACTED), ("o", REDACTED)]);
        let mutated = configuration(&[("a", "1"), ("b", "2"), ("d", "3"), ("my.token", "x"), ("o", "y")]);
        let expected = [("b", Some("2")), ("c", None), ("d", Some("3"))];
        let changed = changes(&sent, &mutated);
        assert_eq!(changed.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect::<Vec<_>>(), expected);
    }
}
