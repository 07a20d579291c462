//! The classifier as a scheduler sees it: the real service on a port of its own, with a real store and real rules.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod compressed;
mod failures;
mod harness;
mod layers;
mod log_hosts;
mod object_stores;
mod outcomes;
mod peers;
mod remedies;
mod roles;
mod rules;
mod secrets;
mod settle;
mod unclassified;
