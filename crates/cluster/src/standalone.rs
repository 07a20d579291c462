//! The standalone cluster: the master names its workers, a worker the executors it ran and their logs.
//!
//! Master and workers answer `/json/`; workers `/log/?appId=&executorId=&logType=&offset=&byteLength=` (or `driverId=`) with
//! at most 1 MiB of a log as text, without `offset` its end; the master `/log/?self&logType=out` with its own. As Spark
//! 3.5 and 4.1 do it.

use std::collections::BTreeSet;

use paramedic_domain::LogKind;
use paramedic_fetch::{CutText, Roots};
use serde::Deserialize;
use url::Url;

use crate::{
    ClusterError, Findings, Part,
    ask::{Asking, below},
    work_folder,
};

mod page;

/// Workers of one master that are asked.
const WORKERS_MAX: usize = 1000;
/// Most bytes of the master's own log that are looked through for the application.
const MASTER_LOG_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Master {
    #[serde(default)]
    workers: Vec<MasterWorker>,
    #[serde(default)]
    completedapps: Vec<App>,
    #[serde(default)]
    activedrivers: Vec<Driver>,
    #[serde(default)]
    completeddrivers: Vec<Driver>,
}

#[derive(Deserialize)]
struct MasterWorker {
    id: String,
    webuiaddress: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
struct App {
    id: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
struct Driver {
    id: String,
    #[serde(default)]
    state: String,
    /// The worker's id.
    #[serde(default)]
    worker: String,
}

#[derive(Deserialize)]
struct Worker {
    #[serde(default)]
    executors: Vec<Executor>,
    #[serde(default)]
    finishedexecutors: Vec<Executor>,
}

#[derive(Deserialize)]
struct Executor {
    id: u64,
    appid: String,
}

/// A process that has logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Process {
    Driver,
    Executor(u64),
}

impl Process {
    pub(crate) fn logs(self) -> [(LogKind, &'static str); 2] {
        match self {
            Self::Driver => [(LogKind::DriverStderr, "stderr"), (LogKind::DriverStdout, "stdout")],
            Self::Executor(_) => [(LogKind::ExecutorStderr, "stderr"), (LogKind::ExecutorStdout, "stdout")],
        }
    }

    pub(crate) fn log_name(self, file: &str) -> String {
        match self {
            Self::Driver => format!("driver {file}"),
            Self::Executor(id) => format!("executor {id} {file}"),
        }
    }
}

/// What the master says, and the processes' logs, from work folders and from the workers.
pub(crate) async fn find(asking: &Asking<'_>, work_folders: &Roots, found: &mut Findings) {
    let read = work_folder::read(asking, work_folders, found).await;
    if let Some(master) = &asking.config.spark_master_url {
        of_master(asking, master, &read, found).await;
    } else if read.is_empty() {
        found.or_miss::<()>(Part::Whole, Err(ClusterError::Unknown));
    }
}

async fn of_master(asking: &Asking<'_>, url: &Url, read: &BTreeSet<Process>, found: &mut Findings) {
    let state_url = below(url, &["json", ""], &[]);
    let (state, said) = tokio::join!(asking.json::<Master>(&state_url), own_log(asking, url));
    if asking.asked.wants(LogKind::Orchestrator) {
        found.add_log(LogKind::Orchestrator, "standalone master", said);
    }
    let part = if read.is_empty() { Part::Whole } else { Part::Some };
    let Some(master) = found.or_miss(part, state) else { return };
    if asking.asked.wants(LogKind::Orchestrator) {
        found.add_said(LogKind::Orchestrator, "standalone master's state", &said_of(&master, asking));
    }
    let mut processes = processes(asking, &master, found).await;
    if processes.is_empty() && read.is_empty() {
        found.or_miss::<()>(Part::Some, Err(ClusterError::Unknown));
    }
    processes.retain(|(process, _)| !read.contains(process));
    logs_of(asking, processes, found).await;
}

fn said_of(master: &Master, asking: &Asking<'_>) -> Vec<String> {
    let id = &asking.asked.application_id;
    let apps = master.completedapps.iter().filter(|app| app.id == *id).map(|app| ("Application", &app.state));
    let drivers = master.completeddrivers.iter().filter(|driver| driver.id == *id);
    let ended = apps.chain(drivers.map(|driver| ("Driver", &driver.state)));
    let bad = ended.filter(|(_, state)| !matches!(state.as_str(), "FINISHED" | "RUNNING" | "WAITING"));
    bad.map(|(what, state)| format!("{what} {id} ended as {state}")).collect()
}

/// The lines of the master's own log that name the application. It has one where its daemon writes to a file.
async fn own_log(asking: &Asking<'_>, master: &Url) -> CutText {
    let length = MASTER_LOG_BYTES.to_string();
    let url = below(master, &["log", ""], &[("self", ""), ("logType", "out"), ("byteLength", &length)]);
    let answer = asking.log(&url, MASTER_LOG_BYTES + page::HEADER_BYTES_MAX).await;
    let answer = answer.inspect_err(|error| tracing::debug!(%error, "the standalone master shows no log of its own"));
    let page = answer.ok().and_then(|answer| page::parse(&answer.text));
    let text = page.map(|page| page.text).unwrap_or_default();
    let ours = text.lines().filter(|line| line.contains(&asking.asked.application_id));
    CutText { text: ours.fold(String::new(), |text, line| text + line + "\n"), whole: true }
}

/// The application's processes and the worker of each, the newest executors first: replacements were started because
/// others failed, and the last to fail ended the job.
async fn processes(asking: &Asking<'_>, master: &Master, found: &mut Findings) -> Vec<(Process, Url)> {
    let id = &asking.asked.application_id;
    if id.starts_with("driver-") {
        let of_id = master.activedrivers.iter().chain(&master.completeddrivers).find(|driver| driver.id == *id);
        let worker = of_id.and_then(|driver| master.workers.iter().find(|worker| worker.id == driver.worker));
        let url = worker.and_then(|worker| found.or_miss(Part::Some, worker_url(&worker.webuiaddress)));
        return url.map(|url| (Process::Driver, url)).into_iter().collect();
    }
    let workers = master.workers.iter().filter(|worker| worker.state != "DEAD").take(WORKERS_MAX);
    let executors = asking.each(workers.map(|worker| executors_of(asking, &worker.webuiaddress))).await;
    let mut executors: Vec<_> =
        executors.into_iter().filter_map(|of_one| found.or_miss(Part::Some, of_one)).flatten().collect();
    executors.sort_by_key(|(process, _)| std::cmp::Reverse(*process));
    executors.dedup_by_key(|(process, _)| *process);
    executors.truncate(asking.config.executors_max);
    executors
}

async fn executors_of(asking: &Asking<'_>, address: &str) -> Result<Vec<(Process, Url)>, ClusterError> {
    let url = worker_url(address)?;
    let worker: Worker = asking.json(&below(&url, &["json", ""], &[])).await?;
    let executors = worker.executors.into_iter().chain(worker.finishedexecutors);
    let ours = executors.filter(|executor| executor.appid == asking.asked.application_id);
    Ok(ours.map(|executor| (Process::Executor(executor.id), url.clone())).collect())
}

fn worker_url(address: &str) -> Result<Url, ClusterError> {
    Url::parse(address).map_err(|error| ClusterError::Answer(format!("a worker's address: {error}")))
}

/// The logs of processes from their workers.
pub(crate) async fn logs_of(asking: &Asking<'_>, processes: Vec<(Process, Url)>, found: &mut Findings) {
    let logs = processes.iter().flat_map(|(process, worker)| {
        let wanted = process.logs().into_iter().filter(|(log, _)| asking.asked.wants(*log));
        wanted.map(move |(log, file)| (*process, worker, log, file))
    });
    let logs: Vec<_> = logs.collect();
    let bytes_max = asking.bytes_of_one(logs.len());
    let fetched = asking
        .each(logs.iter().map(|(process, worker, _, file)| page::log(asking, worker, *process, file, bytes_max)))
        .await;
    for ((process, _, log, file), fetched) in logs.into_iter().zip(fetched) {
        if let Some(text) = found.or_miss(Part::Some, fetched) {
            found.add_log(log, process.log_name(file), text);
        }
    }
}
