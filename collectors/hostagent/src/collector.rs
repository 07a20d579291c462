//! One period after the other: look at the processes, read the counts, walk what the budget allows, and say what was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use paramedic_domain::Timestamp;

use crate::{
    config::MeasuringConfig,
    host::{
        self,
        cgroup::{Limits, Throttling, Trees},
        proc_fs::{ProcFs, Status},
    },
    memory::{Candidate, MemoryReader},
    report, run_queue,
    snapshot::{AgentReport, LiveWait, Snapshot, WorkloadReport},
    source::{self, Source},
    workload::{Table, Workload},
};

/// Files that the agent has open beside those of processes.
const OTHER_FILES: u64 = 256;
/// A cgroup's limits are read anew this often, in periods.
const LIMITS_EVERY: u64 = 6;

/// Measures this host.
#[derive(Debug)]
pub struct Collector {
    host: String,
    config: MeasuringConfig,
    trees: Trees,
    table: Table,
    source: Source,
    memory: MemoryReader,
    throttling: BTreeMap<Workload, Throttling>,
    oom_kills: BTreeMap<Workload, u64>,
    /// And until which period they hold: they seldom change.
    limits: BTreeMap<Workload, (u64, Limits)>,
    periods: u64,
    last: Instant,
    cpu_ns: u64,
    does_without: Vec<String>,
}

/// What a workload's cgroup told in a period.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CgroupSeen {
    /// Share of the quota's periods in which it was used up.
    pub(crate) throttled_share: Option<f64>,
    /// CPUs that it may use.
    pub(crate) cpus: Option<f64>,
    /// Memory that it may use, in bytes.
    pub(crate) memory_bytes: Option<u64>,
    /// Kernel out-of-memory kills.
    pub(crate) oom_kills: u32,
    /// Of these, of Python processes.
    pub(crate) python_oom_kills: u32,
}

impl Collector {
    /// Loads the eBPF programs, where this host can; says once what it does without.
    pub fn start(host: String, config: MeasuringConfig) -> Self {
        let trees = Trees::of_this_host();
        let mut does_without = Vec::new();
        let files = host::raise_open_files(config.processes_max as u64 + OTHER_FILES);
        let processes_max = config.processes_max.min(files.saturating_sub(OTHER_FILES) as usize);
        if processes_max < config.processes_max {
            does_without.push(format!(
                "processes beyond {processes_max}: this process may have {files} files open; raise LimitNOFILE"
            ));
        }
        let source = Source::open(&config, trees.source(), &mut does_without);
        for reason in &does_without {
            tracing::warn!(%reason, "doing without");
        }
        let mut collector = Self {
            table: Table::new(ProcFs::default(), processes_max),
            memory: MemoryReader::new(config.memory_share_max),
            throttling: BTreeMap::new(),
            oom_kills: BTreeMap::new(),
            limits: BTreeMap::new(),
            periods: 0,
            last: Instant::now(),
            cpu_ns: host::own_cpu_ns(),
            host,
            config,
            trees,
            source,
            does_without,
        };
        // What was before is nobody's: the first period begins here.
        collector.table.scan();
        collector.begin();
        collector
    }

    fn begin(&mut self) {
        let groups = self.groups();
        self.cgroups(&groups);
        let _ = self.source.read(&self.table);
        self.last = Instant::now();
    }

    /// What happened since the last call; `at` is the time now.
    pub fn collect(&mut self, at: Timestamp) -> Snapshot {
        let period = self.last.elapsed().max(Duration::from_millis(1));
        self.last = Instant::now();
        // Before the look at the processes: who was killed is known from the last one.
        let killed = self.source.oom_kills(&self.table);
        self.table.scan();
        let waits = self.source.read(&self.table);
        self.release();
        self.walk(period);
        let groups = self.groups();
        let mut cgroups = self.cgroups(&groups);
        for (workload, kills) in source::by_workload(killed, &self.table) {
            let seen = cgroups.entry(workload).or_default();
            seen.oom_kills = seen.oom_kills.max(kills.all);
            seen.python_oom_kills = kills.python;
        }
        let mut workloads = self.reports(&groups, &waits, &cgroups, period);
        report::sort(&mut workloads);
        Snapshot {
            host: self.host.clone(),
            at,
            period_s: period.as_secs_f64(),
            workloads,
            bpf_programs: self.source.programs(),
            agent: self.agent(period, &waits),
        }
    }

