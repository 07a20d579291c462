//! The real binary, run as its users run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "server")]
mod access;
mod offline;
mod program;
mod rules;
#[cfg(feature = "server")]
mod serving;
mod submit;
mod usage;
