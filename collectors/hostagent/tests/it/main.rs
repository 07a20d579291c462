//! The agent on this machine: real cgroups, real schedulers, real Spark.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod away;
#[expect(dead_code, reason = "shared with the programs' own tests, which use all of it")]
#[path = "../../../runqueue/tests/it/load.rs"]
mod load;
mod spark;
mod verdicts;

use paramedic_domain::{Clock, Timestamp};
use paramedic_hostagent::{Collector, MeasuringConfig, Snapshot, snapshot::WorkloadReport};

/// A collector without anything that another test could disturb.
fn collector(bpf: bool) -> Collector {
    Collector::start("node1".to_owned(), MeasuringConfig { bpf, cost: false, ..MeasuringConfig::default() })
}

/// Whether the eBPF programs run here; said loudly where they do not.
fn has_bpf(collector: &Collector) -> bool {
    let reasons = collector.does_without();
    let has = !reasons.iter().any(|reason| reason.starts_with("eBPF"));
    if !has {
        assert!(std::env::var_os("PARAMEDIC_TESTS_NEED_BPF").is_none(), "{reasons:?}");
        eprintln!("\n*** eBPF WAS NOT TESTED: {reasons:?}\n");
    }
    has
}

fn now() -> Timestamp {
    Clock::system().now()
}

fn named<'a>(snapshot: &'a Snapshot, name: &str) -> &'a WorkloadReport {
    let found = snapshot.workloads.iter().find(|workload| workload.name.contains(name));
    found.unwrap_or_else(|| panic!("no workload {name}"))
}
