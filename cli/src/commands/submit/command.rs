//! The job's command, as the user wrote it, and what it says of the configuration.

use std::{
    collections::BTreeMap,
    env,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use paramedic_domain::Configuration;
use paramedic_spark::command_line::CommandLine;

use super::identity;
use crate::output::tell;

/// Longest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The job's command.
pub(crate) struct JobCommand {
    line: CommandLine,
    configuration: Configuration,
}

impl JobCommand {
    /// Reads a command and the configuration files that its `spark-submit` will read.
    pub(crate) fn parse(words: &[String]) -> Self {
        let line = CommandLine::parse(words);
        let mut command = Self { line, configuration: Configuration::default() };
        if command.shows_configuration() {
            let properties = command.line.properties_file().map(Path::new).and_then(read);
            let defaults = command.defaults_file().as_deref().filter(|path| path.is_file()).and_then(read);
            command.configuration = command.line.effective_configuration(properties.as_deref(), defaults.as_deref());
        }
        command
    }

    /// The command, as it was written.
    pub(crate) fn words(&self) -> &[String] {
        self.line.words()
    }

    /// A `spark-submit` that starts nothing: `--version`, `--status`, `--kill`, `--help`.
    pub(crate) fn starts_no_job(&self) -> bool {
        self.line.spark_submit().is_some() && !self.line.runs_application()
    }

    /// It ends in a `spark-submit`, whose configuration can be seen and changed.
    pub(crate) fn shows_configuration(&self) -> bool {
        self.line.runs_application()
    }

    /// What the job would run with.
    pub(crate) const fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The command with these keys set or removed, in the form that wins.
    pub(crate) fn with(&self, changes: &BTreeMap<String, Option<String>>) -> Vec<String> {
        self.line.with_changes(changes)
    }

    /// The application's name; that of the program where there is no better one.
    pub(crate) fn application_name(&self) -> String {
        let configured = self.configuration.get("spark.app.name").map(String::as_str);
        let named = self.line.application_name();
        identity::application_name(configured.or(named.as_deref()), self.line.primary_resource(), self.program())
    }

    /// The driver runs in the cluster, not in this process' child.
    pub(crate) fn driver_in_cluster(&self) -> bool {
        self.configuration.get("spark.submit.deployMode").is_some_and(|mode| mode.trim() == "cluster")
    }

    /// The `spark-submit`, or the program where there is none.
    pub(crate) fn program(&self) -> &str {
        self.line.spark_submit().or_else(|| self.words().first().map(String::as_str)).unwrap_or_default()
    }

    /// A variable as the `spark-submit` will see it: set before it on the command line (`env SPARK_HOME=…`), else in
    /// this environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let before = self.words().iter().take_while(|word| Some(word.as_str()) != self.line.spark_submit());
        let set = before.filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')).last().map(str::to_owned);
        set.or_else(|| env::var(name).ok()).filter(|value| !value.is_empty())
    }

    /// `spark-defaults.conf`, where `spark-submit` looks for it.
    fn defaults_file(&self) -> Option<PathBuf> {
        let home = || {
            let given = self.variable("SPARK_HOME").map(PathBuf::from);
            given.or_else(|| Some(Path::new(self.program()).parent()?.parent()?.to_owned()))
        };
        let directory = self.variable("SPARK_CONF_DIR").map(PathBuf::from).or_else(|| Some(home()?.join("conf")))?;
        Some(directory.join("spark-defaults.conf"))
    }
}

/// A file's text; one that cannot be read is told, and left to `spark-submit` to complain of.
fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            tell(&format!("{} cannot be read ({error}); its settings are not seen", path.display()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn command(words: &[&str]) -> JobCommand {
        JobCommand::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_files_of_the_configuration_directory_are_read() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("spark-defaults.conf"), "spark.driver.memory 3g\nspark.executor.cores 2\n")
            .unwrap();
        let set = format!("SPARK_CONF_DIR={}", directory.path().display());
        let command = command(&["env", &set, "spark-submit", "--driver-memory", "2g", "job.py"]);
        assert_eq!(command.configuration().get("spark.driver.memory").map(String::as_str), Some("2g"));
        assert_eq!(command.configuration().get("spark.executor.cores").map(String::as_str), Some("2"));
        assert_eq!(command.application_name(), "job");
    }

    #[test]
    fn a_command_without_spark_submit_shows_nothing() {
        let command = command(&["./run.sh", "7"]);
        assert!(!command.shows_configuration() && !command.starts_no_job());
        assert_eq!((command.application_name().as_str(), command.program()), ("run", "./run.sh"));
    }

    #[test]
    fn cluster_mode_is_seen() {
        assert!(command(&["spark-submit", "--deploy-mode", "cluster", "a.jar"]).driver_in_cluster());
        assert!(!command(&["spark-submit", "a.jar"]).driver_in_cluster());
        assert!(command(&["spark-submit", "--version"]).starts_no_job());
    }
}
