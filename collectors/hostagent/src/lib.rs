//! The host agent: how long each Spark executor, driver and container of a host waits for a CPU, behind whom, and what
//! memory it holds, at a bounded cost.
//!
//! [`Collector`] measures, a period at a time; [`serve`] runs it until it is told to stop: samples go to the recommender,
//! `/metrics` to Prometheus, `/v1/snapshot` to `paramedic top`. What a host lacks is said once, and done without.

#![cfg(target_os = "linux")]

mod agent;
mod collector;
mod config;
mod exposition;
pub mod host;
mod http;
mod memory;
mod outbox;
pub mod privileges;
mod report;
#[cfg_attr(
    not(all(feature = "bpf", target_os = "linux")),
    expect(dead_code, reason = "only the eBPF programs tell of processes and of whom they waited behind")
)]
mod run_queue;
mod sample;
pub mod snapshot;
mod source;
mod verdict;
pub mod workload;

pub use agent::{Agent, AgentError, serve};
pub use collector::Collector;
pub use config::{ConfigError, HostAgentConfig, MeasuringConfig, PostingConfig};
pub use exposition::Series;
pub use memory::{Candidate, MemoryCounts, MemoryReader};
pub use outbox::{Outbox, OutboxCounts};
pub use paramedic_runqueue::BUILT_WITH_BPF;
pub use sample::samples;
pub use snapshot::Snapshot;
pub use verdict::{Verdict, VerdictSettings};
