//! What is known of a failed attempt on this host: logs, the event log, the cluster's limits.

mod application_id;
mod cluster;
mod executor_logs;
mod spark_home;
mod yarn;

use paramedic_domain::{
    Configuration, EventLogSummary, FailureReport, LogKind, LogSource,
    failure::{Engine, EngineKind},
};
use paramedic_redaction::mask_text;

use super::{command::JobCommand, event_log::EventLog, redaction};

/// The application's id, as the driver's log tells it.
pub(crate) fn application_id(driver_log: &str) -> Option<String> {
    application_id::find(driver_log)
}

/// What is gathered of an attempt.
pub(crate) struct Evidence {
    /// The application's id.
    pub(crate) application_id: Option<String>,
    logs: Vec<LogSource>,
    event_log_summary: Option<EventLogSummary>,
    spark_version: Option<String>,
}

/// Gathers what there is; what cannot be had is left out.
pub(crate) async fn gather(command: &JobCommand, event_log: &EventLog, stdout: String, stderr: String) -> Evidence {
    let told = application_id::find(&stderr).or_else(|| application_id::find(&stdout));
    let event_log_summary = event_log.read(told.as_deref()).await.map(without_secrets);
    let of_event_log = event_log_summary.as_ref().and_then(|summary| summary.application_id.clone());
    let application_id = told.or(of_event_log);
    let spark_version = event_log_summary
        .as_ref()
        .and_then(|summary| summary.spark_version.clone())
        .or_else(|| running_version(&stderr));
    let mut logs: Vec<_> = [(LogKind::DriverStderr, stderr), (LogKind::DriverStdout, stdout)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(log, text)| LogSource { log, text: Some(text), url: None })
        .collect();
    if let Some(application_id) = &application_id {
        logs.extend(cluster_logs(command, application_id).await);
    }
    for text in logs.iter_mut().filter_map(|log| log.text.as_mut()) {
        *text = mask_text(text).into_owned();
    }
    Evidence { application_id, logs, event_log_summary, spark_version }
}

/// The logs that the cluster keeps.
async fn cluster_logs(command: &JobCommand, application_id: &str) -> Vec<LogSource> {
    if application_id.starts_with("application_") {
        return yarn::read(application_id, command.driver_in_cluster()).await;
    }
    let home = spark_home::find(command.variable("SPARK_HOME").as_deref(), command.program()).await;
    let worker_directory = command.variable("SPARK_WORKER_DIR");
    let Some(work) = executor_logs::work_directory(worker_directory.as_deref(), home.as_deref()) else {
        return Vec::new();
    };
    let application_id = application_id.to_owned();
    tokio::task::spawn_blocking(move || executor_logs::read(&work, &application_id)).await.unwrap_or_default()
}

/// Spark blanks secrets in its event log by a setting that the user may have changed.
fn without_secrets(mut summary: EventLogSummary) -> EventLogSummary {
    summary.spark_properties = redaction::for_sending(&summary.spark_properties).0;
    summary
}

/// The version that the driver's log names at its start.
fn running_version(driver_log: &str) -> Option<String> {
    let (_, rest) = driver_log.split_once("Running Spark version ")?;
    let version = rest.split_whitespace().next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.chars().take(40).collect())
}

impl Evidence {
    /// The failure report's parts that are evidence; `config` is what the attempt ran with.
    pub(crate) fn into_report(
        self,
        job: paramedic_domain::Job,
        config: Configuration,
        command: &JobCommand,
    ) -> FailureReport {
        FailureReport {
            job,
            application_id: self.application_id,
            engine: Engine { kind: EngineKind::Spark, version: self.spark_version },
            cluster_limits: Some(cluster::limits(&config, command.driver_in_cluster())),
            config,
            logs: self.logs,
            event_log: None,
            event_log_summary: self.event_log_summary,
            exit_code: None,
            containers: Vec::new(),
            started_at: None,
            finished_at: None,
            cost_usd: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_tells_sparks_version() {
        assert_eq!(running_version("x\nINFO SparkContext: Running Spark version 4.1.4\n"), Some("4.1.4".to_owned()));
        assert_eq!(running_version("Running Spark version unknown"), None);
    }
}
