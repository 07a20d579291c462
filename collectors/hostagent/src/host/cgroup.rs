//! The host's cgroup trees: which there are, and what a cgroup's files tell.

use std::{
    fs,
    path::{Path, PathBuf},
};

use paramedic_runqueue::CgroupSource;

/// Where the trees are mounted: version 1 a tree for each controller, version 2 one, a hybrid host both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    v2: Option<PathBuf>,
    cpu_v1: Option<PathBuf>,
    memory_v1: Option<PathBuf>,
}

impl Trees {
    /// Reads `/proc/self/mountinfo`.
    pub fn of_this_host() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Reads a `mountinfo`.
    pub fn parse(mountinfo: &str) -> Self {
        let mut trees = Self::default();
        for line in mountinfo.lines() {
            let Some((mount, kind)) = line.split_once(" - ") else { continue };
            let Some(point) = mount.split(' ').nth(4).map(PathBuf::from) else { continue };
            let mut kind = kind.split(' ');
            match (kind.next(), kind.nth(1)) {
                (Some("cgroup2"), _) => trees.v2 = trees.v2.or(Some(point)),
                (Some("cgroup"), Some(options)) => {
                    let has = |controller: &str| options.split(',').any(|option| option == controller);
                    if has("cpu") {
                        trees.cpu_v1 = trees.cpu_v1.or_else(|| Some(point.clone()));
                    }
                    if has("memory") {
                        trees.memory_v1 = trees.memory_v1.or(Some(point));
                    }
                }
                _ => {}
            }
        }
        trees
    }

    /// Which of a task's cgroups tells workloads apart here.
    pub fn source(&self) -> CgroupSource {
        match (&self.cpu_v1, &self.memory_v1) {
            (Some(_), _) => CgroupSource::V1Cpu,
            (None, Some(_)) => CgroupSource::V1Memory,
            (None, None) => CgroupSource::V2,
        }
    }
}

/// A process's cgroups, from `/proc/<pid>/cgroup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cgroups {
    entries: Vec<(String, String)>,
}

impl Cgroups {
    /// Reads the text: a line a tree, `id:controllers:path`.
    pub fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            Some((controllers.to_owned(), path.to_owned()))
        };
        Self { entries: text.lines().filter_map(entry).collect() }
    }

    /// Every path, the longest first: that one says most.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<_> = self.entries.iter().map(|(_, path)| path.as_str()).collect();
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        paths
    }

    fn path_of(&self, controller: &str) -> Option<&str> {
        let has = |controllers: &str| controllers.split(',').any(|given| given == controller);
        self.entries.iter().find(|(controllers, _)| has(controllers)).map(|(_, path)| path.as_str())
    }

    fn path_v2(&self) -> Option<&str> {
        self.entries.iter().find(|(controllers, _)| controllers.is_empty()).map(|(_, path)| path.as_str())
    }
}

/// How often and how long a cgroup was held back by its CPU quota, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Periods in which it ran.
    pub periods: u64,
    /// Periods in which it used up its quota.
    pub throttled: u64,
    /// How long it was held back, over all CPUs, in nanoseconds.
    pub throttled_ns: u64,
}

/// What a cgroup may use, and has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// CPUs by quota; `None` without one.
    pub cpus: Option<f64>,
    /// Memory, in bytes; `None` without a limit.
    pub memory_bytes: Option<u64>,
}

impl Trees {
    /// Throttling of the process's cgroup; `None` where no tree counts it.
    pub fn throttling(&self, cgroups: &Cgroups) -> Option<Throttling> {
        parse_throttling(&self.cpu_folders(cgroups).iter().find_map(|folder| read(folder, "cpu.stat"))?)
    }

    /// The tightest limits of the process's cgroup and those above it.
    pub fn limits(&self, cgroups: &Cgroups) -> Limits {
        Limits {
            cpus: self.cpu_folders(cgroups).iter().filter_map(|folder| quota(folder)).reduce(f64::min),
            memory_bytes: self.memory_folders(cgroups).iter().filter_map(|folder| memory_limit(folder)).min(),
        }
    }

    /// Kernel out-of-memory kills in the process's cgroup, since it was made.
    pub fn oom_kills(&self, cgroups: &Cgroups) -> Option<u64> {
        let folder = self.memory_folders(cgroups).into_iter().next()?;
        let text = read(&folder, "memory.events").or_else(|| read(&folder, "memory.oom_control"))?;
        field(&text, "oom_kill")
    }

    fn cpu_folders(&self, cgroups: &Cgroups) -> Vec<PathBuf> {
        self.folders(self.cpu_v1.as_deref(), "cpu", cgroups)
    }

