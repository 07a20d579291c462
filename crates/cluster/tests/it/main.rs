//! The layers as their servers answer: recorded answers over real HTTP and TLS. Standalone and History Server run for real
//! in `tests/e2e`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod failure_modes;
mod harness;
mod kubernetes;
mod standalone;
mod tls;
mod yarn;
