//! What `/proc` tells of a process. Reads are bounded; a process that has ended meanwhile is `None`.

use std::{
    fs::{self, File},
    io::Read as _,
    path::PathBuf,
};

/// Longest command line that is read, in bytes: a class path of some thousand jars fits.
const COMMAND_LINE_BYTES_MAX: usize = 256 * 1024;
/// Longest other file, in bytes.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// A `/proc`.
#[derive(Clone, Debug)]
pub struct ProcFs {
    root: PathBuf,
}

impl Default for ProcFs {
    fn default() -> Self {
        Self::at("/proc")
    }
}

impl ProcFs {
    /// The `/proc` mounted here.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The ids of all processes.
    pub fn pids(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
    }

    /// Is there such a process?
    pub fn exists(&self, pid: u32) -> bool {
        self.path(pid, "").exists()
    }

    /// Opens a process's status, to read it again and again: a file of a process that has ended answers an error, also
    /// when its id is another's by then.
    pub fn open_status(&self, pid: u32) -> Option<File> {
        File::open(self.path(pid, "status")).ok()
    }

    /// The arguments that the process was started with; empty for kernel threads.
    pub fn command_line(&self, pid: u32) -> Option<Vec<String>> {
        let bytes = self.read(pid, "cmdline", COMMAND_LINE_BYTES_MAX)?;
        let arguments = bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned());
        let mut arguments: Vec<_> = arguments.collect();
        // The file ends with a zero.
        arguments.pop_if(|last| last.is_empty());
        Some(arguments)
    }

    /// `/proc/<pid>/cgroup`.
    pub fn cgroup(&self, pid: u32) -> Option<String> {
        self.text(pid, "cgroup")
    }

    /// The sum of what the process's tasks have waited for a CPU, in nanoseconds, and how often they were put on one.
    pub fn schedstat(&self, pid: u32) -> Option<(u64, u64)> {
        let tasks = fs::read_dir(self.path(pid, "task")).ok()?;
        let of_task = |task: fs::DirEntry| parse_schedstat(&fs::read_to_string(task.path().join("schedstat")).ok()?);
        let all = tasks.flatten().filter_map(of_task);
        let add =
            |(waited, times): (u64, u64), (more, again)| (waited.saturating_add(more), times.saturating_add(again));
        Some(all.fold((0, 0), add))
    }

    /// The value of an environment variable that the process was started with.
    pub fn environment(&self, pid: u32, name: &str) -> Option<String> {
        let bytes = self.read(pid, "environ", COMMAND_LINE_BYTES_MAX)?;
        let mut variables = bytes.split(|byte| *byte == 0);
        let value = |variable: &[u8]| Some(variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec());
        variables.find_map(value).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// What the process's open files point at, at most `count_max`.
    pub fn open_files(&self, pid: u32, count_max: usize) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(pid, "fd")) else { return Vec::new() };
        let target = |entry: fs::DirEntry| fs::read_link(entry.path()).ok()?.into_os_string().into_string().ok();
        entries.flatten().take(count_max).filter_map(target).collect()
    }

    /// The TCP sockets in the process's network namespace: `net/tcp` and `net/tcp6`, as text.
    pub fn tcp_sockets(&self, pid: u32) -> Vec<String> {
        ["net/tcp", "net/tcp6"].iter().filter_map(|file| fs::read_to_string(self.path(pid, file)).ok()).collect()
    }

    /// `/proc/<pid>/smaps_rollup`: the kernel walks all of the process's mappings for it.
    pub fn rollup(&self, pid: u32) -> Option<Rollup> {
        Some(parse_rollup(&self.text(pid, "smaps_rollup")?))
    }

    fn text(&self, pid: u32, file: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.read(pid, file, FILE_BYTES_MAX)?).into_owned())
    }

    fn read(&self, pid: u32, file: &str, bytes_max: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.path(pid, file)).ok()?;
        file.take(bytes_max as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn path(&self, pid: u32, file: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(file)
    }
}

/// What is read of `/proc/<pid>/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The name of the main thread.
    pub name: String,
    /// The parent's id.
    pub parent: u32,
    /// Resident bytes.
    pub rss_bytes: u64,
    /// The most resident bytes since the process began.
    pub rss_peak_bytes: u64,
    /// It has no memory of its own: a kernel thread, or a process that ends.
    pub has_no_memory: bool,
}

