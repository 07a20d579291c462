//! Passwords in URLs.

use std::ops::Range;

use super::{line_after, run};

/// Longest name and password that are looked at, in bytes.
const USER_INFO_BYTES_MAX: usize = 512;

/// The password of `scheme://name:password@host`, `from` being behind the slashes.
pub(super) fn password(text: &str, from: usize) -> Option<Range<usize>> {
    let authority = authority(text, from)?;
    let user_info = authority.get(..authority.rfind('@')?)?;
    let colon = user_info.find(':')?;
    Some(from + colon + 1..from + user_info.len())
}

/// The password of `jdbc:oracle:thin:name/password@host`, `from` being behind `thin:`.
pub(super) fn oracle_password(text: &str, from: usize) -> Option<Range<usize>> {
    let line = line_after(text, from, USER_INFO_BYTES_MAX);
    let user_info = line.get(..line.find('@')?)?;
    let slash = user_info.find('/')?;
    let password = user_info.get(slash + 1..)?;
    (!password.contains([' ', '/', '"'])).then(|| from + slash + 1..from + user_info.len())
}

fn authority(text: &str, from: usize) -> Option<&str> {
    let line = line_after(text, from, USER_INFO_BYTES_MAX);
    line.get(
        ..run(line, |byte| {
            !matches!(byte, b' ' | b'\t' | b'/' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b'?' | b'#')
        }),
    )
}
