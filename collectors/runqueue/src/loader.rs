//! Opens, sets, loads, attaches and reads the programs.

use std::{
    collections::BTreeMap,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use libbpf_rs::{
    MapCore, MapFlags, OpenObject,
    skel::{OpenSkel as _, Skel as _, SkelBuilder as _},
};

use crate::{
    CgroupSource, Charge, Event, Lost, Process, Reading, Slot,
    cells::Cells,
    cost::{ProgramCost, StatisticsOn},
    events,
    reading::ProcessWaits,
};

#[expect(
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::allow_attributes,
    unreachable_pub,
    reason = "generated from the object file"
)]
mod skeleton {
    include!(concat!(env!("OUT_DIR"), "/runqueue.skel.rs"));
}

pub(crate) use skeleton::types;
use skeleton::{OpenRunqueueSkel, RunqueueSkel, RunqueueSkelBuilder};

/// Elements that one system call reads from a table.
const BATCH: u32 = 1_024;
/// Fewest and most processes with counts of their own.
const SLOTS: std::ops::RangeInclusive<u32> = 64..=65_536;

/// Why the programs do not run here.
#[derive(Debug, thiserror::Error)]
pub enum RunQueueError {
    /// The kernel has no type information.
    #[error(
        "the kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF, as distributions from 2020 on have"
    )]
    NoBtf,
    /// The kernel does not measure waits.
    #[error(
        "the kernel does not count waits (/proc/self/schedstat): it needs CONFIG_SCHEDSTATS or CONFIG_TASK_DELAY_ACCT"
    )]
    NoSchedInfo,
    /// The kernel refused.
    #[error(
        "the kernel does not {step}: {source}; needed are Linux 5.8 or newer with BTF, and root or CAP_BPF and CAP_PERFMON"
    )]
    Refused {
        /// What was tried.
        step: &'static str,
        /// Its answer.
        source: libbpf_rs::Error,
    },
    /// The counts cannot be mapped.
    #[error("the counts cannot be mapped into memory: {0}")]
    Unmapped(#[from] rustix::io::Errno),
}

fn refused(step: &'static str) -> impl FnOnce(libbpf_rs::Error) -> RunQueueError {
    move |source| RunQueueError::Refused { step, source }
}

/// How the programs are loaded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which cgroup tells workloads apart.
    pub cgroups: CgroupSource,
    /// Most processes with counts of their own; those beyond it are counted together. 64 to 65,536.
    pub processes_max: u32,
    /// Most memory of the counts, in bytes: it lowers `processes_max` on hosts of many CPUs, for a process needs 512 bytes
    /// for each.
    pub counts_bytes_max: u64,
    /// Most places for what is known of tasks, 32 bytes each; a power of two. Where the kernel gives no greater task ids, as
    /// many as there are ids; else tasks whose ids differ by it share one.
    pub tasks_max: u32,
}

impl Default for Options {
    /// Version 2, 4,096 processes in 32 MiB, places for 131,072 tasks.
    fn default() -> Self {
        Self { cgroups: CgroupSource::V2, processes_max: 4_096, counts_bytes_max: 32 << 20, tasks_max: 1 << 17 }
    }
}

impl Options {
    fn slots(&self, cpus: u32) -> u32 {
        let affordable = self.counts_bytes_max / (size_of::<types::cell>() as u64 * u64::from(cpus));
        let wanted = self.processes_max.saturating_add(Slot::FIRST);
        wanted.min(affordable.try_into().unwrap_or(u32::MAX)).clamp(*SLOTS.start(), *SLOTS.end())
    }

    fn places(&self) -> u32 {
        let ids = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok().and_then(|text| text.trim().parse().ok());
        ids.unwrap_or(u32::MAX).min(self.tasks_max).clamp(1 << 10, 1 << 22).next_power_of_two()
    }
}

/// The programs, attached until this is dropped.
pub struct RunQueue {
    skeleton: RunqueueSkel<'static>,
    cells: Cells,
    slots: u32,
    known: BTreeMap<Slot, Process>,
}