    /// Lets the kernel count what the programs cost, or ends it. False where it may not.
    pub fn count_cost(&mut self, on: bool) -> bool {
        self.source.count_cost(on)
    }

    /// Lets each wait be told as it ends, at most so many a second for each cgroup and CPU. False where eBPF does not run.
    pub fn set_live(&mut self, events_max: u32) -> bool {
        self.source.set_live(events_max)
    }

    /// The waits that have ended since the last call, and how many could not be told since the start. Processes are those of the
    /// last [`Collector::look`].
    pub fn live(&mut self) -> (Vec<LiveWait>, u64) {
        self.source.live(&self.table)
    }

    /// Looks at the processes alone.
    pub fn look(&mut self) {
        self.table.scan();
        let _ = self.source.read(&self.table);
        self.release();
    }

    /// A descriptor that becomes readable when the kernel kills a process for memory; `None` where only a period's end tells.
    pub fn kill_notice(&self) -> Option<OwnedFd> {
        self.source.kill_notice()
    }

    /// What this host has not, and why.
    pub fn does_without(&self) -> &[String] {
        &self.does_without
    }

    /// The setting that it runs with.
    pub fn config(&self) -> &MeasuringConfig {
        &self.config
    }

    /// Processes by workload.
    fn groups(&self) -> BTreeMap<Workload, Vec<u32>> {
        let mut groups: BTreeMap<Workload, Vec<u32>> = BTreeMap::new();
        for (pid, _, workload) in self.table.processes() {
            groups.entry(workload.clone()).or_default().push(pid);
        }
        groups
    }

    /// Walks processes of jobs and containers; a service of the host is nobody's job.
    fn walk(&mut self, period: Duration) {
        let is_wanted = |workload: &Workload| !workload.is_system();
        let candidates: Vec<_> = self
            .table
            .processes()
            .filter(|(_, process, workload)| is_wanted(workload) && !process.status.has_no_memory)
            .map(|(pid, process, _)| Candidate { pid, rss_bytes: process.status.rss_bytes })
            .collect();
        self.memory.read(self.table.proc_fs(), &candidates, period);
    }

    /// What each workload's cgroup says: of a Spark process or container that of its first process.
    fn cgroups(&mut self, groups: &BTreeMap<Workload, Vec<u32>>) -> BTreeMap<Workload, CgroupSeen> {
        let mut seen = BTreeMap::new();
        for (workload, pids) in groups.iter().filter(|(workload, _)| !workload.is_system()) {
            let Some(process) = pids.first().and_then(|pid| self.table.get(*pid)) else { continue };
            let limits = match self.limits.get(workload) {
                Some((until, limits)) if *until > self.periods => *limits,
                _ => self.trees.limits(&process.cgroups),
            };
            let until = self.limits.get(workload).map(|(until, _)| *until).filter(|until| *until > self.periods);
            self.limits.insert(workload.clone(), (until.unwrap_or(self.periods + LIMITS_EVERY), limits));
            let throttling = self.trees.throttling(&process.cgroups);
            let oom_kills = self.trees.oom_kills(&process.cgroups).unwrap_or(0);
            let kills_before = self.oom_kills.insert(workload.clone(), oom_kills).unwrap_or(oom_kills);
            let affinity = pids.first().and_then(|pid| host::affinity_cpus(*pid)).map(f64::from);
            // Whoever shares the root of the tree shares its count: it says nothing of one of them.
            let is_own = matches!(&process.container, Some(container) if container.is_container());
            let now = CgroupSeen {
                throttled_share: throttling.and_then(|now| self.throttled_share(workload, now)),
                cpus: limits.cpus.into_iter().chain(affinity).reduce(f64::min),
                memory_bytes: limits.memory_bytes,
                oom_kills: if is_own { oom_kills.saturating_sub(kills_before) as u32 } else { 0 },
                python_oom_kills: 0,
            };
            seen.insert(workload.clone(), now);
        }
        let alive: BTreeSet<_> = groups.keys().collect();
        self.throttling.retain(|workload, _| alive.contains(workload));
        self.oom_kills.retain(|workload, _| alive.contains(workload));
        self.limits.retain(|workload, _| alive.contains(workload));
        self.periods += 1;
        seen
    }

