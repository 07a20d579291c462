//! The real binary, run as its users run it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[cfg(feature = "server")]
mod access;
#[cfg(feature = "server")]
mod backup;
#[cfg(feature = "server")]
mod learning;
mod offline;
mod program;
mod rules;
#[cfg(feature = "server")]
mod serving;
mod submit;
#[cfg(target_os = "linux")]
mod top;
mod usage;
