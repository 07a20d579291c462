//! Where the attempt's event log is: the user's own, or one that we let Spark write to a directory of ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use paramedic_domain::EventLogSummary;
use paramedic_spark::event_log::{EventLogLimits, read_path};
use tempfile::TempDir;

/// Reading stops after this; a report without the summary is better than a late one.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Where Spark writes when only `spark.eventLog.enabled` is set.
const SPARK_DEFAULT_DIRECTORY: &str = "/tmp/spark-events";

/// The event log of one attempt.
pub(crate) enum EventLog {
    /// In a directory of ours, gone with this value.
    Ours(TempDir),
    /// In a directory of the user's on this host.
    Users(PathBuf),
    /// There is none that could be read here.
    None,
}

impl EventLog {
    /// Decides by the configuration. In cluster mode the driver may run on another host, where a directory of ours
    /// would not exist and Spark would not start.
    pub(crate) fn of(
        setting: impl Fn(&str) -> Option<String>,
        wanted: bool,
        driver_in_cluster: bool,
    ) -> io::Result<Self> {
        match setting("spark.eventLog.enabled").as_deref().map(str::trim) {
            Some(enabled) if enabled.eq_ignore_ascii_case("true") => {
                let directory = setting("spark.eventLog.dir").unwrap_or_else(|| SPARK_DEFAULT_DIRECTORY.to_owned());
                Ok(local_path(&directory).map_or(Self::None, Self::Users))
            }
            None if wanted && !driver_in_cluster => {
                Ok(Self::Ours(tempfile::Builder::new().prefix("paramedic-event-log-").tempdir()?))
            }
            _ => Ok(Self::None),
        }
    }

    /// The settings that make Spark write it; none where the user's own settings do.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let Self::Ours(directory) = self else { return Vec::new() };
        vec![
            ("spark.eventLog.enabled", "true".to_owned()),
            ("spark.eventLog.dir", directory.path().display().to_string()),
            ("spark.eventLog.compress", "false".to_owned()),
            ("spark.eventLog.rolling.enabled", "false".to_owned()),
            ("spark.eventLog.logStageExecutorMetrics", "true".to_owned()),
            ("spark.executor.processTreeMetrics.enabled", "true".to_owned()),
        ]
    }

    /// Its summary, where there is one and it can be read in time.
    pub(crate) async fn read(&self, application_id: Option<&str>) -> Option<EventLogSummary> {
        let path = match self {
            Self::Ours(directory) => {
                newest(directory.path(), application_id.unwrap_or("")).or_else(|| newest(directory.path(), ""))?
            }
            Self::Users(directory) => newest(directory, application_id?)?,
            Self::None => return None,
        };
        let reading = tokio::task::spawn_blocking(move || read_path(&path, &EventLogLimits::default()));
        tokio::time::timeout(READ_TIMEOUT, reading).await.ok()?.ok()?.ok()
    }
}

/// The path of a directory on this host: no scheme, or `file:`.
fn local_path(directory: &str) -> Option<PathBuf> {
    let path = match directory.strip_prefix("file:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None => directory,
    };
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// The event log, file or rolling directory, that was written last of those whose name holds the application's id.
fn newest(directory: &Path, application_id: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !name.starts_with('.') && name.contains(application_id)
        })
        .max_by_key(|entry| entry.metadata().and_then(|metadata| metadata.modified()).ok())
        .map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[(&str, &str)], wanted: bool, driver_in_cluster: bool) -> EventLog {
        let setting = |key: &str| entries.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
        EventLog::of(setting, wanted, driver_in_cluster).unwrap()
    }

    #[test]
    fn ours_is_asked_for_only_where_the_user_said_nothing_and_the_driver_is_here() {
        let ours = of(&[], true, false);
        assert!(ours.settings().iter().any(|(key, value)| *key == "spark.eventLog.enabled" && value == "true"));
        for none in
            [of(&[], false, false), of(&[], true, true), of(&[("spark.eventLog.enabled", "false")], true, false)]
        {
            assert!(matches!(none, EventLog::None) && none.settings().is_empty());
        }
    }

    #[test]
    fn the_users_own_is_read_where_it_is_on_this_host() {
        let users =
            |directory| of(&[("spark.eventLog.enabled", "true"), ("spark.eventLog.dir", directory)], true, true);
        for directory in ["file:/logs/a", "file:///logs/a", "/logs/a"] {
            assert!(matches!(users(directory), EventLog::Users(path) if path == Path::new("/logs/a")), "{directory}");
        }
        assert!(matches!(users("hdfs://nn/logs"), EventLog::None));
    }

    #[test]
    fn the_applications_log_is_found_by_its_id() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["app-1-0000", "app-2-0000.inprogress", ".app-2-0000.crc"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let found = newest(directory.path(), "app-2-0000").unwrap();
        assert!(found.ends_with("app-2-0000.inprogress"));
        assert_eq!(newest(directory.path(), "app-3-0000"), None);
    }
}
