//! Private keys in PEM's format.

use std::ops::Range;

use super::{line_after, run};

/// Longest block, in bytes. An RSA key of 8,192 bits has 6.4 KB.
const BLOCK_BYTES_MAX: usize = 16 * 1024;

/// What is secret of the block whose `-----BEGIN ` ends at `from`: its lines, one by one.
pub(super) fn lines(text: &str, from: usize) -> Vec<Range<usize>> {
    let label = line_after(text, from, 64);
    let Some(label_bytes) = label.find("-----").filter(|end| label.get(..*end).is_some_and(is_private_key)) else {
        return Vec::new();
    };
    let start = from + label_bytes + "-----".len();
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.get(..rest.floor_char_boundary(BLOCK_BYTES_MAX)).unwrap_or_default();
    let end = rest.find("-----END").unwrap_or_else(|| cut_off_end(rest));
    let mut secrets = Vec::new();
    let mut at = start;
    for line in rest.get(..end).unwrap_or_default().split_inclusive(['\n', '\r']) {
        let secret = line.trim_matches(['\n', '\r', ' ', '\t']);
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if !secret.is_empty() {
            secrets.push(at + indent..at + indent + secret.len());
        }
        at += line.len();
    }
    secrets
}

/// Of a block without an end: the lines of base64 that follow.
fn cut_off_end(rest: &str) -> usize {
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        let base64 = run(line, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\'));
        if !line.trim().is_empty() && base64 != line.trim_end().len() {
            break;
        }
        end += line.len();
    }
    end
}

/// `RSA PRIVATE KEY`: upper-case words only, so that the label itself hides nothing.
fn is_private_key(label: &str) -> bool {
    label.ends_with("PRIVATE KEY") && label.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ')
}
