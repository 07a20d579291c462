//! Where waits come from on this host.

use std::{collections::BTreeMap, os::fd::OwnedFd};

use paramedic_runqueue::CgroupSource;

use crate::{
    config::MeasuringConfig,
    run_queue::{Period, Schedstat},
    snapshot::{LiveWait, ProgramReport},
    workload::{Table, Workload},
};

/// Kernel out-of-memory kills of a workload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OomKills {
    pub(crate) all: u32,
    /// Of these, of Python processes.
    pub(crate) python: u32,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct OomKill {
    pid: u32,
    /// 0: not known.
    parent: u32,
    is_python: bool,
    /// Whose the process was, where it had been looked at.
    workload: Option<Workload>,
}

#[cfg(all(feature = "bpf", target_os = "linux"))]
impl OomKill {
    fn of(pid: u32, parent: u32, name: &str, table: &Table) -> Self {
        let is_python = name.starts_with("python") || name.starts_with("pypy");
        Self { pid, parent, is_python, workload: table.workload_of(pid).cloned() }
    }
}

/// Kills by workload, after the look at the processes: one that was never looked at itself is its parent's.
pub(crate) fn by_workload(kills: Vec<OomKill>, table: &Table) -> BTreeMap<Workload, OomKills> {
    let mut by_workload: BTreeMap<Workload, OomKills> = BTreeMap::new();
    for kill in kills {
        let seen = || table.workload_of(kill.pid).or_else(|| table.workload_of(kill.parent)).cloned();
        let workload = kill.workload.or_else(seen);
        tracing::warn!(pid = kill.pid, ?workload, python = kill.is_python, "the kernel killed a process for memory");
        let Some(workload) = workload else { continue };
        let kills = by_workload.entry(workload).or_default();
        kills.all += 1;
        kills.python += u32::from(kill.is_python);
    }
    by_workload
}

/// Where waits come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The eBPF programs.
    #[cfg(all(feature = "bpf", target_os = "linux"))]
    Bpf(Box<bpf::Programs>),
    /// `/proc/<pid>/task/*/schedstat`.
    Schedstat(Schedstat),
    /// The kernel counts no waits.
    Nothing,
}

impl Source {
    /// The best that this host has; what it has not is added to `does_without`.
    pub(crate) fn open(config: &MeasuringConfig, cgroups: CgroupSource, does_without: &mut Vec<String>) -> Self {
        let reason = match Self::programs_for(config, cgroups, does_without) {
            Ok(source) => return source,
            Err(reason) => reason,
        };
        if std::path::Path::new("/proc/self/schedstat").exists() {
            does_without.push(format!("eBPF, so waits are sums from schedstat: {reason}"));
            return Self::Schedstat(Schedstat::default());
        }
        does_without.push(format!("eBPF and schedstat, so waits are not known: {reason}"));
        Self::Nothing
    }

    #[cfg(all(feature = "bpf", target_os = "linux"))]
    fn programs_for(
        config: &MeasuringConfig,
        cgroups: CgroupSource,
        does_without: &mut Vec<String>,
    ) -> Result<Self, String> {
        if !config.bpf {
            return Err("it was switched off".to_owned());
        }
        let programs = bpf::Programs::load(config, cgroups, does_without).map_err(|error| error.to_string())?;
        Ok(Self::Bpf(Box::new(programs)))
    }

