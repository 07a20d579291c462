//! Programs with a known scheduling pattern, and cgroups that are gone with the test.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// Far more than any of the conditions takes, also beside a build.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// Polls until the condition holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that is killed with the test.
pub(crate) struct Process {
    child: Child,
    leads_group: bool,
}

impl Process {
    /// Runs a shell script.
    pub(crate) fn shell(script: &str) -> Self {
        Self::spawn(Command::new("sh").args(["-c", script]))
    }

    /// Runs a command, unheard.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: quiet.spawn().unwrap(), leads_group: false }
    }

    /// Runs a command in a process group of its own: what it starts ends with it.
    pub(crate) fn spawn_group(command: &mut Command) -> Self {
        Self { child: command.stdin(Stdio::null()).process_group(0).spawn().unwrap(), leads_group: true }
    }

    /// Uses a CPU without end, this one alone.
    pub(crate) fn spin_on(cpu: usize) -> Self {
        let process = Self::shell("while :; do :; done");
        pin(Some(process.pid()), cpu);
        process
    }

    /// Far more of the CPU than others: what else runs on the machine matters little then.
    pub(crate) fn prefer(&self) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::setpriority_process(Some(pid), -20).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait(&mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.leads_group {
            let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last CPU that this process may use.
pub(crate) fn last_cpu() -> usize {
    let allowed = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).unwrap()
}

/// Keeps a process, or this thread, on one CPU.
pub(crate) fn pin(pid: Option<u32>, cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(pid.map(|pid| Pid::from_raw(pid.cast_signed()).unwrap()), &set).unwrap();
}

/// How long the process's tasks have waited for a CPU, by the kernel.
pub(crate) fn run_delay_ns(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .map(|text| second(&text))
        .sum()
}

fn second(schedstat: &str) -> u64 {
    schedstat.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub(crate) fn has_cpu_v1() -> bool {
    Path::new("/sys/fs/cgroup/cpu/cpu.shares").is_file()
}

/// A cgroup of the test's own.
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// In the tree of a version 1 controller, or of version 2; `None` where the controller is in neither.
    pub(crate) fn new(controller: &str, name: &str) -> Option<Self> {
        let v1 = Path::new("/sys/fs/cgroup").join(controller);
        let v2 = Path::new("/sys/fs/cgroup");
        let given = fs::read_to_string(v2.join("cgroup.subtree_control")).unwrap_or_default();
        let tree = if v1.join("cgroup.procs").is_file() {
            v1
        } else if given.split_whitespace().any(|given| given == controller) {
            v2.to_path_buf()
        } else {
            eprintln!("\n*** NOT TESTED: no cgroup controller `{controller}` here\n");
            return None;
        };
        let path = tree.join(format!("paramedic-test-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Some(Self(path))
    }

    /// A cgroup within this one, which must outlive it.
    pub(crate) fn inside(&self, name: &str) -> Self {
        let path = self.0.join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the first of the files that exists: versions 1 and 2 name them differently.
    pub(crate) fn set(&self, settings: &[(&str, &str)]) {
        let (file, value) = settings.iter().find(|(file, _)| self.0.join(file).exists()).unwrap();
        fs::write(self.0.join(file), value).unwrap();
    }

    pub(crate) fn take(&self, process: &Process) {
        fs::write(self.0.join("cgroup.procs"), process.pid().to_string()).unwrap();
    }

    pub(crate) fn throttled(&self) -> u64 {
        let text = fs::read_to_string(self.0.join("cpu.stat")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("nr_throttled ")).unwrap().parse().unwrap()
    }

    pub(crate) fn id(&self) -> u64 {
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(&self.0).unwrap())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The processes were killed before; the kernel may take a moment to let go of them.
        let start = Instant::now();
        while fs::remove_dir(&self.0).is_err() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
