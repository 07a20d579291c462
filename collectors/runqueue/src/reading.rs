//! What a reading says: plain types, without the kernel.

use crate::Histogram;

/// Which of a task's cgroups tells workloads apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupSource {
    /// The one tree of version 2.
    V2,
    /// Version 1, the tree of the `cpu` controller.
    V1Cpu,
    /// Version 1, the tree of the `memory` controller.
    V1Memory,
}

/// A process in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// The cgroup's id: the inode number of its folder.
    pub cgroup_id: u64,
    /// The process id, in the host's namespace.
    pub pid: u32,
}

/// Whom a count belongs to. A slot stays a process's until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    /// Processes for which there was no slot left.
    pub const UNATTRIBUTED: Self = Self(0);
    /// Kernel threads.
    pub const KERNEL: Self = Self(1);
    /// Nobody: the CPU was idle while a task that could have run did not, as under a CPU quota.
    pub const IDLE: Self = Self(2);
    /// The first slot of a process.
    #[cfg(all(feature = "bpf", target_os = "linux"))]
    pub(crate) const FIRST: u32 = 3;
}

/// A process's waits since the last reading.
#[derive(Clone, Debug)]
pub struct ProcessWaits {
    /// Its slot.
    pub slot: Slot,
    /// The process; `None` for the slots that are no process's.
    pub process: Option<Process>,
    /// Its waits that have ended.
    pub waits: Histogram,
    /// Switches away from it while it could have run on.
    pub switched_out: u64,
}

/// Who had the CPU while another waited, since the last reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Who waited.
    pub victim: Slot,
    /// Who ran.
    pub by: Slot,
    /// Switches away from the runnable victim to the other.
    pub switches: u64,
    /// How long the other had the CPU while the victim waited, in nanoseconds, of waits over 100 µs.
    pub waited_ns: u64,
}

/// What could not be counted since the programs were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Waits of tasks whose place another had taken: what they waited before a move to another CPU is not counted.
    pub tasks: u64,
    /// Look-ups that found no free slot: counted as [`Slot::UNATTRIBUTED`].
    pub slots: u64,
    /// Charges for which there was no room.
    pub pairs: u64,
    /// Live events that found the buffer full.
    pub events: u64,
    /// Live events over the rate limit.
    pub limited: u64,
    /// Out-of-memory kills that found the buffer full.
    pub victims: u64,
    /// Runs that the kernel skipped, because another of the programs was running on that CPU.
    pub skipped: u64,
}

/// What was counted since the last reading. Idle processes are left out.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The processes that waited or were switched away from.
    pub processes: Vec<ProcessWaits>,
    /// Every process with a slot, also those that did nothing.
    pub known: Vec<(Slot, Process)>,
    /// Who had the CPU.
    pub charges: Vec<Charge>,
    /// What was lost, since the start.
    pub lost: Lost,
}

/// Something that is told as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub at_ns: u64,
    /// The process.
    pub pid: u32,
    /// Its task.
    pub task: u32,
    /// The task's name.
    pub name: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A wait has ended.
    Wait {
        /// How long it was, in nanoseconds.
        wait_ns: u64,
        /// Who waited.
        slot: Slot,
        /// Who had the CPU.
        by: Slot,
        /// The CPU.
        cpu: u32,
        /// The cgroup's id.
        cgroup_id: u64,
    },
    /// The kernel kills the process because memory ran out.
    OomKill {
        /// Its parent, where the kernel tells: a Python worker that was never seen is known by its daemon. Else 0.
        parent: u32,
    },
}
