//! What the kernel tells of this host.

pub mod cgroup;
pub mod proc_fs;

use rustix::time::{ClockId, clock_gettime};

/// The host's name.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// CPUs that this process may use: the container's, not the host's.
pub fn allowed_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// CPUs that a process may use, by its affinity; `None` if it has ended.
pub fn affinity_cpus(pid: u32) -> Option<u32> {
    let pid = rustix::process::Pid::from_raw(pid.try_into().ok()?)?;
    Some(rustix::thread::sched_getaffinity(Some(pid)).ok()?.count())
}

/// CPU time of this process, in nanoseconds.
pub fn own_cpu_ns() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// CPU time of this thread, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Lets this process have `wanted` files open, if it may; the answer is how many it may have.
pub fn raise_open_files(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    if now >= wanted {
        return now;
    }
    let most = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = Rlimit { current: Some(most), maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() { most } else { now }
}
