//! The History Server's REST API: why stages failed, why executors were removed, and where standalone executors' logs are.
//! As Spark 3.5 and 4.1 answer it.

use std::{cmp::Reverse, collections::BTreeMap};

use paramedic_domain::{ContainerEnd, ContainerRole, LogKind};
use serde::Deserialize;
use url::Url;

use crate::{
    ClusterError, Findings, Part,
    ask::{Asking, below},
    standalone::{self, Process},
};

#[derive(Deserialize)]
struct Application {
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attempt {
    /// Of applications whose driver YARN restarts; part of the paths below then.
    attempt_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    #[serde(rename = "stageId")]
    id: i64,
    failure_reason: Option<String>,
    completion_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executor {
    id: String,
    #[serde(default)]
    host_port: String,
    #[serde(default)]
    failed_tasks: u64,
    remove_time: Option<String>,
    remove_reason: Option<String>,
    #[serde(default, rename = "executorLogs")]
    logs: BTreeMap<String, String>,
}

/// What the server has on the application's last attempt.
pub(crate) async fn find(asking: &Asking<'_>, found: &mut Findings) {
    let Some(server) = &asking.config.history_server_url else { return };
    let application = below(server, &["api", "v1", "applications", &asking.asked.application_id], &[]);
    let known = asking.json::<Application>(&application).await;
    let Some(known) = found.or_miss(Part::Whole, known) else { return };
    // The newest attempt comes first.
    let attempt = known.attempts.into_iter().next().and_then(|attempt| attempt.attempt_id);
    let base = attempt.map_or_else(|| application.clone(), |attempt| below(&application, &[&attempt], &[]));
    let (stages_url, executors_url) =
        (below(&base, &["stages"], &[("status", "failed")]), below(&base, &["allexecutors"], &[]));
    let (stages, executors) =
        tokio::join!(asking.json::<Vec<Stage>>(&stages_url), asking.json::<Vec<Executor>>(&executors_url));
    let stages = found.or_miss(Part::Some, stages).unwrap_or_default();
    let executors = found.or_miss(Part::Some, executors).unwrap_or_default();
    found.add_ends(executors.iter().filter_map(Executor::end));
    if asking.asked.wants(LogKind::DriverStderr) {
        let lost = executors.iter().filter_map(Executor::lost);
        let failed = stages.iter().filter_map(Stage::failed);
        found.add_said(LogKind::DriverStderr, "history of the driver", &lost.chain(failed).collect::<Vec<_>>());
    }
    executor_logs(asking, executors, found).await;
}

impl Stage {
    /// What the driver said of it.
    fn failed(&self) -> Option<String> {
        let reason = self.failure_reason.as_ref()?;
        let time = log_time(self.completion_time.as_deref());
        Some(format!("{time} ERROR DAGScheduler: Stage {} failed due to {reason}", self.id))
    }
}

impl Executor {
    /// Why it was removed, unless the driver itself ended it.
    fn loss(&self) -> Option<&str> {
        let meant = ["Executor killed by driver", "Executor decommission", "Executor is removed"];
        let reason = self.remove_reason.as_deref()?;
        (self.id != "driver" && !meant.iter().any(|start| reason.starts_with(start))).then_some(reason)
    }

    /// What the driver said of its loss.
    fn lost(&self) -> Option<String> {
        let (reason, time) = (self.loss()?, log_time(self.remove_time.as_deref()));
        let host = self.host_port.rsplit_once(':').map_or(self.host_port.as_str(), |(host, _)| host);
        Some(format!("{time} ERROR TaskSchedulerImpl: Lost executor {} on {host}: {reason}", self.id))
    }

    /// How its process ended, where the reason tells the exit code.
    fn end(&self) -> Option<ContainerEnd> {
        let exit_code = Some(exit_code(self.loss()?)?);
        Some(ContainerEnd {
            role: ContainerRole::Executor,
            executor_id: Some(self.id.clone()),
            reason: None,
            exit_code,
        })
    }
}

/// Standalone: `Command exited with code 52`; Kubernetes: `… exited with exit code 137(SIGKILL…`; YARN: `Exit status: 143.`
fn exit_code(reason: &str) -> Option<i32> {
    let after = ["exited with code ", "exit code ", "Exit status: "].iter().find_map(|words| {
        let (_, after) = reason.split_once(words)?;
        Some(after)
    })?;
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(after.len());
    after.get(..end)?.parse().ok()
}

/// `2026-11-27T01:57:04.939GMT` as Spark's logs print it.
fn log_time(time: Option<&str>) -> String {
    let parts = time.and_then(|time| Some((time.get(2..10)?, time.get(11..19)?)));
    parts.map_or_else(|| "00/01/01 00:00:00".to_owned(), |(date, time)| format!("{} {time}", date.replace('-', "/")))
}

/// Logs on pages of standalone workers, where the master is not asked for them. YARN's and Kubernetes' logs are their own
/// layers'.
async fn executor_logs(asking: &Asking<'_>, mut executors: Vec<Executor>, found: &mut Findings) {
    if asking.config.spark_master_url.is_some() {
        return;
    }
    executors.sort_by_key(|executor| Reverse((executor.loss().is_some(), executor.failed_tasks)));
    executors.truncate(asking.config.executors_max);
    let pages = executors.iter().filter_map(|executor| {
        let id = executor.id.parse().ok()?;
        let page = executor.logs.values().find(|page| page.contains("/logPage/"))?;
        Some((Process::Executor(id), worker_of(page)))
    });
    let mut processes = Vec::new();
    for (process, worker) in pages {
        processes.extend(found.or_miss(Part::Some, worker).map(|worker| (process, worker)));
    }
    standalone::logs_of(asking, processes, found).await;
}

/// The worker whose page it is: what stands before `/logPage/`.
fn worker_of(page: &str) -> Result<Url, ClusterError> {
    let worker = page.split("/logPage/").next().unwrap_or_default();
    Url::parse(worker).map_err(|error| ClusterError::Answer(format!("the address of a log: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read_from_what_each_resource_manager_says() {
        for (reason, code) in [
            ("Command exited with code 52", Some(52)),
            ("\nThe executor with id 4 exited with exit code 137(SIGKILL, possible container OOM).\n", Some(137)),
            (
                "Container from a bad node: container_1_0001_01_000002 on host: w. Exit status: 143. Diagnostics: x",
                Some(143),
            ),
            ("Container container_1 on host: w was preempted. Exit status: -102.", Some(-102)),
            ("Executor heartbeat timed out after 120000 ms", None),
            ("exit code -", None),
        ] {
            assert_eq!(exit_code(reason), code, "{reason}");
        }
    }

    #[test]
    fn executors_that_the_driver_ended_are_not_lost() {
        let executor = |reason: &str| Executor {
            id: "3".into(),
            host_port: "10.0.0.7:4040".into(),
            failed_tasks: 0,
            remove_time: Some("2026-11-27T01:57:04.939GMT".into()),
            remove_reason: Some(reason.into()),
            logs: BTreeMap::new(),
        };
        assert_eq!(executor("Executor killed by driver.").lost(), None);
        assert_eq!(
            executor("Command exited with code 52").lost().as_deref(),
            Some("26/11/27 01:57:04 ERROR TaskSchedulerImpl: Lost executor 3 on 10.0.0.7: Command exited with code 52")
        );
        assert_eq!(log_time(Some("é")), "00/01/01 00:00:00");
    }
}