impl std::fmt::Debug for RunQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunQueue").field("slots", &self.slots).field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl RunQueue {
    /// Loads and attaches the programs.
    pub fn load(options: &Options) -> Result<Self, RunQueueError> {
        if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
            return Err(RunQueueError::NoBtf);
        }
        if !std::path::Path::new("/proc/self/schedstat").exists() {
            return Err(RunQueueError::NoSchedInfo);
        }
        let cpus = cpus();
        let slots = options.slots(cpus);
        // The object's storage is never freed, so that what borrows it can be kept beside it: some bytes a load.
        let storage: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
        let mut open = RunqueueSkelBuilder::default().open(storage).map_err(refused("open the programs"))?;
        set(&mut open, options, cpus, slots).map_err(refused("take the settings"))?;
        let skeleton = open.load().map_err(refused("load the programs"))?;
        set_cpus(&skeleton, options, cpus, slots).map_err(refused("set what CPUs need"))?;
        let cells = Cells::map(skeleton.maps.cells.as_fd(), slots, cpus)?;
        let mut run_queue = Self { cells, slots, known: BTreeMap::new(), skeleton };
        run_queue.release_slots(Slot::FIRST..slots).map_err(refused("fill a queue"))?;
        run_queue.skeleton.attach().map_err(refused("attach the programs"))?;
        Ok(run_queue)
    }

    /// What was counted since the last reading.
    pub fn read(&mut self) -> Result<Reading, RunQueueError> {
        self.read_known().map_err(refused("let the processes be read"))?;
        let mut processes = Vec::new();
        let mut charges = self.charges().map_err(refused("let the charges be read"))?;
        let reserved = [Slot::UNATTRIBUTED, Slot::KERNEL].map(|slot| (slot, None));
        let known = self.known.iter().map(|(slot, process)| (*slot, Some(*process)));
        for (slot, process) in reserved.into_iter().chain(known) {
            let Some(counted) = self.cells.read(slot) else { continue };
            processes.push(ProcessWaits { slot, process, waits: counted.waits, switched_out: counted.switched_out });
            if counted.switched_to_own > 0 {
                charges.push(Charge { victim: slot, by: slot, switches: counted.switched_to_own, waited_ns: 0 });
            }
        }
        Ok(Reading {
            processes,
            known: self.known.iter().map(|(slot, process)| (*slot, *process)).collect(),
            charges,
            lost: self.lost(),
        })
    }

    /// Gives up the slots of processes that have ended, for others. Read before: their counts are gone.
    pub fn release(&mut self, slots: impl IntoIterator<Item = Slot>) -> Result<(), RunQueueError> {
        for slot in slots {
            let Some(process) = self.known.remove(&slot) else { continue };
            // Gone from the table first: nobody finds the slot any more, then it is emptied, then others may have it.
            let _ = self.skeleton.maps.workloads.delete(&key_bytes(process));
            self.cells.clear(slot);
            self.release_slots(slot.0..slot.0 + 1).map_err(refused("take a slot back"))?;
        }
        Ok(())
    }

    /// What has happened and was not asked for yet: kernel out-of-memory kills, and live waits.
    pub fn events(&self) -> Result<Vec<Event>, RunQueueError> {
        events::drain(&self.skeleton.maps.events).map_err(refused("let the events be read"))
    }

    /// A descriptor that becomes readable when the kernel kills a process for memory. Live waits alone do not wake it.
    pub fn kill_notice(&self) -> std::io::Result<OwnedFd> {
        self.skeleton.maps.events.as_fd().try_clone_to_owned()
    }

    /// Sends each wait as an event, up to `events_max` a second for each cgroup and CPU; 0 ends it.
    pub fn set_live(&mut self, events_max: u32) {
        if let Some(data) = self.skeleton.maps.bss_data.as_deref_mut() {
            data.live_events_max = events_max;
        }
    }

    /// What the programs have cost since they were loaded, counted while statistics are on.
    pub fn cost(&self) -> Vec<ProgramCost> {
        let programs = &self.skeleton.progs;
        [&programs.runq_switch, &programs.runq_oom_kill]
            .into_iter()
            .filter_map(|program| ProgramCost::of(&program.name().to_string_lossy(), program.as_fd()))
            .collect()
    }

    /// Lets the kernel count what programs cost, until the answer is dropped. It makes each run some 20 ns slower.
    pub fn statistics_on(&self) -> Result<StatisticsOn, RunQueueError> {
        StatisticsOn::new().map_err(refused("count what programs cost"))
    }

    /// Kernel memory of the tables, in bytes.
    pub fn tables_bytes(&self) -> u64 {
        let maps = &self.skeleton.maps;
        [maps.workloads.as_fd(), maps.free_slots.as_fd(), maps.cells.as_fd(), maps.pairs.as_fd(), maps.events.as_fd()]
            .into_iter()
            .chain([maps.cpu_states.as_fd(), maps.live_windows.as_fd(), maps.tasks.as_fd()])
            .filter_map(|fd| table_bytes(fd.as_raw_fd()))
            .sum()
    }

    /// How many processes can have counts of their own.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    fn read_known(&mut self) -> libbpf_rs::Result<()> {
        self.known.clear();
        for (key, slot) in self.skeleton.maps.workloads.lookup_batch(BATCH, MapFlags::ANY, MapFlags::ANY)? {
            let (Some(process), Some(slot)) = (process(&key), words(&slot).first().copied()) else { continue };
            self.known.insert(Slot(slot), process);
        }
        Ok(())
    }

    fn charges(&self) -> libbpf_rs::Result<Vec<Charge>> {
        let pairs = self.skeleton.maps.pairs.lookup_and_delete_batch(BATCH, MapFlags::ANY, MapFlags::ANY)?;
        let charge = |(key, value): (Vec<u8>, Vec<u8>)| {
            let (&[victim, by], &[switches, waited_ns]) = (words(&key).as_slice(), longs(&value).as_slice()) else {
                return None;
            };
            Some(Charge { victim: Slot(victim), by: Slot(by), switches, waited_ns })
        };
        Ok(pairs.filter_map(charge).collect())
    }

    /// What could not be counted since the programs were loaded.
    pub fn lost(&self) -> Lost {
        let skipped = self.cost().iter().map(|cost| cost.skipped).sum();
        let Some(data) = self.skeleton.maps.bss_data.as_deref() else { return Lost { skipped, ..Lost::default() } };
        let lost = data.lost;
        Lost {
            tasks: lost.tasks,
            slots: lost.slots,
            pairs: lost.pairs,
            events: lost.events,
            limited: lost.limited,
            victims: lost.victims,
            skipped,
        }
    }

    fn release_slots(&self, slots: std::ops::Range<u32>) -> libbpf_rs::Result<()> {
        slots
            .into_iter()
            .try_for_each(|slot| self.skeleton.maps.free_slots.update(&[], &slot.to_ne_bytes(), MapFlags::ANY))
    }
}

