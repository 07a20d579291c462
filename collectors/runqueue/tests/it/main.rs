//! The programs on this machine's kernel, as root, measured against what the kernel itself says of the same tasks.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
#[expect(dead_code, reason = "shared with the agent's tests, which use all of it")]
mod load;
mod truth;

use paramedic_runqueue::{CgroupSource, Options, RunQueue};

/// The programs, loaded; `None`, and loudly, where this machine cannot.
fn run_queue(options: Options) -> Option<RunQueue> {
    let cgroups = if load::has_cpu_v1() { CgroupSource::V1Cpu } else { CgroupSource::V2 };
    match RunQueue::load(&Options { cgroups, ..options }) {
        Ok(run_queue) => Some(run_queue),
        Err(error) if std::env::var_os("PARAMEDIC_TESTS_NEED_BPF").is_none() => {
            eprintln!("\n*** eBPF WAS NOT TESTED: {error}\n");
            None
        }
        Err(error) => panic!("{error}"),
    }
}