    fn memory_folders(&self, cgroups: &Cgroups) -> Vec<PathBuf> {
        self.folders(self.memory_v1.as_deref(), "memory", cgroups)
    }

    /// The cgroup's folder and those above it, up to the tree's root.
    fn folders(&self, v1: Option<&Path>, controller: &str, cgroups: &Cgroups) -> Vec<PathBuf> {
        let (root, path) = match (v1, cgroups.path_of(controller)) {
            (Some(root), Some(path)) => (root, path),
            _ => match (&self.v2, cgroups.path_v2()) {
                (Some(root), Some(path)) => (root.as_path(), path),
                _ => return Vec::new(),
            },
        };
        // Within a cgroup namespace, paths of others lead up to the host's root first. One that does not lead up so far is a
        // sibling's, and is not found below the root: nothing is known of it then.
        let mut inside = Path::new(path.trim_start_matches('/'));
        while let Ok(rest) = inside.strip_prefix("..") {
            inside = rest;
        }
        inside.ancestors().map(|part| root.join(part)).collect()
    }
}

fn read(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok()
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn parse_throttling(text: &str) -> Option<Throttling> {
    let in_nanoseconds = field(text, "throttled_time");
    let in_microseconds = || Some(field(text, "throttled_usec")?.saturating_mul(1_000));
    Some(Throttling {
        periods: field(text, "nr_periods")?,
        throttled: field(text, "nr_throttled")?,
        throttled_ns: in_nanoseconds.or_else(in_microseconds).unwrap_or(0),
    })
}

fn quota(folder: &Path) -> Option<f64> {
    let (quota, period) = match read(folder, "cpu.max") {
        Some(text) => {
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?)
        }
        None => (
            read(folder, "cpu.cfs_quota_us")?.trim().parse().ok()?,
            read(folder, "cpu.cfs_period_us")?.trim().parse().ok()?,
        ),
    };
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn memory_limit(folder: &Path) -> Option<u64> {
    /// Version 1 writes "no limit" as the largest multiple of a page.
    const NO_LIMIT: u64 = 1 << 60;
    let text = read(folder, "memory.max").or_else(|| read(folder, "memory.limit_in_bytes"))?;
    text.trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
32 31 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate
36 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:14 - cgroup cgroup rw,cpu,cpuacct
37 31 0:32 / /sys/fs/cgroup/memory rw shared:15 - cgroup cgroup rw,memory
";

    #[test]
    fn a_hybrid_host_is_told_by_its_controllers() {
        let trees = Trees::parse(HYBRID);
        assert_eq!(trees.source(), CgroupSource::V1Cpu);
        assert_eq!(trees.v2.as_deref(), Some(Path::new("/sys/fs/cgroup/unified")));
        let cgroups = Cgroups::parse("5:cpu,cpuacct:/a/b\n4:memory:/m\n0::/\n");
        let folders = trees.cpu_folders(&cgroups);
        assert_eq!(folders[0], Path::new("/sys/fs/cgroup/cpu,cpuacct/a/b"));
        assert_eq!(folders.len(), 3);
    }

    #[test]
    fn a_host_of_version_2_has_one_tree() {
        let trees = Trees::parse("25 23 0:22 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        assert_eq!(trees.source(), CgroupSource::V2);
        let folders = trees.memory_folders(&Cgroups::parse("0::/../../other"));
        assert_eq!(folders, [Path::new("/sys/fs/cgroup/other"), Path::new("/sys/fs/cgroup")]);
    }

    #[test]
    fn limits_are_the_tightest_on_the_way_up() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("pod/container");
        fs::create_dir_all(&folder).unwrap();
        fs::write(root.path().join("pod/cpu.max"), "150000 100000\n").unwrap();
        fs::write(folder.join("cpu.max"), "max 100000\n").unwrap();
        fs::write(folder.join("memory.max"), "1073741824\n").unwrap();
        fs::write(root.path().join("pod/memory.max"), "max\n").unwrap();
        fs::write(folder.join("cpu.stat"), "usage_usec 5\nnr_periods 10\nnr_throttled 4\nthrottled_usec 7\n").unwrap();
        fs::write(folder.join("memory.events"), "oom 3\noom_kill 2\n").unwrap();
        let trees = Trees { v2: Some(root.path().to_owned()), ..Trees::default() };
        let cgroups = Cgroups::parse("0::/pod/container\n");
        assert_eq!(trees.limits(&cgroups), Limits { cpus: Some(1.5), memory_bytes: Some(1 << 30) });
        let throttling = Throttling { periods: 10, throttled: 4, throttled_ns: 7_000 };
        assert_eq!(trees.throttling(&cgroups), Some(throttling));
        assert_eq!(trees.oom_kills(&cgroups), Some(2));
    }
}
