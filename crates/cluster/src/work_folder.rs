//! Work folders of standalone workers that can be read here: `WORK/APPLICATION/EXECUTOR/stderr`, `WORK/DRIVER/stderr`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use paramedic_fetch::Roots;

use crate::{ClusterError, Findings, Part, ask::Asking, standalone::Process};

/// Entries of an application's folder that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// Reads the logs; answers whose were there.
pub(crate) async fn read(asking: &Asking<'_>, folders: &Roots, found: &mut Findings) -> BTreeSet<Process> {
    let (roots, id) = (folders.clone(), asking.asked.application_id.clone());
    let listing = tokio::task::spawn_blocking(move || {
        roots.iter().flat_map(|root| processes_in(&root.join(&id), &id)).collect::<Vec<_>>()
    });
    let listed = tokio::time::timeout_at(asking.deadline, listing).await;
    let listed = listed.map_err(|_| paramedic_fetch::FetchError::TimedOut.into());
    let listed = listed.and_then(|listed| listed.map_err(ClusterError::from));
    let mut processes = found.or_miss(Part::Some, listed).unwrap_or_default();
    // Newest first: replacements were started because others failed, and the last to fail ended the job.
    processes.sort_by_key(|(process, _)| std::cmp::Reverse(*process));
    processes.truncate(asking.config.executors_max);
    let logs = processes.iter().flat_map(|(process, folder)| {
        let wanted = process.logs().into_iter().filter(|(log, _)| asking.asked.wants(*log));
        wanted.map(move |(log, file)| (*process, log, file, folder.join(file)))
    });
    let logs: Vec<_> = logs.collect();
    let bounds = asking.bounds(asking.bytes_of_one(logs.len()));
    let texts = asking.each(logs.iter().map(|(_, _, _, path)| folders.read(path, bounds))).await;
    for ((process, log, file, _), text) in logs.into_iter().zip(texts) {
        if let Some(text) = found.or_miss(Part::Some, text.map_err(ClusterError::from)) {
            found.add_log(log, process.log_name(file), text);
        }
    }
    processes.into_iter().map(|(process, _)| process).collect()
}

fn processes_in(folder: &Path, id: &str) -> Vec<(Process, PathBuf)> {
    if id.starts_with("driver-") {
        return if folder.is_dir() { vec![(Process::Driver, folder.to_owned())] } else { Vec::new() };
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let executors = entries.take(ENTRIES_MAX).filter_map(|entry| {
        let entry = entry.ok()?;
        Some((Process::Executor(entry.file_name().to_str()?.parse().ok()?), entry.path()))
    });
    executors.collect()
}
