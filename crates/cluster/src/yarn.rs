//! YARN: what the resource manager says of the application and its attempts, how containers ended, and their logs, from
//! the log server where one is configured, else from the nodes that ran them. As Hadoop 3 answers it.

mod api;

use std::cmp::Reverse;

use paramedic_domain::{ContainerEnd, ContainerRole, LogKind};
use paramedic_fetch::{CutText, FetchError};
use url::Url;

use crate::{
    ClusterError, Findings, Part,
    ask::{Asking, below},
};
use api::{AppAnswer, AttemptDetail, AttemptsAnswer, Container, Containers};

/// Application attempts that are looked into, the last ones: YARN's default allows two.
const ATTEMPTS_MAX: usize = 4;
/// YARN's own lines around a log, in bytes.
const FRAME_BYTES_MAX: usize = 4 * 1024;

/// What YARN has on the application.
pub(crate) async fn find(asking: &Asking<'_>, found: &mut Findings) {
    let Some(manager) = &asking.config.yarn_resource_manager_url else { return };
    let url = below(manager, &["ws", "v1", "cluster", "apps", &asking.asked.application_id], &[]);
    let attempts_url = below(&url, &["appattempts"], &[]);
    let (answer, attempts) = tokio::join!(asking.json::<AppAnswer>(&url), asking.json::<AttemptsAnswer>(&attempts_url));
    let Some(AppAnswer { app }) = found.or_miss(Part::Whole, answer) else { return };
    let attempts = found.or_miss(Part::Some, attempts).unwrap_or_default();
    let mut attempts = attempts.of_application(&asking.asked.application_id);
    attempts.drain(..attempts.len().saturating_sub(ATTEMPTS_MAX));
    let ids: Vec<_> = attempts.iter().map(|attempt| attempt.id.clone()).collect();
    let (details, mut containers) = tokio::join!(details(asking, &attempts_url, &ids), containers(asking, &url, &ids));
    containers.extend(attempts.into_iter().filter_map(api::Attempt::master));
    sort(&mut containers, asking.config.executors_max + ATTEMPTS_MAX);
    if asking.asked.wants(LogKind::Orchestrator) {
        let said = std::iter::once(app.said(&asking.asked.application_id));
        let said = said.chain(details.iter().filter_map(AttemptDetail::said));
        let said = said.chain(containers.iter().filter_map(Container::said));
        found.add_said(LogKind::Orchestrator, "yarn", &said.collect::<Vec<_>>());
    }
    found.add_ends(containers.iter().filter_map(|container| end(container, asking)));
    container_logs(asking, &containers, found).await;
}

/// What is said of each attempt. Only the last one's diagnostics are the application's too, so that none is missed badly.
async fn details(asking: &Asking<'_>, attempts: &Url, ids: &[String]) -> Vec<AttemptDetail> {
    let details =
        asking.each(ids.iter().map(|id| async move { asking.json(&below(attempts, &[id], &[])).await })).await;
    details.into_iter().filter_map(quietly).collect()
}

/// The containers that the log server and the resource manager know. The one keeps ended ones if it is a timeline server,
/// the other forgets them, so that neither is missed.
async fn containers(asking: &Asking<'_>, app: &Url, ids: &[String]) -> Vec<Container> {
    let log_server = asking.config.yarn_log_server_url.as_ref();
    let apps = log_server.map(|server| below(server, &["apps", &asking.asked.application_id], &[]));
    let lists = [apps, Some(app.clone())]
        .into_iter()
        .flatten()
        .flat_map(|app| ids.iter().map(move |id| below(&app, &["appattempts", id, "containers"], &[])));
    let listed = asking.each(lists.map(|url| async move { asking.json::<Containers>(&url).await })).await;
    listed.into_iter().filter_map(quietly).flat_map(Containers::into_vec).collect()
}

fn quietly<T>(result: Result<T, ClusterError>) -> Option<T> {
    result.inspect_err(|error| tracing::debug!(%error, "goes on without a part of what YARN may know")).ok()
}

/// Each container once, what is known of its end first; the masters and those that failed first.
fn sort(containers: &mut Vec<Container>, containers_max: usize) {
    containers.sort_by(|a, b| (&a.id, a.exit_status.is_none()).cmp(&(&b.id, b.exit_status.is_none())));
    containers.dedup_by(|later, first| later.id == first.id);
    containers.sort_by_key(|container| {
        Reverse((container.is_master(), container.failed_status().is_some(), container.id.clone()))
    });
    containers.truncate(containers_max);
}

fn end(container: &Container, asking: &Asking<'_>) -> Option<ContainerEnd> {
    let exit_code = Some(container.failed_status()?);
    let role = match (container.is_master(), asking.asked.driver_in_cluster) {
        (true, true) => ContainerRole::Driver,
        (true, false) => ContainerRole::Other,
        (false, _) => ContainerRole::Executor,
    };
    Some(ContainerEnd { role, executor_id: None, reason: None, exit_code })
}

async fn container_logs(asking: &Asking<'_>, containers: &[Container], found: &mut Findings) {
    let logs = containers.iter().flat_map(|container| {
        let wanted = kinds_of(container, asking).into_iter().filter(|(log, _)| asking.asked.wants(*log));
        wanted.map(move |(log, file)| (container, log, file))
    });
    let logs: Vec<_> = logs.collect();
    let bytes_max = asking.bytes_of_one(logs.len());
    let fetched =
        asking.each(logs.iter().map(|(container, _, file)| container_log(asking, container, file, bytes_max))).await;
    for ((container, log, file), fetched) in logs.into_iter().zip(fetched) {
        if let Some(text) = found.or_miss(Part::Some, fetched) {
            found.add_log(log, format!("{} {file}", container.id), text);
        }
    }
}

/// In client mode the application master only starts executors: what it says is the resource manager's side.
fn kinds_of(container: &Container, asking: &Asking<'_>) -> Vec<(LogKind, &'static str)> {
    match (container.is_master(), asking.asked.driver_in_cluster) {
        (true, true) => vec![(LogKind::DriverStderr, "stderr"), (LogKind::DriverStdout, "stdout")],
        (true, false) => vec![(LogKind::Orchestrator, "stderr")],
        (false, _) => vec![(LogKind::ExecutorStderr, "stderr"), (LogKind::ExecutorStdout, "stdout")],
    }
}

async fn container_log(
    asking: &Asking<'_>,
    container: &Container,
    file: &str,
    bytes_max: usize,
) -> Result<CutText, ClusterError> {
    // A negative size asks for the end.
    let size = format!("-{bytes_max}");
    let path = |server: &Url| below(server, &["containers", &container.id, "logs", file], &[("size", &size)]);
    let mut failed = ClusterError::Unknown;
    let node = container.node().transpose()?;
    for url in asking.config.yarn_log_server_url.as_ref().map(path).into_iter().chain(node.as_ref().map(path)) {
        match asking.log(&url, bytes_max + FRAME_BYTES_MAX).await {
            Ok(answer) => return Ok(api::log_of(answer)),
            // Where one does not know it the other may; of two failures the telling one is kept.
            Err(ClusterError::Fetch(FetchError::Status(404))) => {}
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
