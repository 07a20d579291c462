//! How long the host's tasks wait for a CPU, and behind whom.
//!
//! An eBPF program on the scheduler's switch (`src/bpf/runqueue.bpf.c`) measures each wait, from the wake-up, or from the switch
//! away from a task that could have run on, to the switch to it. It counts: by process and cgroup into log-linear
//! histograms, and by pair who had the CPU while another waited. [`RunQueue::read`] reads the counts, once a
//! period, in place; no event reaches user space, but for kernel out-of-memory kills and the live mode.

#[cfg(all(feature = "bpf", target_os = "linux"))]
mod cells;
#[cfg(all(feature = "bpf", target_os = "linux"))]
mod cost;
#[cfg(all(feature = "bpf", target_os = "linux"))]
mod events;
mod histogram;
#[cfg(all(feature = "bpf", target_os = "linux"))]
mod loader;
mod reading;

#[cfg(all(feature = "bpf", target_os = "linux"))]
pub use cost::{ProgramCost, StatisticsOn};
pub use histogram::{BUCKETS, Histogram};
#[cfg(all(feature = "bpf", target_os = "linux"))]
pub use loader::{Options, RunQueue, RunQueueError};
pub use reading::{CgroupSource, Charge, Event, EventKind, Lost, Process, ProcessWaits, Reading, Slot};

/// Are the eBPF programs part of this build?
pub const BUILT_WITH_BPF: bool = cfg!(all(feature = "bpf", target_os = "linux"));
