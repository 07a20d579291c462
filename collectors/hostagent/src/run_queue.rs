//! How long each workload waited for a CPU in a period, and behind whom: from the eBPF programs, or from schedstat.

use std::collections::{BTreeMap, HashMap};

use paramedic_runqueue::{Charge, Histogram, Lost, Reading, Slot};
use serde::Serialize;

use crate::workload::{Table, Workload};

/// How often a workload was switched away from while it could have run on, and how long it waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Blame {
    /// Switches away from it.
    pub switches: u64,
    /// How long it waited, in nanoseconds, in waits over 100 µs.
    pub waited_ns: u64,
}

impl Blame {
    /// Both together.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            switches: self.switches.saturating_add(other.switches),
            waited_ns: self.waited_ns.saturating_add(other.waited_ns),
        }
    }
}

/// Behind whom a workload waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Behind {
    /// Its own tasks.
    pub same_workload: Blame,
    /// Another job or container.
    pub other_workload: Blame,
    /// A service of the host, or its kernel.
    pub system: Blame,
    /// Nobody: the CPU was idle, as under a quota, or the task was moved to another CPU.
    pub idle: Blame,
}

/// A workload's waits in a period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    /// By length; `None` where the kernel tells only their sum.
    pub histogram: Option<Histogram>,
    /// How long its tasks waited together, in nanoseconds.
    pub waited_ns: u64,
    /// Waits.
    pub count: u64,
    /// Behind whom.
    pub behind: Behind,
    /// The other workload that it waited behind longest.
    pub top: Option<(Workload, Blame)>,
}

impl Waits {
    /// How long its tasks waited together, in seconds.
    pub(crate) fn waited_s(&self) -> f64 {
        self.waited_ns as f64 / 1e9
    }

    /// The median, in seconds.
    pub(crate) fn p50_s(&self) -> Option<f64> {
        self.histogram.as_ref()?.quantile_s(0.5)
    }

    /// The 99th percentile, in seconds.
    pub(crate) fn p99_s(&self) -> Option<f64> {
        self.histogram.as_ref()?.quantile_s(0.99)
    }
}

/// The waits of every workload in a period.
#[derive(Debug, Default)]
pub(crate) struct Period {
    /// By workload; those that did not wait are left out.
    pub waits: BTreeMap<Workload, Waits>,
    /// What was lost since the start.
    pub lost: Lost,
}

/// Puts a reading's processes together to workloads.
pub(crate) fn by_workload(reading: &Reading, table: &Table) -> Period {
    let owners = Owners::of(reading, table);
    let mut waits: BTreeMap<Workload, Waits> = BTreeMap::new();
    for process in &reading.processes {
        let Some(workload) = owners.of_slot(process.slot) else { continue };
        let waits = waits.entry(workload.clone()).or_default();
        waits.histogram.get_or_insert_default().merge(&process.waits);
        waits.waited_ns += process.waits.sum().as_nanos() as u64;
        waits.count += process.waits.count();
    }
    blame(&reading.charges, &owners, &mut waits);
    Period { waits, lost: reading.lost }
}

/// Whose a slot is.
struct Owners {
    by_slot: HashMap<Slot, Workload>,
}

impl Owners {
    fn of(reading: &Reading, table: &Table) -> Self {
        let owner = |(slot, process): &(Slot, paramedic_runqueue::Process)| {
            // A process that began and ended within the period was never looked at.
            let gone = || Workload::System { name: ENDED.to_owned() };
            (*slot, table.workload_of(process.pid).cloned().unwrap_or_else(gone))
        };
        let mut by_slot: HashMap<_, _> = reading.known.iter().map(owner).collect();
        by_slot.insert(Slot::KERNEL, Workload::Kernel);
        by_slot.insert(Slot::UNATTRIBUTED, Workload::System { name: "unattributed".to_owned() });
        Self { by_slot }
    }

    fn of_slot(&self, slot: Slot) -> Option<&Workload> {
        self.by_slot.get(&slot)
    }
}

/// What processes that began and ended within a period are counted as.
const ENDED: &str = "ended";

fn blame(charges: &[Charge], owners: &Owners, waits: &mut BTreeMap<Workload, Waits>) {
    let mut by_other: BTreeMap<(Workload, Workload), Blame> = BTreeMap::new();
    for charge in charges {
        let Some(victim) = owners.of_slot(charge.victim) else { continue };
        let more = Blame { switches: charge.switches, waited_ns: charge.waited_ns };
        let behind = &mut waits.entry(victim.clone()).or_default().behind;
        let by = owners.of_slot(charge.by);
        let cause = match by {
            _ if charge.by == Slot::IDLE => &mut behind.idle,
            Some(by) if by == victim => &mut behind.same_workload,
            Some(by) if by.is_system() => &mut behind.system,
            Some(_) => &mut behind.other_workload,
            None => continue,
        };
        *cause = cause.plus(more);
        if let Some(by) = by.filter(|by| *by != victim) {
            let pair = by_other.entry((victim.clone(), by.clone())).or_default();
            *pair = pair.plus(more);
        }
    }
    for ((victim, by), blame) in by_other {
        let Some(waits) = waits.get_mut(&victim) else { continue };
        if waits.top.as_ref().is_none_or(|(_, top)| blame.waited_ns > top.waited_ns) {
            waits.top = Some((by, blame));
        }
    }
}

/// Waits by `/proc/<pid>/task/*/schedstat`, where the eBPF programs do not run: their sum alone, and for what a task waited
/// after the last look before it ended not even that. Only Spark's processes are looked at: a JVM has some hundred tasks.
#[derive(Debug, Default)]
pub(crate) struct Schedstat {
    last: BTreeMap<u32, (u64, u64)>,
}

impl Schedstat {
    /// The waits since the last call.
    pub(crate) fn read(&mut self, table: &Table) -> Period {
        let mut waits: BTreeMap<Workload, Waits> = BTreeMap::new();
        let mut now = BTreeMap::new();
        for (pid, _, workload) in table.processes().filter(|(_, _, workload)| workload.is_spark()) {
            let Some(total) = table.proc_fs().schedstat(pid) else { continue };
            let (waited_before, count_before) = self.last.get(&pid).copied().unwrap_or(total);
            let own = waits.entry(workload.clone()).or_default();
            own.waited_ns += total.0.saturating_sub(waited_before);
            own.count += total.1.saturating_sub(count_before);
            now.insert(pid, total);
        }
        self.last = now;
        Period { waits, lost: Lost::default() }
    }
}