    #[cfg(not(all(feature = "bpf", target_os = "linux")))]
    fn programs_for(_: &MeasuringConfig, _: CgroupSource, _: &mut Vec<String>) -> Result<Self, String> {
        Err("this program was built without it".to_owned())
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(_) => "ebpf",
            Self::Schedstat(_) => "schedstat",
            Self::Nothing => "none",
        }
    }

    /// The waits since the last call.
    pub(crate) fn read(&mut self, table: &Table) -> Period {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.read(table),
            Self::Schedstat(schedstat) => schedstat.read(table),
            Self::Nothing => Period::default(),
        }
    }

    /// Kernel out-of-memory kills since the last call. Ask before the look at the processes: `table` still knows who was killed.
    pub(crate) fn oom_kills(&mut self, table: &Table) -> Vec<OomKill> {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.oom_kills(table),
            _ => {
                let _ = table;
                Vec::new()
            }
        }
    }

    /// A descriptor that becomes readable when the kernel kills a process for memory; `None` without eBPF.
    pub(crate) fn kill_notice(&self) -> Option<OwnedFd> {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.kill_notice(),
            _ => None,
        }
    }

    /// Lets each wait be told as it ends, at most so many a second for each cgroup and CPU; 0 ends it. False without eBPF.
    pub(crate) fn set_live(&mut self, events_max: u32) -> bool {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => {
                programs.set_live(events_max);
                true
            }
            _ => events_max == 0,
        }
    }

    /// The waits that have ended since the last call, and how many more there were since the start.
    pub(crate) fn live(&mut self, table: &Table) -> (Vec<LiveWait>, u64) {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.live(table),
            _ => {
                let _ = table;
                (Vec::new(), 0)
            }
        }
    }

    /// Gives up the counts of processes that have ended.
    pub(crate) fn release(&mut self, is_alive: impl Fn(u32) -> bool) {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.release(is_alive),
            _ => drop(is_alive),
        }
    }

    pub(crate) fn count_cost(&mut self, on: bool) -> bool {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.count_cost(on),
            _ => !on,
        }
    }

    pub(crate) fn programs(&mut self) -> Vec<ProgramReport> {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.reports(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn tables_bytes(&self) -> u64 {
        match self {
            #[cfg(all(feature = "bpf", target_os = "linux"))]
            Self::Bpf(programs) => programs.tables_bytes(),
            _ => 0,
        }
    }
}

#[cfg(all(feature = "bpf", target_os = "linux"))]
mod bpf {
    use std::{os::fd::OwnedFd, time::Instant};

    use paramedic_runqueue::{
        CgroupSource, Event, EventKind, Options, Process, ProgramCost, RunQueue, RunQueueError, Slot, StatisticsOn,
    };

    use crate::{
        config::MeasuringConfig,
        run_queue::{Period, by_workload},
        snapshot::{LiveWait, ProgramReport},
        source::OomKill,
        workload::{Table, Workload},
    };

    /// The programs, and what was last read of them.
    #[derive(Debug)]
    pub(crate) struct Programs {
        run_queue: RunQueue,
        known: Vec<(Slot, Process)>,
        /// While the kernel counts what they cost.
        counting: Option<(StatisticsOn, Instant, Vec<ProgramCost>)>,
        costs: Vec<ProgramReport>,
    }

    impl Programs {
        pub(crate) fn load(
            config: &MeasuringConfig,
            cgroups: CgroupSource,
            does_without: &mut Vec<String>,
        ) -> Result<Self, RunQueueError> {
            let processes_max = u32::try_from(config.processes_max).unwrap_or(u32::MAX);
            let run_queue = RunQueue::load(&Options { cgroups, processes_max, ..Options::default() })?;
            let mut programs = Self { run_queue, known: Vec::new(), counting: None, costs: Vec::new() };
            if config.cost && !programs.count_cost(true) {
                does_without.push("what the eBPF programs cost: counting it needs CAP_SYS_ADMIN".to_owned());
            }
            programs.count_cost(false);
            Ok(programs)
        }

        pub(crate) fn read(&mut self, table: &Table) -> Period {
            match self.run_queue.read() {
                Ok(reading) => {
                    let period = by_workload(&reading, table);
                    self.known = reading.known;
                    period
                }
                Err(error) => {
                    tracing::error!(%error, "no waits in this period");
                    Period::default()
                }
            }
        }

        pub(crate) fn oom_kills(&mut self, table: &Table) -> Vec<OomKill> {
            let events = self.run_queue.events().inspect_err(|error| tracing::error!(%error, "no events"));
            let kill = |event: Event| match event.kind {
                EventKind::OomKill { parent } => Some(OomKill::of(event.pid, parent, &event.name, table)),
                EventKind::Wait { .. } => None,
            };
            events.unwrap_or_default().into_iter().filter_map(kill).collect()
        }

        pub(crate) fn set_live(&mut self, events_max: u32) {
            self.run_queue.set_live(events_max);
        }

        pub(crate) fn live(&mut self, table: &Table) -> (Vec<LiveWait>, u64) {
            let events = self.run_queue.events().inspect_err(|error| tracing::error!(%error, "no events"));
            let waits =
                events.unwrap_or_default().into_iter().filter_map(|event| self.live_wait(event, table)).collect();
            let lost = self.run_queue.lost();
            (waits, lost.limited + lost.events)
        }

        fn live_wait(&self, event: Event, table: &Table) -> Option<LiveWait> {
            let EventKind::Wait { wait_ns, by, cpu, .. } = event.kind else { return None };
            let name = |pid: u32| table.workload_of(pid).map(Workload::name);
            let ran = self.known.iter().find(|(slot, _)| *slot == by);
            let behind = match by {
                Slot::IDLE => Some("idle".to_owned()),
                Slot::KERNEL => Some(Workload::Kernel.name()),
                _ => ran.and_then(|(_, process)| name(process.pid)),
            };
            Some(LiveWait {
                at_s: event.at_ns as f64 / 1e9,
                wait_s: wait_ns as f64 / 1e9,
                task: event.task,
                workload: name(event.pid),
                pid: event.pid,
                name: event.name,
                cpu,
                behind,
            })
        }

        pub(crate) fn kill_notice(&self) -> Option<OwnedFd> {
            let notice = self.run_queue.kill_notice();
            notice.inspect_err(|error| tracing::warn!(%error, "kills are told at the end of a period")).ok()
        }

        pub(crate) fn release(&mut self, is_alive: impl Fn(u32) -> bool) {
            let dead = self.known.iter().filter(|(_, process)| !is_alive(process.pid)).map(|(slot, _)| *slot);
            let dead: Vec<_> = dead.collect();
            if let Err(error) = self.run_queue.release(dead) {
                tracing::error!(%error, "counts of ended processes are kept");
            }
        }

        pub(crate) fn count_cost(&mut self, on: bool) -> bool {
            if on {
                if self.counting.is_none() {
                    let Ok(statistics) = self.run_queue.statistics_on() else { return false };
                    self.counting = Some((statistics, Instant::now(), self.run_queue.cost()));
                }
            } else {
                self.conclude();
                self.counting = None;
            }
            true
        }

        pub(crate) fn reports(&mut self) -> Vec<ProgramReport> {
            self.conclude();
            self.costs.clone()
        }

        fn conclude(&mut self) {
            let Some((_, since, before)) = &mut self.counting else { return };
            let seconds = since.elapsed().as_secs_f64();
            if seconds < 0.1 {
                return;
            }
            let now = self.run_queue.cost();
            let report = |(now, before): (&ProgramCost, &ProgramCost)| {
                let (runs, ns) = ((now.runs - before.runs) as f64, (now.run_ns - before.run_ns) as f64);
                ProgramReport {
                    name: now.name.clone(),
                    runs_per_s: runs / seconds,
                    ns_per_run: if runs > 0.0 { ns / runs } else { 0.0 },
                    cpu_share: ns / 1e9 / seconds,
                }
            };
            self.costs = now.iter().zip(before.iter()).map(report).collect();
            (*since, *before) = (Instant::now(), now);
        }

        pub(crate) fn tables_bytes(&self) -> u64 {
            self.run_queue.tables_bytes()
        }
    }
}
