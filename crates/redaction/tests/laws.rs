//! What holds of every text.

use paramedic_redaction::{REDACTED, mask_text, mask_value};
use proptest::prelude::*;

/// Ways to write a secret down; `{}` is where it stands.
const PLACES: &[&str] = &[
    "password={}",
    "spark.ssl.keyPassword={}",
    "(spark.hadoop.fs.s3a.secret.key,{})",
    "{\"password\": \"{}\"}",
    "{\\\"secret\\\":\\\"{}\\\"}",
    "postgres://ada:{}@db/sales",
    "--password {} --x",
    "https://a/b?sig={}&x=1",
    "https://a/b?X-Amz-Signature={}",
    "aws_session_token={}",
    "AccountKey={};EndpointSuffix=x",
    "Authorization: Bearer {}",
    "token: '{}'",
    "Pwd={};",
    "<password>{}</password>",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
];

fn secret() -> impl Strategy<Value = String> {
    // A key as a machine makes it: long enough that it stands nowhere by chance.
    "[A-Z][a-z][0-9][A-Za-z0-9+/]{17,60}".prop_map(|key| key.replace("//", "/x").replace('/', "_"))
}

fn clean() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-f0-9]{1,9}|INFO|executor|=|:|,|\"|\\(|\\)|\\n|é|@|/|\\{", 0..30)
        .prop_map(|words| words.join(" "))
}

fn anything() -> impl Strategy<Value = String> {
    let pieces = [
        "password",
        "token",
        "secret",
        "=",
        ":",
        " ",
        "\n",
        "\"",
        "\\",
        "'",
        "://",
        "@",
        "/",
        "eyJ",
        ".",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "-----END",
        "Bearer ",
        "Basic ",
        "sig=",
        "AKIA",
        "ABCDEFGH01234567",
        REDACTED,
        "(",
        ",",
        ")",
        "<",
        ">",
        "é",
        "abc123def456",
        "--",
        "thin:",
        "{",
        "}",
        ";",
        "&",
        "*",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_planted_secret_never_survives(before in clean(), after in clean(), secret in secret(),
        place in prop::sample::select(PLACES)) {
        let text = format!("{before}\n{}\n{after}", place.replace("{}", &secret));
        let masked = mask_text(&text);
        prop_assert!(!masked.contains(&secret), "{masked}");
        prop_assert!(masked.contains(REDACTED));
        prop_assert_eq!(masked.lines().count(), text.lines().count());
    }

    #[test]
    fn text_without_secrets_is_unchanged(text in clean()) {
        prop_assert_eq!(mask_text(&text), text.as_str());
    }

    #[test]
    fn masking_twice_is_masking_once(text in anything()) {
        let once = mask_text(&text).into_owned();
        prop_assert_eq!(mask_text(&once), once.as_str());
        prop_assert_eq!(once.matches('\n').count(), text.matches('\n').count());
        let value = mask_value("spark.x", &text).into_owned();
        prop_assert_eq!(mask_value("spark.x", &value), value.as_str());
    }
}
