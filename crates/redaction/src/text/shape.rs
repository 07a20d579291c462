//! Keys and tokens that their shape tells.

use std::ops::Range;

use super::{line_after, run, trigger::Shape};

/// Longest of them, in bytes.
const BYTES_MAX: usize = 16 * 1024;

/// The key or token whose prefix was found.
pub(super) fn secret(text: &str, prefix: Range<usize>, shape: Shape) -> Option<Range<usize>> {
    let before = text.as_bytes().get(prefix.start.wrapping_sub(1));
    if before.is_some_and(|byte| is_word_byte(*byte)) {
        return None;
    }
    let rest = line_after(text, prefix.end, BYTES_MAX);
    let word = run(rest, is_word_byte);
    let bytes = match shape {
        Shape::Prefixed(bytes_min) => Some(word).filter(|word| *word >= bytes_min),
        Shape::AwsKeyId => {
            let key = run(rest, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            Some(key).filter(|key| *key == 16 && *key == word)
        }
        Shape::Databricks => {
            let key = run(rest, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            Some(word).filter(|_| key == 32)
        }
        Shape::Jwt => jwt(rest, word),
    };
    bytes.map(|bytes| prefix.start..prefix.end + bytes)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// `eyJ….….…`; `rest` begins behind `eyJ`, and `header` bytes of it are the header's.
fn jwt(rest: &str, header: usize) -> Option<usize> {
    let claims = rest.get(header..)?.strip_prefix('.')?;
    let claims_bytes = run(claims, is_word_byte);
    let signature = claims.get(claims_bytes..)?.strip_prefix('.')?;
    let bytes = header + 1 + claims_bytes + 1 + run(signature, is_word_byte);
    (header >= 8 && claims_bytes >= 8).then_some(bytes)
}
