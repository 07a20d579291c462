//! `key=value` in its many spellings: properties, JSON, command lines, Spark's tuples, XML.

use std::ops::Range;

use super::{line_after, run, trigger::Strength, value};

/// Longest key that is looked at on either side of the word, in bytes.
const KEY_BYTES_MAX: usize = 128;
/// Most spaces between a key, its sign and its value.
const SPACES_MAX: usize = 8;

/// How key and value are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// As in a property, a command line, JSON: what follows is the value.
    Tight,
    /// As also in a sentence: "password: …".
    Loose,
}

/// The value of the key around `word`, where it is a secret.
pub(super) fn secret(text: &str, word: Range<usize>, strength: Strength) -> Option<Range<usize>> {
    let key = key_around(text, &word);
    let name = text.get(key.clone())?;
    let suffix = text.get(word.end..key.end)?;
    if !ends_a_key(suffix) && !is_spark_property(name) {
        return None;
    }
    let (joint, from) = value_start(text, &key)?;
    if is_working_directory(name, text.get(from..)?) {
        return None;
    }
    value::secret(text, from, joint, strength)
}

/// The value of a URL's parameter.
pub(super) fn query_secret(text: &str, parameter: Range<usize>) -> Option<Range<usize>> {
    // `sig=` is a parameter only where it starts there; `…Signature=` is one however it starts.
    let before = text.as_bytes().get(parameter.start.wrapping_sub(1));
    let inside_a_word = before.is_some_and(u8::is_ascii_alphanumeric);
    if text.get(parameter.clone())?.starts_with("sig") && inside_a_word {
        return None;
    }
    value::secret(text, parameter.end, Joint::Tight, Strength::WhenRandom)
}

/// `PWD` is also the variable that names the working directory.
fn is_working_directory(name: &str, value: &str) -> bool {
    matches!(name, "PWD" | "OLDPWD" | "pwd") && value.trim_start_matches('"').starts_with(['/', '$', '{'])
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'$')
}

fn key_around(text: &str, word: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let before = bytes.get(..word.start).unwrap_or_default();
    let back = before.iter().rev().take(KEY_BYTES_MAX).take_while(|byte| is_key_byte(**byte)).count();
    let after = bytes.get(word.end..).unwrap_or_default();
    let forward = after.iter().take(KEY_BYTES_MAX).take_while(|byte| is_key_byte(**byte)).count();
    word.start - back..word.end + forward
}

/// Does a key that goes on like this after the word still name the secret itself, rather than something about it
/// (`tokenRenewer`, `SecretManager`, `passwordFile`)?
fn ends_a_key(suffix: &str) -> bool {
    const ENDINGS: [&str; 12] =
        ["", "ord", "d", "ort", "s", "ords", "key", "keyid", "id", "accesskey", "value", "text"];
    let plain = suffix.bytes().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_lowercase());
    let plain: Vec<u8> = plain.take(16).collect();
    ENDINGS.iter().any(|ending| ending.as_bytes() == plain)
        // fs.azure.account.key.<account>.blob.core.windows.net
        || suffix.starts_with('.') && suffix.contains(".core.")
}

/// Spark blanks the value of its properties wherever the word stands in the key.
fn is_spark_property(name: &str) -> bool {
    name.starts_with("spark.") && !name.ends_with(".provider")
}

/// Where the value of this key starts, if one does.
fn value_start(text: &str, key: &Range<usize>) -> Option<(Joint, usize)> {
    let before = text.as_bytes().get(key.start.wrapping_sub(1)).copied();
    let flag = text.get(key.clone())?.starts_with("--");
    let line = line_after(text, key.end, 64);
    let at = |rest: &str| key.end + (line.len() - rest.len());

    if before == Some(b'(')
        && let Some(rest) = line.strip_prefix(',')
    {
        return Some((Joint::Tight, at(rest))); // (spark.some.password,…)
    }
    if before == Some(b'<')
        && let Some(rest) = line.strip_prefix('>')
    {
        return Some((Joint::Tight, at(rest))); // <password>…
    }
    if let Some(rest) = line.strip_prefix("</name>") {
        let rest = rest.trim_start_matches(' ').strip_prefix("<value>")?; // Hadoop's XML
        return Some((Joint::Tight, at(rest)));
    }
    let (rest, quoted) = without_quote(line);
    let rest = rest.strip_prefix(']').unwrap_or(rest);
    let (rest, spaces) = without_spaces(rest);
    if let Some(rest) = rest.strip_prefix('=') {
        let rest = rest.strip_prefix('>').unwrap_or(rest);
        let comparison = rest.starts_with('=') || rest.starts_with('~');
        return (!comparison).then(|| (Joint::Tight, at(without_spaces(rest).0)));
    }
    if let Some(rest) = rest.strip_prefix("->") {
        return Some((Joint::Tight, at(without_spaces(rest).0)));
    }
    if let Some(rest) = rest.strip_prefix(':') {
        let (rest, spaces) = without_spaces(rest);
        let tight = quoted || spaces == 0 || rest.starts_with(['"', '\'']);
        return Some((if tight { Joint::Tight } else { Joint::Loose }, at(rest)));
    }
    // --password …
    (flag && spaces > 0 && !rest.starts_with('-')).then(|| (Joint::Tight, at(rest)))
}

fn without_quote(text: &str) -> (&str, bool) {
    let unescaped = text.trim_start_matches('\\');
    match unescaped.strip_prefix(['"', '\'', '`']) {
        Some(rest) => (rest, true),
        None => (text, false),
    }
}

fn without_spaces(text: &str) -> (&str, usize) {
    let spaces = run(text, |byte| matches!(byte, b' ' | b'\t')).min(SPACES_MAX);
    (text.get(spaces..).unwrap_or_default(), spaces)
}
