//! The host's processes, looked at once a period.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    os::unix::fs::FileExt as _,
};

use crate::{
    host::{
        cgroup::Cgroups,
        proc_fs::{ProcFs, Status},
    },
    workload::{Container, SparkProcess, Workload, application},
};

/// Longest status that is read, in bytes.
const STATUS_BYTES_MAX: usize = 4_096;
/// Most steps from a process up to its Spark JVM.
const ANCESTORS_MAX: usize = 64;
/// A process is looked at anew this often, in periods: it may have been moved to another cgroup.
const IDENTIFY_EVERY: u64 = 30;
/// A young process is looked at anew in each period up to this age: a launcher becomes what it launches.
const YOUNG_PERIODS: u64 = 3;

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Kept open: reading it costs less so, and it never becomes another process's. `None` for kernel threads.
    file: Option<File>,
    /// Its status in this period.
    pub status: Status,
    /// The most memory that was resident in this period, in bytes, as far as the kernel tells.
    pub rss_peak_bytes: u64,
    /// Its cgroups.
    pub cgroups: Cgroups,
    /// Its container or service.
    pub container: Option<Container>,
    /// Its part in a Spark application.
    pub spark: Option<SparkProcess>,
    /// Of a driver: its application, where it could be found out.
    pub application_id: Option<String>,
    pub(super) first_seen: u64,
    /// Another program runs in it since the last period.
    became_another: bool,
}

impl Process {
    /// A kernel thread?
    pub fn is_kernel(&self) -> bool {
        self.file.is_none()
    }

    /// Does Python run in it?
    pub fn is_python(&self) -> bool {
        self.status.name.starts_with("python") || self.status.name.starts_with("pypy")
    }
}

/// The host's processes.
#[derive(Debug)]
pub struct Table {
    proc_fs: ProcFs,
    processes_max: usize,
    processes: BTreeMap<u32, Process>,
    workloads: BTreeMap<u32, Workload>,
    period: u64,
    left_out: u64,
}

impl Table {
    /// At most `processes_max` processes are known, with a file open for each.
    pub fn new(proc_fs: ProcFs, processes_max: usize) -> Self {
        Self { proc_fs, processes_max, processes: BTreeMap::new(), workloads: BTreeMap::new(), period: 0, left_out: 0 }
    }

