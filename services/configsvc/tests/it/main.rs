//! The configuration service as a client sees it: the real server on a port of its own, over a real store.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod conformance;
mod explain;
mod freezes;
mod kubernetes;
mod life;
mod mutate;
mod openapi;
mod patches;
mod policy;
mod replicas;
mod roles;
mod server;
mod status;
mod tokens;
