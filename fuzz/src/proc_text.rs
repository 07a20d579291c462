//! What the kernel tells the host agent: `/proc` and cgroup files.

use std::{fs, path::PathBuf, sync::OnceLock};

use paramedic_hostagent::{
    host::{
        cgroup::{Cgroups, Trees},
        proc_fs::{ProcFs, Status},
    },
    workload::{Container, SparkProcess, Table},
};
use tempfile::TempDir;

use crate::input;

/// The process whose files are written.
const PID: u32 = 7;
/// Longest name of a folder that the kernel makes.
const FOLDER_BYTES_MAX: usize = 255;
/// Files of the process, by name.
const OF_PROCESS: [&str; 6] = ["status", "smaps_rollup", "cgroup", "cmdline", "environ", "task/7/schedstat"];
/// Files of its cgroup.
const OF_CGROUP: [&str; 6] =
    ["cpu.max", "cpu.stat", "memory.max", "memory.events", "cpu.cfs_quota_us", "memory.limit_in_bytes"];

/// Reads the files that the parts name. What is read has the bounds that it is shown with, and no number overflows.
pub fn proc_text(data: &[u8]) {
    let text = input::text(data);
    let host = Host::with(&text);
    for (name, body) in input::named_parts(&text) {
        match name {
            "status" => status(body),
            "cgroup" => cgroup(body),
            "mountinfo" => drop(Trees::parse(body).source()),
            "cmdline" => command_line(&body.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
            _ => {}
        }
    }
    let proc_fs = ProcFs::at(&host.proc);
    let _ = (proc_fs.rollup(PID), proc_fs.schedstat(PID), proc_fs.environment(PID, "SPARK_APPLICATION_ID"));
    let mut table = Table::new(proc_fs, 4);
    table.scan();
    table.scan();
    for (pid, process, workload) in table.processes() {
        assert!(pid == PID && table.workload_of(PID) == Some(workload) && table.len() == 1);
        assert!(!process.is_kernel() || !workload.is_spark());
        let executor = matches!(process.spark, Some(SparkProcess::Executor { .. }));
        assert!(!executor || process.is_kernel() || workload.kind() == "executor", "{workload:?}");
    }
    let mount = format!("25 23 0:22 / {} rw,nosuid shared:4 - cgroup2 cgroup2 rw", host.cgroup.display());
    let (trees, own) = (Trees::parse(&mount), Cgroups::parse("0::/a/b"));
    let limits = trees.limits(&own);
    assert!(limits.cpus.is_none_or(|cpus| cpus > 0.0) && limits.memory_bytes.is_none_or(|bytes| bytes < 1 << 60));
    let _ = (trees.throttling(&own), trees.oom_kills(&own));
}

fn status(text: &str) {
    if let Some(status) = Status::parse(text) {
        assert!(!status.has_no_memory || status.rss_bytes == 0);
        assert!(status.name.trim() == status.name && !status.name.contains('\n'));
    }
}

fn cgroup(text: &str) {
    let cgroups = Cgroups::parse(text);
    let paths = cgroups.paths();
    assert!(paths.is_sorted_by(|one, next| one.len() >= next.len()), "the longest first");
    assert!(paths.len() <= text.lines().count());
    let Some(container) = Container::of(&paths) else { return };
    let folders = || paths.iter().flat_map(|path| path.split('/'));
    if folders().all(|folder| folder.len() <= FOLDER_BYTES_MAX) {
        assert!(container.name().len() <= 2 * FOLDER_BYTES_MAX, "{container:?}");
    }
    match &container {
        Container::Yarn { application, container } => {
            assert!(application.starts_with("application_") && folders().any(|folder| folder == container));
        }
        Container::Docker { container: id } | Container::Kubernetes { container: Some(id), .. } => {
            assert!(id.len() == 64 && text.contains(id.as_str()));
        }
        Container::Kubernetes { .. } | Container::Service { .. } => {}
    }
}

fn command_line(words: &[String]) {
    if let Some(SparkProcess::Executor { application_id, executor_id, .. }) = SparkProcess::of(words) {
        assert!(words.contains(&application_id) && words.contains(&executor_id));
    }
}

/// A host of one process, on disk.
struct Host {
    proc: PathBuf,
    cgroup: PathBuf,
}

impl Host {
    /// With the files that the parts of a text name; those of the text before go.
    fn with(text: &str) -> Self {
        static FOLDER: OnceLock<TempDir> = OnceLock::new();
        let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for a host's files")).path();
        let host = Self { proc: folder.join("proc"), cgroup: folder.join("cgroup") };
        let (process, own) = (host.proc.join(PID.to_string()), host.cgroup.join("a/b"));
        fs::create_dir_all(process.join("task/7")).expect("a folder for a process");
        fs::create_dir_all(&own).expect("a folder for a cgroup");
        for (folder, files) in [(process, OF_PROCESS), (own, OF_CGROUP)] {
            for file in files {
                let body = input::named_parts(text).find(|(name, _)| *name == file);
                match body {
                    // Where the kernel writes zeros, seeds have spaces.
                    Some((_, body)) if matches!(file, "cmdline" | "environ") => {
                        fs::write(folder.join(file), body.replace(' ', "\0")).expect("a file is written");
                    }
                    Some((_, body)) => fs::write(folder.join(file), body).expect("a file is written"),
                    None => drop(fs::remove_file(folder.join(file))),
                }
            }
        }
        host
    }
}
