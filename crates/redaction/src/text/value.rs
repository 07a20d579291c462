//! Where a value ends, and whether it is a secret.

use std::ops::Range;

use super::{assignment::Joint, line_after, run, trigger::Strength};
use crate::REDACTED;

/// As much of a value is looked at to tell whether it is a secret, in bytes.
const LOOKED_AT_BYTES: usize = 256;
/// Longest value, in bytes. A longer one is no key that anyone uses.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// The value that starts at `from`, where it is a secret.
pub(super) fn secret(text: &str, from: usize, joint: Joint, strength: Strength) -> Option<Range<usize>> {
    let look = line_after(text, from, LOOKED_AT_BYTES);
    if look.starts_with(REDACTED) {
        return None;
    }
    let quote = Quote::at(look);
    let from = from + quote.as_ref().map_or(0, |quote| quote.bytes);
    let look = line_after(text, from, LOOKED_AT_BYTES);
    let seen = look.get(..end(look, quote.as_ref()))?;
    if seen.starts_with(REDACTED) || is_placeholder(seen) || !is_secret(seen, look, joint, strength) {
        return None;
    }
    let line = line_after(text, from, VALUE_BYTES_MAX);
    Some(from..from + end(line, quote.as_ref()))
}

fn is_secret(seen: &str, line: &str, joint: Joint, strength: Strength) -> bool {
    match (joint, strength) {
        (Joint::Tight, Strength::Any) => true,
        (Joint::Tight, Strength::WhenRandom) => looks_random(seen, 8),
        // In a sentence only what looks like one, or what stands alone as in YAML.
        (Joint::Loose, Strength::Any) => looks_random(seen, 6) || line.trim_end().len() == seen.len(),
        (Joint::Loose, Strength::WhenRandom) => looks_random(seen, 16),
    }
}

/// Does it look like a key or a token, rather than like a word or a class?
fn looks_random(value: &str, bytes_min: usize) -> bool {
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let of_one_piece = !value.contains(['.', '_', '(', '<', '[', '$', '@']);
    let lowers = value.bytes().any(|byte| byte.is_ascii_lowercase());
    let uppers = value.bytes().any(|byte| byte.is_ascii_uppercase());
    value.len() >= bytes_min && (digits || (value.len() >= 16 && of_one_piece && lowers && uppers))
}

/// Is it what stands in place of a value?
fn is_placeholder(value: &str) -> bool {
    const NOTHING: [&str; 8] = ["null", "none", "nil", "true", "false", "undefined", "redacted", "hidden"];
    let word = value.trim_matches(['<', '>', '[', ']', '(', ')', '*']);
    word.is_empty()
        || NOTHING.iter().any(|nothing| word.eq_ignore_ascii_case(nothing))
        || ["${", "$(", "{{", "%(", "%s", "<%"].iter().any(|start| value.starts_with(start))
        || (word.len() > 2 && word.bytes().all(|byte| matches!(byte, b'x' | b'X')))
}

/// How a value is quoted.
struct Quote {
    sign: char,
    /// Backslashes before the sign: within JSON within JSON.
    escapes: usize,
    bytes: usize,
}

impl Quote {
    fn at(text: &str) -> Option<Self> {
        let escapes = run(text, |byte| byte == b'\\').min(3);
        let sign = text.get(escapes..)?.chars().next().filter(|sign| matches!(sign, '"' | '\'' | '`'))?;
        Some(Self { sign, escapes, bytes: escapes + 1 })
    }
}

/// The length of the value at the start of the line.
fn end(line: &str, quote: Option<&Quote>) -> usize {
    let Some(quote) = quote else { return bare_end(line) };
    let mut escapes = 0;
    for (at, sign) in line.char_indices() {
        if sign == quote.sign && escapes == quote.escapes {
            return at - escapes;
        }
        escapes = if sign == '\\' { escapes + 1 } else { 0 };
    }
    line.len()
}

/// A value without quotes ends at a space, a quote, or at a sign after which something else begins.
fn bare_end(line: &str) -> usize {
    for (at, sign) in line.char_indices() {
        let rest = line.get(at + sign.len_utf8()..).unwrap_or_default();
        let ends = match sign {
            ' ' | '\t' | '"' | '\'' | '`' | '<' => true,
            '\\' => rest.starts_with(['"', '\'', 'n']),
            '&' | ';' | ',' => starts_anew(rest),
            ')' | ']' | '}' => {
                rest.is_empty() || rest.starts_with([' ', '\t', ',', ';', '.', ')', ']', '}', '"', '\''])
            }
            _ => false,
        };
        if ends {
            return at;
        }
    }
    line.len()
}

/// After a sign that may also stand within a password: does something else begin?
fn starts_anew(rest: &str) -> bool {
    let Some(next) = rest.chars().next() else { return true };
    if next.is_whitespace() || matches!(next, '"' | '\'' | ')' | ']' | '}') {
        return true;
    }
    let name = run(rest.get(..rest.floor_char_boundary(64)).unwrap_or_default(), |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
    });
    name > 0 && rest.get(name..).is_some_and(|rest| rest.starts_with(['=', ':']))
}