    fn throttled_share(&mut self, workload: &Workload, now: Throttling) -> Option<f64> {
        let before = self.throttling.insert(workload.clone(), now).unwrap_or(now);
        let periods = now.periods.saturating_sub(before.periods);
        let throttled = now.throttled.saturating_sub(before.throttled);
        (periods > 0).then(|| (throttled as f64 / periods as f64).min(1.0))
    }

    fn reports(
        &self,
        groups: &BTreeMap<Workload, Vec<u32>>,
        waits: &run_queue::Period,
        cgroups: &BTreeMap<Workload, CgroupSeen>,
        period: Duration,
    ) -> Vec<WorkloadReport> {
        // One that ended within the period has no processes any more, but its waits count.
        let workloads: BTreeSet<&Workload> = groups.keys().chain(waits.waits.keys()).collect();
        let one = |workload: &Workload| {
            let pids = groups.get(workload).map_or(&[][..], Vec::as_slice);
            let cgroup = cgroups.get(workload).copied().unwrap_or_default();
            let waits = waits.waits.get(workload).cloned().unwrap_or_default();
            let seen = report::Seen { workload, pids, waits, cgroup, period_s: period.as_secs_f64() };
            report::workload(&seen, &self.table, &self.memory, &self.config.verdict)
        };
        workloads.into_iter().map(one).collect()
    }

    /// Gives up the counts of processes that have ended. One that was not looked at is asked for: it may be alive.
    fn release(&mut self) {
        let table = &self.table;
        self.source.release(|pid| table.get(pid).is_some() || table.proc_fs().exists(pid));
    }

    fn agent(&mut self, period: Duration, waits: &run_queue::Period) -> AgentReport {
        let cpu_ns = host::own_cpu_ns();
        let used_ns = cpu_ns.saturating_sub(self.cpu_ns);
        self.cpu_ns = cpu_ns;
        let own = std::fs::read_to_string("/proc/self/status").ok().and_then(|text| Status::parse(&text));
        let memory = self.memory.counts();
        let lost = waits.lost;
        AgentReport {
            run_queue_source: self.source.name().to_owned(),
            cpus: host::allowed_cpus(),
            cpu_share: used_ns as f64 / period.as_nanos().max(1) as f64,
            rss_bytes: own.map_or(0, |own| own.rss_bytes),
            tables_bytes: self.source.tables_bytes(),
            processes: self.table.len() as u64,
            processes_left_out: self.table.left_out(),
            memory_walks: memory.walks,
            memory_skipped_unmoved: memory.skipped_unmoved,
            memory_skipped_budget: memory.skipped_budget,
            memory_denied: memory.denied,
            memory_walk_cpu_s: memory.walk_cpu_ns as f64 / 1e9,
            memory_longest_walk_s: memory.longest_walk_ns as f64 / 1e9,
            lost: lost.tasks + lost.slots + lost.pairs + lost.events + lost.victims + lost.skipped,
            does_without: self.does_without.clone(),
            ..AgentReport::default()
        }
    }
}
