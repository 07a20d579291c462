//! Which application a driver runs: its command line does not tell, for the cluster gives the id later.
//!
//! A container of YARN has it in its name, a driver pod in its environment. A driver on this host is told by the port on
//! which it listens, which the command lines of its executors name, or else by the event log that it writes.

use std::collections::BTreeMap;

use crate::{
    host::proc_fs::ProcFs,
    workload::{Container, Process, SparkProcess},
};

/// Open files of a driver that are looked at.
const OPEN_FILES_MAX: usize = 8_192;
/// A driver that is not told yet is looked at anew this often, in periods.
const EVERY: u64 = 3;

/// Finds the applications of the drivers that have none yet.
pub(super) fn find(proc_fs: &ProcFs, processes: &mut BTreeMap<u32, Process>, period: u64) {
    let unknown = |process: &Process| {
        matches!(process.spark, Some(SparkProcess::Driver { .. })) && process.application_id.is_none()
    };
    if !processes.values().any(unknown) {
        return;
    }
    let by_port = applications_by_port(processes);
    for (pid, process) in processes.iter_mut().filter(|(_, process)| unknown(process)) {
        if process.first_seen == period || (period - process.first_seen).is_multiple_of(EVERY) {
            process.application_id =
                by_environment(proc_fs, *pid, process.container.as_ref()).or_else(|| by_files(proc_fs, *pid, &by_port));
        }
    }
}

fn by_environment(proc_fs: &ProcFs, pid: u32, container: Option<&Container>) -> Option<String> {
    if let Some(Container::Yarn { application, .. }) = container {
        return Some(application.clone());
    }
    proc_fs.environment(pid, "SPARK_APPLICATION_ID").filter(|id| !id.is_empty())
}

fn by_files(proc_fs: &ProcFs, pid: u32, by_port: &BTreeMap<u16, String>) -> Option<String> {
    let files = proc_fs.open_files(pid, OPEN_FILES_MAX);
    let listening = proc_fs.tcp_sockets(pid).iter().flat_map(|table| listening(table)).collect::<BTreeMap<_, _>>();
    let of_socket = |file: &String| {
        let inode = file.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
        by_port.get(listening.get(&inode)?).cloned()
    };
    files.iter().find_map(of_socket).or_else(|| files.iter().find_map(|file| of_event_log(file)))
}

fn applications_by_port(processes: &BTreeMap<u32, Process>) -> BTreeMap<u16, String> {
    let executor = |process: &Process| match &process.spark {
        Some(SparkProcess::Executor { application_id, driver_port: Some(port), .. }) => {
            Some((*port, application_id.clone()))
        }
        _ => None,
    };
    processes.values().filter_map(executor).collect()
}

/// Inodes and ports of the listening sockets in a `/proc/<pid>/net/tcp`.
fn listening(table: &str) -> Vec<(u64, u16)> {
    const LISTEN: &str = "0A";
    let socket = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
        (*state == LISTEN).then_some((inode.parse().ok()?, port))
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// The application in an event log's path: `…/app-20260131120000-0007.inprogress`, `…/local-1769860800000.zstd.inprogress`,
/// `…/eventlog_v2_application_1410901177871_0012/events_1_….zstd`.
fn of_event_log(path: &str) -> Option<String> {
    let rolling = path.split('/').find_map(|part| part.strip_prefix("eventlog_v2_"));
    let name = match rolling {
        Some(name) => name,
        None => path.rsplit('/').next()?.strip_suffix(".inprogress")?,
    };
    let name = [".zstd", ".lz4", ".lzf", ".snappy"].iter().find_map(|codec| name.strip_suffix(codec)).unwrap_or(name);
    ["app-", "application_", "local-", "spark-"].iter().any(|start| name.starts_with(start)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_logs_name_their_application() {
        for (path, expected) in [
            ("/logs/app-20260131120000-0007.inprogress", Some("app-20260131120000-0007")),
            ("/logs/local-1769860800000.zstd.inprogress", Some("local-1769860800000")),
            (
                "/logs/eventlog_v2_application_1410901177871_0012/events_1_application_1410901177871_0012.zstd",
                Some("application_1410901177871_0012"),
            ),
            ("/data/part-0.inprogress", None),
            ("/logs/app-20260131120000-0007", None),
        ] {
            assert_eq!(of_event_log(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn listening_sockets_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:89A3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0\n   1: 0100007F:89A4 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(listening(table), [(4_711, 0x89A3)]);
    }
}
