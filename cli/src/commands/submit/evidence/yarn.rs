//! The containers' logs of a YARN application, where its aggregation has them already.

use std::{process::Stdio, time::Duration};

use paramedic_domain::{LogKind, LogSource};
use tokio::{io::AsyncReadExt as _, process::Command};

use crate::commands::submit::capture::Capture;

/// Aggregation may take minutes; the report does not wait for it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes kept from the start and from the end of the output.
const END_BYTES_MAX: usize = 6 * 1024 * 1024;
/// YARN numbers a container's attempt last; the first container is the application master's.
const APPLICATION_MASTER: &str = "_000001";

/// The logs by `yarn logs`; empty where there is no such program or it has none yet.
pub(crate) async fn read(application_id: &str, driver_in_cluster: bool) -> Vec<LogSource> {
    let mut command = Command::new("yarn");
    command.args(["logs", "-applicationId", application_id]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(mut child) = command.spawn() else { return Vec::new() };
    let Some(mut stdout) = child.stdout.take() else { return Vec::new() };
    let mut capture = Capture::with_limits(END_BYTES_MAX, END_BYTES_MAX);
    let mut buffer = vec![0; 64 * 1024];
    let reading = async {
        while let Ok(count @ 1..) = stdout.read(&mut buffer).await {
            capture.push(&buffer[..count]);
        }
    };
    // What came within the time is better than nothing.
    let _ = tokio::time::timeout(TIMEOUT, reading).await;
    by_container(&capture.into_text(), driver_in_cluster)
}

/// Cuts the output into one log for the executors, and one for the application master's container, which in cluster
/// mode is the driver's.
fn by_container(output: &str, driver_in_cluster: bool) -> Vec<LogSource> {
    let master = if driver_in_cluster { LogKind::DriverStderr } else { LogKind::Orchestrator };
    let (mut of_master, mut of_executors) = (String::new(), String::new());
    let mut in_master = false;
    let mut in_container = false;
    for line in output.split_inclusive('\n') {
        if let Some(container) = line.strip_prefix("Container: ") {
            in_container = true;
            in_master = container.split_whitespace().next().is_some_and(|id| id.ends_with(APPLICATION_MASTER));
        }
        if in_container {
            if in_master { of_master.push_str(line) } else { of_executors.push_str(line) }
        }
    }
    [(master, of_master), (LogKind::ExecutorStderr, of_executors)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(log, text)| LogSource { log, text: Some(text), url: None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
Connecting to ResourceManager
Container: container_1700000000000_0042_01_000001 on node1_8041
LogType:stderr
driver
Container: container_1700000000000_0042_01_000002 on node2_8041
LogType:stderr
executor
";

    #[test]
    fn the_first_container_is_the_drivers_in_cluster_mode_only() {
        let kinds = |driver_in_cluster| by_container(OUTPUT, driver_in_cluster).into_iter().map(|log| log.log);
        assert!(kinds(true).eq([LogKind::DriverStderr, LogKind::ExecutorStderr]));
        assert!(kinds(false).eq([LogKind::Orchestrator, LogKind::ExecutorStderr]));
        let logs = by_container(OUTPUT, true);
        assert!(logs[1].text.as_ref().unwrap().ends_with("LogType:stderr\nexecutor\n"));
    }

    #[test]
    fn an_output_without_containers_is_no_log() {
        assert!(by_container("Can not find the logs for the application\n", false).is_empty());
    }
}
