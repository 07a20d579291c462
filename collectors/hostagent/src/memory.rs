//! Proportional and unique memory, on a budget.
//!
//! `smaps_rollup` costs the kernel a walk over all of a process's mappings, under the lock that its own page faults need. So
//! the reader may spend a share of one core on it and no more, by what each process's last walk has cost; what has not moved
//! is not read again, and of the rest the cheapest knowledge goes first.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::host::{
    self,
    proc_fs::{ProcFs, Rollup},
};

/// What a walk costs where none was measured yet: nanoseconds for each MiB that is resident.
const NS_PER_MIB: u64 = 8_000;
/// Least that a walk is expected to cost, in nanoseconds.
const WALK_NS_MIN: u64 = 20_000;
/// Unspent budget is kept for so many periods: a walk that costs more than that is never afforded.
const PERIODS_SAVED: u32 = 30;
/// RSS has moved when it differs by this share of what it was, or more.
const MOVED_SHARE: f64 = 0.01;
/// And by this many bytes.
const MOVED_BYTES: u64 = 1 << 20;

/// A process that might be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The process.
    pub pid: u32,
    /// Its resident bytes now.
    pub rss_bytes: u64,
}

/// What was done, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MemoryCounts {
    /// Walks.
    pub walks: u64,
    /// Processes left out because their RSS had not moved.
    pub skipped_unmoved: u64,
    /// Processes left out because the budget was spent.
    pub skipped_budget: u64,
    /// Processes whose mappings this process may not read.
    pub denied: u64,
    /// CPU time of the walks, in nanoseconds.
    pub walk_cpu_ns: u64,
    /// The longest walk, in nanoseconds: for so long, at most, a process's page faults had to wait.
    pub longest_walk_ns: u64,
}

/// Reads memory, within its budget.
#[derive(Debug)]
pub struct MemoryReader {
    share_max: f64,
    /// What may be spent, in nanoseconds of CPU time; below zero after a walk that cost more than was expected.
    allowance_ns: i64,
    ns_per_mib: u64,
    known: BTreeMap<u32, Known>,
    counts: MemoryCounts,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    rollup: Option<Rollup>,
    rss_bytes: u64,
    cost_ns: u64,
}

impl MemoryReader {
    /// A reader that spends at most `share_max` (0 to 1) of one core.
    pub fn new(share_max: f64) -> Self {
        Self {
            share_max,
            allowance_ns: 0,
            ns_per_mib: NS_PER_MIB,
            known: BTreeMap::new(),
            counts: MemoryCounts::default(),
        }
    }

    /// What was done, since the start.
    pub fn counts(&self) -> MemoryCounts {
        self.counts
    }

    /// What is known of a process; older than this period where it was left out.
    pub fn rollup(&self, pid: u32) -> Option<Rollup> {
        self.known.get(&pid)?.rollup
    }

    /// One period: walks what can be afforded. Processes that are no candidates any more are forgotten.
    pub fn read(&mut self, proc_fs: &ProcFs, candidates: &[Candidate], period: Duration) {
        self.forget(candidates);
        self.earn(period);
        let (moved, unmoved): (Vec<_>, Vec<_>) = candidates.iter().partition(|candidate| self.has_moved(candidate));
        self.counts.skipped_unmoved += unmoved.len() as u64;
        for candidate in self.cheapest_knowledge_first(moved) {
            if self.expected_ns(candidate) > self.allowance_ns.max(0).unsigned_abs() {
                self.counts.skipped_budget += 1;
            } else {
                self.walk(proc_fs, candidate);
            }
        }
    }

    fn forget(&mut self, candidates: &[Candidate]) {
        let alive: std::collections::BTreeSet<u32> = candidates.iter().map(|candidate| candidate.pid).collect();
        self.known.retain(|pid, _| alive.contains(pid));
    }

    fn earn(&mut self, period: Duration) {
        let earned = (period.as_nanos() as f64 * self.share_max) as i64;
        self.allowance_ns = (self.allowance_ns + earned).min(earned * i64::from(PERIODS_SAVED));
    }

    fn has_moved(&self, candidate: &Candidate) -> bool {
        self.known.get(&candidate.pid).is_none_or(|known| {
            let moved = known.rss_bytes.abs_diff(candidate.rss_bytes);
            moved >= MOVED_BYTES && moved as f64 >= known.rss_bytes as f64 * MOVED_SHARE
        })
    }

    /// By expected cost over how many bytes have moved since the last walk.
    fn cheapest_knowledge_first(&self, mut moved: Vec<&Candidate>) -> Vec<Candidate> {
        let price = |candidate: &Candidate| {
            let known = self.known.get(&candidate.pid).map_or(0, |known| known.rss_bytes);
            self.expected_ns(*candidate) as f64 / known.abs_diff(candidate.rss_bytes).max(1) as f64
        };
        moved.sort_by(|a, b| price(a).total_cmp(&price(b)));
        moved.into_iter().copied().collect()
    }

    /// What the last walk cost, scaled by how much there is to walk now.
    fn expected_ns(&self, candidate: Candidate) -> u64 {
        let by_size = (candidate.rss_bytes >> 20).saturating_mul(self.ns_per_mib);
        let measured = self.known.get(&candidate.pid).filter(|known| known.cost_ns > 0).map(|known| {
            let growth = candidate.rss_bytes as f64 / known.rss_bytes.max(1) as f64;
            (known.cost_ns as f64 * growth.max(1.0)) as u64
        });
        measured.unwrap_or(by_size).max(WALK_NS_MIN)
    }

