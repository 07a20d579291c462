//! What the programs cost, by the kernel's own count.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libbpf_rs::libbpf_sys;

/// What a program has cost since it was loaded, while statistics were on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCost {
    /// The program.
    pub name: String,
    /// How often it has run.
    pub runs: u64,
    /// How long it has run, in nanoseconds.
    pub run_ns: u64,
    /// How often the kernel left it out because one of the programs was running on that CPU; counted always.
    pub skipped: u64,
}

/// Statistics are on while this lives, or another program's like it.
#[derive(Debug)]
pub struct StatisticsOn {
    _fd: OwnedFd,
}

impl StatisticsOn {
    /// Lets the kernel count; it needs `CAP_SYS_ADMIN`.
    pub fn new() -> libbpf_rs::Result<Self> {
        // SAFETY: no pointers are passed; the answer is a file descriptor that is ours, or negative.
        let fd = unsafe { libbpf_sys::bpf_enable_stats(libbpf_sys::BPF_STATS_RUN_TIME) };
        if fd < 0 {
            return Err(libbpf_rs::Error::from_raw_os_error(-fd));
        }
        // SAFETY: the kernel has just given it to us, and nobody else has it.
        Ok(Self { _fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }
}

impl ProgramCost {
    /// A program's cost, by its descriptor; `None` where the kernel does not tell.
    pub fn of(name: &str, program: BorrowedFd<'_>) -> Option<Self> {
        let mut info = libbpf_sys::bpf_prog_info::default();
        let mut bytes = size_of_val(&info) as u32;
        // SAFETY: `info` has `bytes` bytes, and its pointers are null: the kernel fills in numbers alone.
        let answer =
            unsafe { libbpf_sys::bpf_obj_get_info_by_fd(program.as_raw_fd(), (&raw mut info).cast(), &raw mut bytes) };
        (answer == 0).then(|| Self {
            name: name.to_owned(),
            runs: info.run_cnt,
            run_ns: info.run_time_ns,
            skipped: info.recursion_misses,
        })
    }
}
