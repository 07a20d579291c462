//! Secrets of tokens: made here, and known by their digest from then on.

use std::{fs::File, io::Read as _};

use paramedic_domain::{
    TokenSecret,
    token::{TOKEN_PREFIX, TokenDigest},
};
use sha2::{Digest as _, Sha256};

/// A new secret: the prefix that all have, and 256 bits of the system's randomness in hexadecimal digits.
pub fn fresh_secret() -> std::io::Result<TokenSecret> {
    let mut bytes = [0_u8; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(TokenSecret::new(bytes.iter().fold(TOKEN_PREFIX.to_owned(), |text, byte| text + &format!("{byte:02x}"))))
}

/// What is kept of a secret. See [`TokenDigest`] for why a plain SHA-256 is enough.
pub fn digest_of(secret: &str) -> TokenDigest {
    TokenDigest(Sha256::digest(secret.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_logs_mask_them() {
        let (one, other) = (fresh_secret().unwrap(), fresh_secret().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), TOKEN_PREFIX.len() + 64);
        assert_ne!(digest_of(one.reveal()), digest_of(other.reveal()));
        let line = format!("the token is {} here", one.reveal());
        assert!(!paramedic_redaction::mask_text(&line).contains(&one.reveal()[8..]));
    }
}