    fn walk(&mut self, proc_fs: &ProcFs, candidate: Candidate) {
        let (started, cpu_before) = (Instant::now(), host::thread_cpu_ns());
        let rollup = proc_fs.rollup(candidate.pid);
        let cost_ns = host::thread_cpu_ns().saturating_sub(cpu_before);
        let lasted_ns = started.elapsed().as_nanos() as u64;
        self.allowance_ns -= cost_ns as i64;
        self.counts.walk_cpu_ns += cost_ns;
        self.known.insert(candidate.pid, Known { rollup, rss_bytes: candidate.rss_bytes, cost_ns });
        if rollup.is_none() {
            // It has ended, or is another user's: asked again when its RSS moves.
            self.counts.denied += 1;
            return;
        }
        self.counts.walks += 1;
        self.counts.longest_walk_ns = self.counts.longest_walk_ns.max(lasted_ns);
        self.learn(candidate.rss_bytes, cost_ns);
    }

    /// An average that follows: the next process of this host costs about what the last ones did.
    fn learn(&mut self, rss_bytes: u64, cost_ns: u64) {
        let mebibytes = rss_bytes >> 20;
        if mebibytes >= 16 {
            self.ns_per_mib = (self.ns_per_mib * 7 + cost_ns / mebibytes) / 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        io::{Read as _, Write as _},
        process::{Command, Stdio},
    };

    /// A `/proc` with processes whose roll-ups all say the same.
    fn proc_with(pids: &[u32]) -> (tempfile::TempDir, ProcFs) {
        let root = tempfile::tempdir().unwrap();
        for pid in pids {
            let folder = root.path().join(pid.to_string());
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("smaps_rollup"), "Rss: 2048 kB\nPss: 1024 kB\nPrivate_Dirty: 512 kB\n").unwrap();
        }
        let proc_fs = ProcFs::at(root.path());
        (root, proc_fs)
    }

    fn candidates(pids: &[u32], rss_bytes: u64) -> Vec<Candidate> {
        pids.iter().map(|pid| Candidate { pid: *pid, rss_bytes }).collect()
    }

    #[test]
    fn what_has_not_moved_is_not_walked_again() {
        let (_root, proc_fs) = proc_with(&[1, 2]);
        let mut reader = MemoryReader::new(1.0);
        reader.read(&proc_fs, &candidates(&[1, 2], 100 << 20), Duration::from_secs(1));
        reader.read(&proc_fs, &candidates(&[1, 2], (100 << 20) + 1), Duration::from_secs(1));
        assert_eq!((reader.counts().walks, reader.counts().skipped_unmoved), (2, 2));
        reader.read(&proc_fs, &candidates(&[1, 2], 150 << 20), Duration::from_secs(1));
        assert_eq!(reader.counts().walks, 4);
        assert_eq!(reader.rollup(1).unwrap().uss_bytes, 512 << 10);
    }

    #[test]
    fn what_the_budget_does_not_allow_is_left_out_and_counted() {
        let pids: Vec<u32> = (1..=50).collect();
        let (_root, proc_fs) = proc_with(&pids);
        // 4 GiB are expected to take 33 ms; a period earns 10.
        let mut reader = MemoryReader::new(0.01);
        reader.read(&proc_fs, &candidates(&pids, 4 << 30), Duration::from_secs(1));
        assert_eq!((reader.counts().walks, reader.counts().skipped_budget), (0, 50));
        (0..3).for_each(|_| reader.read(&proc_fs, &candidates(&pids, 4 << 30), Duration::from_secs(1)));
        assert!((1..=50).contains(&reader.counts().walks), "{:?}", reader.counts());
    }

    #[test]
    fn a_process_that_has_ended_is_forgotten() {
        let (_root, proc_fs) = proc_with(&[1]);
        let mut reader = MemoryReader::new(1.0);
        reader.read(&proc_fs, &candidates(&[1], 2 << 20), Duration::from_secs(1));
        assert!(reader.rollup(1).is_some());
        reader.read(&proc_fs, &[], Duration::from_secs(1));
        assert!(reader.rollup(1).is_none());
    }

    /// A real process with known memory: 64 MiB of its own, touched.
    #[test]
    fn memory_agrees_with_a_direct_read() {
        let script = "import sys; b = bytearray(64 << 20); b[::4096] = b'x' * len(b[::4096]); print(1, flush=True); sys.stdin.read()";
        let mut child =
            Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let proc_fs = ProcFs::default();
        let mut reader = MemoryReader::new(1.0);
        reader.read(&proc_fs, &candidates(&[child.id()], 64 << 20), Duration::from_secs(10));
        let found = reader.rollup(child.id()).unwrap();
        let direct = fs::read_to_string(format!("/proc/{}/smaps", child.id())).unwrap();
        let sum = |name: &str| -> u64 {
            let lines = direct
                .lines()
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
            lines.map(|value| value.trim().parse::<u64>().unwrap() << 10).sum()
        };
        let within = |found: u64, truth: u64| found.abs_diff(truth) <= truth / 100 + (1 << 20);
        assert!(within(found.rss_bytes, sum("Rss")), "{found:?}");
        assert!(within(found.pss_bytes, sum("Pss")), "{found:?}");
        assert!(within(found.uss_bytes, sum("Private_Clean") + sum("Private_Dirty")), "{found:?}");
        assert!(
            found.uss_bytes >= 64 << 20 && found.uss_bytes <= found.pss_bytes && found.pss_bytes <= found.rss_bytes
        );
        child.stdin.take().unwrap().flush().unwrap();
        child.wait().unwrap();
    }
}
