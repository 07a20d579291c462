//! Authorization headers.

use std::ops::Range;

use super::{line_after, run};

/// Longest token that is masked, in bytes.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b':' | b'%')
}

/// The token after `Bearer `, where it looks like one: "bearer authentication" is none.
pub(super) fn secret(text: &str, scheme: Range<usize>) -> Option<Range<usize>> {
    let line = line_after(text, scheme.end, TOKEN_BYTES_MAX);
    let token = line.get(..run(line, is_token_byte))?;
    let looks_like_one = token.len() >= 8 && (token.bytes().any(|byte| byte.is_ascii_digit()) || token.len() >= 24);
    looks_like_one.then(|| scheme.end..scheme.end + token.len())
}

/// What follows `Basic `, where it is a name and a password in base64.
pub(super) fn basic(text: &str, from: usize) -> Option<Range<usize>> {
    let line = line_after(text, from, 1024);
    let encoded = line.get(..run(line, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')))?;
    (encoded.len() >= 4 && is_name_and_password(encoded)).then(|| from..from + encoded.len())
}

fn is_name_and_password(encoded: &str) -> bool {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut colon) = (0_u32, 0, false);
    for byte in encoded.trim_end_matches('=').bytes() {
        let Some(six) = ALPHABET.iter().position(|letter| *letter == byte) else { return false };
        bits = bits << 6 | six as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            let decoded = (bits >> count) as u8;
            // UTF-8 beyond ASCII may stand in a password.
            if decoded.is_ascii_control() {
                return false;
            }
            colon |= decoded == b':';
        }
    }
    colon
}
