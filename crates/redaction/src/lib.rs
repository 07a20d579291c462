//! Masks secrets before anything is stored, logged or sent: keys, tokens and passwords in text ([`mask_text`]) and in
//! configurations ([`mask_value`]).
//!
//! In text only the secret itself is replaced, so that what a line says and how many lines there are stays; text that
//! holds none comes back as it is, at the speed of a search for a few dozen words. What looks like prose about secrets
//! ("token (owner=…) can't be found in cache") is left alone. Masking what is masked changes nothing, unless a URL
//! shows its password only once a secret before it is gone.

mod configuration;
mod text;

pub use configuration::{is_masked, is_secret, mask_value};
pub use text::mask_text;

/// What stands in place of a secret: the same that Spark shows.
pub const REDACTED: &str = "*********(redacted)";