impl Status {
    /// Reads the text; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut status = Self { has_no_memory: true, ..Self::default() };
        let mut has_parent = false;
        for line in text.lines() {
            let Some((field, value)) = line.split_once(':') else { continue };
            match field {
                "Name" => status.name = value.trim().to_owned(),
                "PPid" => {
                    status.parent = value.trim().parse().ok()?;
                    has_parent = true;
                }
                "VmHWM" => status.rss_peak_bytes = kibibytes(value)?,
                "VmRSS" => {
                    status.rss_bytes = kibibytes(value)?;
                    status.has_no_memory = false;
                    // Nothing that follows is read.
                    break;
                }
                _ => {}
            }
        }
        has_parent.then_some(status)
    }
}

/// What is read of `smaps_rollup`. Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Resident.
    pub rss_bytes: u64,
    /// Proportional: a page shared by n processes counts as one n-th.
    pub pss_bytes: u64,
    /// Unique: pages that no other process has.
    pub uss_bytes: u64,
    /// Swapped out.
    pub swap_bytes: u64,
}

fn parse_rollup(text: &str) -> Rollup {
    let mut rollup = Rollup::default();
    for line in text.lines() {
        let Some((field, value)) = line.split_once(':') else { continue };
        let Some(bytes) = kibibytes(value) else { continue };
        match field {
            "Rss" => rollup.rss_bytes = bytes,
            "Pss" => rollup.pss_bytes = bytes,
            "Private_Clean" | "Private_Dirty" | "Private_Hugetlb" => {
                rollup.uss_bytes = rollup.uss_bytes.saturating_add(bytes);
            }
            "Swap" => rollup.swap_bytes = bytes,
            _ => {}
        }
    }
    rollup
}

fn kibibytes(value: &str) -> Option<u64> {
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn parse_schedstat(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_whitespace().skip(1);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_status_is_read() {
        let text = "Name:\tjava\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nPid:\t7\nPPid:\t3\nVmPeak:\t  9000 kB\nVmHWM:\t  120 kB\nVmRSS:\t   100 kB\nThreads:\t40\n";
        let status = Status::parse(text).unwrap();
        let expected = Status {
            name: "java".to_owned(),
            parent: 3,
            rss_bytes: 102_400,
            rss_peak_bytes: 122_880,
            has_no_memory: false,
        };
        assert_eq!(status, expected);
        assert!(Status::parse("Name:\tkthreadd\nPPid:\t0\nThreads:\t1\n").unwrap().has_no_memory);
    }

    #[test]
    fn a_rollup_is_read() {
        let text = "00400000-ffffffffff601000 ---p 00000000 00:00 0 [rollup]\nRss: 884 kB\nPss: 385 kB\nPss_Dirty: 68 kB\nShared_Clean: 696 kB\nPrivate_Clean: 120 kB\nPrivate_Dirty: 68 kB\nSwap: 4 kB\n";
        let rollup = parse_rollup(text);
        assert_eq!(
            rollup,
            Rollup { rss_bytes: 884 << 10, pss_bytes: 385 << 10, uss_bytes: 188 << 10, swap_bytes: 4 << 10 }
        );
    }

    #[test]
    fn sums_that_no_number_holds_stop_at_the_greatest() {
        let most = format!("{} kB", u64::MAX >> 10);
        let text = format!("Private_Clean: {most}\nPrivate_Dirty: {most}\n");
        assert_eq!(parse_rollup(&text).uss_bytes, u64::MAX);
        let root = tempfile::tempdir().unwrap();
        for task in ["7", "8"] {
            let folder = root.path().join("7/task").join(task);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("schedstat"), format!("1 {max} {max}\n", max = u64::MAX)).unwrap();
        }
        assert_eq!(ProcFs::at(root.path()).schedstat(7), Some((u64::MAX, u64::MAX)));
    }

    #[test]
    fn this_process_is_read() {
        let proc_fs = ProcFs::default();
        let pid = std::process::id();
        assert!(proc_fs.pids().contains(&pid));
        assert!(!proc_fs.command_line(pid).unwrap().is_empty());
        assert!(proc_fs.rollup(pid).unwrap().pss_bytes > 0);
        assert!(proc_fs.schedstat(pid).is_some());
        assert_eq!(proc_fs.environment(pid, "PATH"), std::env::var("PATH").ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(Name|PPid|VmRSS|Rss|Pss)?[: 0-9kB\n\t]{0,60}") {
            let _ = (Status::parse(&text), parse_rollup(&text), parse_schedstat(&text));
        }
    }
}
