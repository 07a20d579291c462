//! Masking: what is stored, logged or sent holds no secret.

use paramedic_redaction::{REDACTED, is_masked, mask_text, mask_value};

use crate::input;

/// A secret that no other text holds.
const SECRET: &str = "Zq8vK2pLx0TnW4rB";
/// Places in which it is told by what stands before it in its line.
const PLACES: [(&str, &str); 6] = [
    ("spark.hadoop.fs.s3a.secret.key=", ""),
    ("password: ", ""),
    ("26/01/31 12:00:00 INFO Job: jdbc:postgresql://ada:", "@db:5432/sales"),
    (r#"{"client_secret": ""#, r#""}"#),
    ("Authorization: Bearer ", ""),
    ("curl https://host/x?access_token=", "&y=1"),
];

/// Masks a text, with a secret put at the start of a line among its lines. The secret goes and the lines stay; masking
/// again changes nothing.
pub fn secrets(data: &[u8]) {
    let text = input::text(data);
    let masked = mask_text(&text);
    // Where a secret with a `/` in it stood behind `://`, what is left may read as a name with a password: then masking
    // again hides more, which does no harm.
    let may_join = text.contains("://") || text.contains("racle:thin:");
    assert!(may_join || mask_text(&masked) == masked, "masked once is masked: {masked}");
    assert_eq!(line_ends(&masked), line_ends(&text), "lines stay lines");
    assert!(masked != text || matches!(masked, std::borrow::Cow::Borrowed(_)), "what holds none is not copied");
    assert!(masked == text || is_masked(&masked));
    if text.contains(SECRET) {
        return;
    }
    let middle = text.char_indices().nth(text.len() / 3).map_or(0, |(at, _)| at);
    let (before, after) = text.split_at(middle);
    for (left, right) in PLACES {
        let masked = mask_text(&format!("{before}\n{left}{SECRET}{right}\n{after}")).into_owned();
        assert!(!masked.contains(SECRET), "{left}{SECRET}{right} in {masked}");
    }
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let shown = mask_value(key, value);
        assert_eq!(mask_value(key, &shown), shown);
        let of_secret = mask_value("spark.ssl.keyPassword", value);
        assert!(of_secret == REDACTED || value.is_empty());
    }
}

fn line_ends(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}