    /// Looks at every process.
    pub fn scan(&mut self) {
        self.period += 1;
        self.left_out = 0;
        let pids: BTreeSet<u32> = self.proc_fs.pids().into_iter().collect();
        self.processes.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            let known = self.processes.get_mut(&pid).is_some_and(Process::read);
            if !known {
                self.processes.remove(&pid);
                self.meet(pid);
            }
        }
        self.identify();
        self.workloads = self.assign();
    }

    /// Every process with its workload.
    pub fn processes(&self) -> impl Iterator<Item = (u32, &Process, &Workload)> {
        self.processes.iter().filter_map(|(pid, process)| Some((*pid, process, self.workloads.get(pid)?)))
    }

    /// A process.
    pub fn get(&self, pid: u32) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// A process's workload.
    pub fn workload_of(&self, pid: u32) -> Option<&Workload> {
        self.workloads.get(&pid)
    }

    /// Processes that were not looked at because there are too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Processes known.
    pub fn len(&self) -> usize {
        self.processes.len()
    }

    /// No process is known: not looked yet.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Where the processes are.
    pub fn proc_fs(&self) -> &ProcFs {
        &self.proc_fs
    }

    fn meet(&mut self, pid: u32) {
        if self.processes.len() >= self.processes_max {
            self.left_out += 1;
            return;
        }
        let Some(file) = self.proc_fs.open_status(pid) else { return };
        let Some(status) = read_status(&file) else { return };
        // Threads of the kernel descend from process 2, and stay what they are.
        let is_kernel = status.has_no_memory && (pid == 2 || status.parent == 2);
        let process = Process {
            file: (!is_kernel).then_some(file),
            rss_peak_bytes: status.rss_peak_bytes,
            status,
            cgroups: Cgroups::default(),
            container: None,
            spark: None,
            application_id: None,
            first_seen: self.period,
            became_another: false,
        };
        self.processes.insert(pid, process);
    }

    fn identify(&mut self) {
        for (pid, process) in &mut self.processes {
            if std::mem::take(&mut process.became_another) {
                process.first_seen = self.period;
            }
            let age = self.period - process.first_seen;
            if !process.is_kernel() && (age < YOUNG_PERIODS || age.is_multiple_of(IDENTIFY_EVERY)) {
                process.identify(*pid, &self.proc_fs);
            }
        }
        application::find(&self.proc_fs, &mut self.processes, self.period);
    }

    fn assign(&self) -> BTreeMap<u32, Workload> {
        let drivers_python = self.pythons_of_drivers();
        self.processes.keys().map(|pid| (*pid, self.workload(*pid, &drivers_python))).collect()
    }

    /// The Python process that started a driver's JVM, by its id.
    fn pythons_of_drivers(&self) -> BTreeMap<u32, u32> {
        let python = |(pid, process): (&u32, &Process)| {
            let Some(SparkProcess::Driver { python: true }) = process.spark else { return None };
            let parent = process.status.parent;
            self.processes.get(&parent).is_some_and(Process::is_python).then_some((parent, *pid))
        };
        self.processes.iter().filter_map(python).collect()
    }

    fn workload(&self, pid: u32, drivers_python: &BTreeMap<u32, u32>) -> Workload {
        let Some(process) = self.processes.get(&pid) else { return Workload::Kernel };
        if process.is_kernel() {
            return Workload::Kernel;
        }
        if let Some(spark) = self.spark_above(pid, drivers_python) {
            return spark;
        }
        match &process.container {
            Some(Container::Service { name }) => Workload::System { name: name.clone() },
            Some(container) => Workload::Container(container.clone()),
            // Outside every service there is only the name to tell processes apart.
            None => Workload::System { name: process.status.name.clone() },
        }
    }

    /// The nearest Spark JVM on the way up.
    fn spark_above(&self, pid: u32, drivers_python: &BTreeMap<u32, u32>) -> Option<Workload> {
        let mut at = pid;
        for _ in 0..ANCESTORS_MAX {
            let process = self.processes.get(&at)?;
            match &process.spark {
                Some(SparkProcess::Executor { application_id, executor_id, .. }) => {
                    let (application_id, executor_id) = (application_id.clone(), executor_id.clone());
                    return Some(Workload::Executor { application_id, executor_id });
                }
                Some(SparkProcess::Driver { .. }) => return Some(Workload::Driver { pid: at }),
                None => {}
            }
            if let Some(driver) = drivers_python.get(&at) {
                return Some(Workload::Driver { pid: *driver });
            }
            at = process.status.parent;
        }
        None
    }
}

impl Process {
    /// Reads the status anew; false if the process is another by now.
    fn read(&mut self) -> bool {
        let Some(file) = &self.file else { return true };
        let Some(status) = read_status(file) else { return false };
        // What was resident in this period is known from above only if the high-water mark rose in it.
        self.rss_peak_bytes = if status.rss_peak_bytes > self.status.rss_peak_bytes {
            status.rss_peak_bytes
        } else {
            status.rss_bytes.max(self.status.rss_bytes)
        };
        if status.name != self.status.name {
            self.became_another = true;
        }
        self.status = status;
        true
    }

    fn identify(&mut self, pid: u32, proc_fs: &ProcFs) {
        self.cgroups = Cgroups::parse(&proc_fs.cgroup(pid).unwrap_or_default());
        self.container = Container::of(&self.cgroups.paths());
        self.spark = proc_fs.command_line(pid).and_then(|arguments| SparkProcess::of(&arguments));
    }
}

fn read_status(file: &File) -> Option<Status> {
    let mut bytes = [0; STATUS_BYTES_MAX];
    let length = file.read_at(&mut bytes, 0).ok()?;
    Status::parse(&String::from_utf8_lossy(bytes.get(..length)?))
}
