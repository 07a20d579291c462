//! Secrets in configurations, by Spark's own rule and more.

use std::borrow::Cow;

use crate::{REDACTED, mask_text};

/// The words of Spark's `spark.redaction.regex`, `(?i)secret|password|token|access[.]?key`, and those that it lacks:
/// Azure's account keys, and what other systems call theirs.
const SECRET_WORDS: [&str; 16] = [
    "secret",
    "password",
    "token",
    "accesskey",
    "access.key",
    "access_key",
    "credential",
    "passwd",
    "passphrase",
    "account.key",
    "accountkey",
    "account_key",
    "apikey",
    "api.key",
    "api_key",
    "private.key",
];

/// Keys of these endings name where credentials come from, and are none.
const PROVIDER_ENDINGS: [&str; 2] = ["credentials.provider", "credential.provider.path"];

/// Is the value a secret as a whole, by its key or by a word in it?
pub fn is_secret(key: &str, value: &str) -> bool {
    let names_provider = PROVIDER_ENDINGS.iter().any(|ending| key.ends_with(ending));
    (!names_provider && holds_word(key)) || holds_word(value)
}

/// The value as it may be shown: blanked where it is a secret, else with the secrets within it masked (a password in a
/// URL, an access key).
pub fn mask_value<'v>(key: &str, value: &'v str) -> Cow<'v, str> {
    if value.is_empty() {
        Cow::Borrowed(value)
    } else if is_secret(key, value) {
        Cow::Borrowed(REDACTED)
    } else {
        mask_text(value)
    }
}

/// Was something masked in this value? Then it is none to run with.
pub fn is_masked(value: &str) -> bool {
    value.contains(REDACTED)
}

fn holds_word(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blanked_by_key_and_by_value() {
        for (key, value) in [
            ("spark.hadoop.fs.s3a.access.key", "AKIA"),
            ("spark.hadoop.fs.s3a.SECRET.key", "x"),
            ("spark.app.apiToken", "x"),
            ("spark.driver.extraJavaOptions", "-DdbPassword=x"),
            ("spark.hadoop.fs.azure.account.key.store.dfs.core.windows.net", "x"),
            ("spark.datasource.bigquery.credentials", "x"),
        ] {
            assert_eq!(mask_value(key, value), REDACTED, "{key}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for (key, value) in [
            ("spark.executor.memory", "1g"),
            ("spark.hadoop.fs.s3a.aws.credentials.provider", "com.example.Provider"),
            ("spark.master", "spark://10.0.0.7:7077"),
            ("spark.driver.password", ""),
        ] {
            assert_eq!(mask_value(key, value), value, "{key}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_masked_alone() {
        let masked = mask_value("spark.app.source", "jdbc:postgresql://ada:hunter2@db:5432/sales");
        assert_eq!(masked, format!("jdbc:postgresql://ada:{REDACTED}@db:5432/sales"));
        assert!(is_masked(&masked) && !is_masked("jdbc:postgresql://db"));
        assert_eq!(mask_value("spark.app.source", &masked), masked);
    }
}
