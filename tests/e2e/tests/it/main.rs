//! The built binaries end to end, on a real Spark.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod crash;
mod degraded;
mod healing;
mod host;
mod layers;
mod process;
mod replicas;
mod report;
mod spark;
mod standalone;
