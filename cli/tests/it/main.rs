//! The real binary, run as its users run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "server")]
mod access;
#[cfg(feature = "server")]
mod backup;
mod offline;
mod program;
mod rules;
#[cfg(feature = "server")]
mod serving;
mod submit;
mod usage;
