//! The recommender as a service, over HTTP, with a real store and the base model that ships.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod decisions;
mod evidence;
mod laws;
mod measured;
mod right_sizing;
mod server;
mod service;
mod shadow;