/// CPUs that the kernel may ever use: their numbers are below this.
fn cpus() -> u32 {
    libbpf_rs::num_possible_cpus().ok().and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1).max(1)
}

fn set(open: &mut OpenRunqueueSkel<'_>, options: &Options, cpus: u32, slots: u32) -> libbpf_rs::Result<()> {
    if let Some(data) = open.maps.rodata_data.as_deref_mut() {
        data.cgroup_source = match options.cgroups {
            CgroupSource::V2 => 0,
            CgroupSource::V1Cpu => 1,
            CgroupSource::V1Memory => 2,
        };
    }
    open.maps.workloads.set_max_entries(slots)?;
    open.maps.free_slots.set_max_entries(slots)?;
    open.maps.cells.set_max_entries(slots * cpus)?;
    open.maps.tasks.set_max_entries(options.places())
}

/// Where each CPU's counts begin.
fn set_cpus(skeleton: &RunqueueSkel<'_>, options: &Options, cpus: u32, slots: u32) -> libbpf_rs::Result<()> {
    let state = |cpu: u32| {
        let mut state = vec![0; size_of::<types::cpu_state>()];
        for (field, value) in state.chunks_mut(4).zip([cpu * slots, options.places() - 1]) {
            field.copy_from_slice(&value.to_ne_bytes());
        }
        state
    };
    let states: Vec<_> = (0..cpus).map(state).collect();
    skeleton.maps.cpu_states.update_percpu(&0_u32.to_ne_bytes(), &states, MapFlags::ANY)
}

fn table_bytes(fd: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok())
}

fn process(key: &[u8]) -> Option<Process> {
    let cgroup_id = longs(key.get(..8)?).first().copied()?;
    Some(Process { cgroup_id, pid: words(key.get(8..12)?).first().copied()? })
}

fn key_bytes(process: Process) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&process.cgroup_id.to_ne_bytes());
    key[8..12].copy_from_slice(&process.pid.to_ne_bytes());
    key
}

pub(crate) fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|word| u32::from_ne_bytes(*word)).collect()
}

pub(crate) fn longs(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|long| u64::from_ne_bytes(*long)).collect()
}
