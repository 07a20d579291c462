//! A real standalone cluster with a History Server, each a process that is gone with the test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::process::root;

const START_TIMEOUT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);

/// One of Spark's daemons, in a folder of its own.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    fn spawn(folder: &Path, name: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        // What its log page looks for.
        let log = folder.join("daemon.out");
        let file = File::create(&log).unwrap();
        let mut command = Command::new(root().join("scripts/spark-env"));
        command.current_dir(&folder).arg("spark-class").args(arguments).envs(settings.iter().copied());
        command.env("SPARK_LOG_DIR", &folder).env("SPARK_DAEMON_MEMORY", "256m").env("SPARK_LOCAL_IP", "127.0.0.1");
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { child: command.spawn().unwrap(), log }
    }

    /// The port that it says it took for a service.
    async fn port_of(&mut self, service: &str) -> String {
        let words = format!("Successfully started service '{service}' on port ");
        self.said(&words).await.split(['.', '\n']).next().unwrap().to_owned()
    }

    /// Waits until it has logged these words; answers what follows them.
    async fn said(&mut self, words: &str) -> String {
        let start = Instant::now();
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            // Up to the end of a line, so that no half of a number is read.
            if let Some((_, after)) = log.split_once(words)
                && let Some((rest, _)) = after.split_once('\n')
            {
                return rest.to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < START_TIMEOUT, "not {words:?} ({ended:?}):\n{log}");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A master and its worker.
pub(crate) struct MasterAndWorker {
    pub(crate) master: String,
    page: String,
    daemons: Vec<Daemon>,
}

impl MasterAndWorker {
    /// `settings` are the worker's environment.
    pub(crate) async fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let arguments =
            ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"];
        let mut master_daemon = Daemon::spawn(folder, "master", &[], &arguments);
        let master = format!("spark://127.0.0.1:{}", master_daemon.port_of("sparkMaster").await);
        let page = format!("http://127.0.0.1:{}", master_daemon.port_of("MasterUI").await);
        let work = folder.join("work").display().to_string();
        let of_worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0"];
        let arguments = [&of_worker[..], &["--work-dir", &work, "--cores", "1", "--memory", "1g", &master]].concat();
        let mut worker = Daemon::spawn(folder, "worker", settings, &arguments);
        worker.said("Successfully registered with master").await;
        Self { master, page, daemons: vec![worker, master_daemon] }
    }
}

/// A master, a worker, and a History Server over `events`.
pub(crate) struct Cluster {
    folder: PathBuf,
    pub(crate) master: String,
    pub(crate) master_page: String,
    pub(crate) history: String,
    /// What ends with the cluster; the History Server last, which outlives the others in a test.
    daemons: Vec<Daemon>,
    _history: Daemon,
}

impl Cluster {
    pub(crate) async fn start(folder: &Path) -> Self {
        let events = folder.join("events");
        fs::create_dir_all(&events).unwrap();
        let options = format!(
            "-Dspark.history.fs.logDirectory=file:{} -Dspark.history.ui.port=0 -Dspark.history.fs.update.interval=1s",
            events.display()
        );
        let arguments = ["org.apache.spark.deploy.history.HistoryServer"];
        let mut history = Daemon::spawn(folder, "history", &[("SPARK_HISTORY_OPTS", &options)], &arguments);
        let MasterAndWorker { master, page: master_page, daemons } = MasterAndWorker::start(folder, &[]).await;
        let history_page = format!("http://127.0.0.1:{}", history.port_of("HistoryServerUI").await);
        Self { folder: folder.to_owned(), master, master_page, history: history_page, daemons, _history: history }
    }

    pub(crate) fn work_folder(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Runs one of `tests/e2e/jobs`, which fails; answers its application's id.
    pub(crate) async fn run_to_failure(&self, job: &str, settings: &[&str]) -> String {
        let mut command = tokio::process::Command::new(root().join("scripts/spark-env"));
        let events = format!("spark.eventLog.dir=file:{}", self.folder.join("events").display());
        command.current_dir(&self.folder).args(["spark-submit", "--master", &self.master]);
        for setting in ["spark.ui.enabled=false", "spark.eventLog.enabled=true", &events].iter().chain(settings) {
            command.args(["--conf", setting]);
        }
        command.arg(root().join("tests/e2e/jobs").join(job)).env("SPARK_LOCAL_IP", "127.0.0.1");
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(Duration::from_mins(4), output).await.expect("within the time").unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let id = said.lines().find_map(|line| line.strip_prefix("application "));
        let id = id.unwrap_or_else(|| panic!("no application:\n{}", String::from_utf8_lossy(&output.stderr)));
        assert!(!output.status.success(), "the job passed:\n{said}");
        id.to_owned()
    }

    /// Ends the master and its worker.
    pub(crate) fn stop(&mut self) {
        self.daemons.clear();
    }
}
