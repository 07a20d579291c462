//! The tokens file: `name role sha256-hex` a line. `#` starts a comment. The same name may stand twice, so that a token
//! can be replaced without a gap.

use std::path::Path;

use paramedic_domain::{Role, token::TokenDigest};

use super::{Actor, AuthError};

/// A line of the file.
pub(super) type FileEntry = (Actor, TokenDigest);

/// Reads a tokens file.
pub(super) fn load(path: &Path) -> Result<Vec<FileEntry>, AuthError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| AuthError::Unreadable { path: path.to_owned(), source })?;
    parse(&text).map_err(|(line, detail)| AuthError::Malformed { path: path.to_owned(), line, detail })
}

/// Its entries, or the first line that is wrong and why.
pub(super) fn parse(text: &str) -> Result<Vec<FileEntry>, (usize, String)> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        if !line.trim().is_empty() {
            entries.push(parse_entry(line).map_err(|detail| (index + 1, detail))?);
        }
    }
    if entries.is_empty() { Err((1, "the file holds no token".to_owned())) } else { Ok(entries) }
}

fn parse_entry(line: &str) -> Result<FileEntry, String> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let [name, role, digest] = fields[..] else {
        return Err(format!("holds {} fields; write `name role sha256-hex`", fields.len()));
    };
    let role: Role = role.parse().map_err(|detail| format!("the role: {detail}"))?;
    let digest = TokenDigest::from_hex(digest).ok_or("the digest is no SHA-256 in hex (64 hexadecimal digits)")?;
    Ok((Actor::new(name, role), digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_named() {
        let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        for (text, line) in [
            ("", 1),
            ("\nairflow scheduler", 2),
            ("a king 00", 1),
            (&format!("a agent {digest}\nb agent {}", &digest[1..]), 2),
        ] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text}");
        }
    }
}
