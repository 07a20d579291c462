//! PostgreSQL for the tests: the server that the environment names, or a throw-away one of the test's own, which can be
//! stopped and started again.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    sync::Mutex,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

const START_TIMEOUT: Duration = Duration::from_mins(1);
const HOW_TO_GET_IT: &str = "Set PARAMEDIC_TEST_DATABASE_URL to a server whose user may create databases, or install \
    PostgreSQL 14 or newer (Debian: `apt-get install postgresql`; Fedora: `dnf install postgresql-server`; macOS: \
    `brew install postgresql`), so that the suite can start its own.";

/// A server, and the databases that were made on it.
#[derive(Debug)]
pub struct Server {
    admin: PgConnectOptions,
    own: Option<OwnServer>,
    databases: Mutex<Vec<String>>,
}

impl Server {
    /// The server of `PARAMEDIC_TEST_DATABASE_URL`, else one of its own.
    ///
    /// # Panics
    /// Where neither can be had; the message says how to mend it.
    pub async fn find_or_start() -> Self {
        let server = match std::env::var("PARAMEDIC_TEST_DATABASE_URL") {
            Ok(url) => Self {
                admin: PgConnectOptions::from_str(&url).expect("a PostgreSQL URL"),
                own: None,
                databases: Mutex::default(),
            },
            Err(_) => return Self::start_own().await,
        };
        server.wait_until_it_answers().await;
        server
    }

    /// A server of its own, also where the environment names one: to be stopped and started again.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed; the message says how to mend it.
    pub async fn start_own() -> Self {
        let server = match OwnServer::start() {
            Ok(own) => Self { admin: own.options(), own: Some(own), databases: Mutex::default() },
            Err(error) => panic!("PostgreSQL could not be had: {error}\n{HOW_TO_GET_IT}"),
        };
        server.wait_until_it_answers().await;
        server
    }

    /// Stops a server of its own at once: connections end, nothing answers, what was committed stays.
    pub fn go_down(&self) {
        self.own.as_ref().expect("a server of its own").halt();
    }

    /// Starts it again, and waits until it answers.
    pub async fn come_back(&self) {
        self.own.as_ref().expect("a server of its own").launch().expect("the server starts again");
        self.wait_until_it_answers().await;
    }

    async fn wait_until_it_answers(&self) {
        let start = Instant::now();
        loop {
            match self.admin.connect().await {
                Ok(connection) => return connection.close().await.unwrap(),
                Err(error) if start.elapsed() > START_TIMEOUT || self.own.is_none() => {
                    let log = self.own.as_ref().map(OwnServer::log).unwrap_or_default();
                    panic!("PostgreSQL does not answer: {error}\n{HOW_TO_GET_IT}\n{log}");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// An empty database, as a URL. The name is unique within the suite.
    pub async fn new_database(&self, name: &str) -> String {
        let name = format!("paramedic_test_{}_{name}", std::process::id());
        self.execute(format!("create database {name}")).await;
        self.databases.lock().unwrap().push(name.clone());
        self.admin.clone().database(&name).to_url_lossy().to_string()
    }

    /// Ends every connection to the databases of the suite, as a restart of the server does.
    pub async fn end_connections(&self) {
        for name in self.names() {
            let of_it = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
            self.execute(of_it).await;
        }
    }

    fn names(&self) -> Vec<String> {
        self.databases.lock().unwrap().clone()
    }

    async fn execute(&self, sql: String) {
        let mut connection: PgConnection = self.admin.connect().await.unwrap();
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Removes what was made on a server that stays.
    pub async fn stop(self) {
        if self.own.is_none() {
            for name in self.names() {
                self.execute(format!("drop database {name} with (force)")).await;
            }
        }
    }
}

/// A server of this process, on a socket in a folder of its own.
#[derive(Debug)]
struct OwnServer {
    process: Mutex<Option<Child>>,
    folder: tempfile::TempDir,
    programs: PathBuf,
    user: Option<u32>,
}

impl OwnServer {
    fn start() -> Result<Self, String> {
        let programs = find_programs()?;
        let folder = tempfile::Builder::new().prefix("paramedic-pg").tempdir().map_err(|error| error.to_string())?;
        let user = user_of_the_server(folder.path())?;
        let data = folder.path().join("data");
        let made = as_user(Command::new(programs.join("initdb")), user)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .output()
            .map_err(|error| format!("initdb does not start: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let server = Self { process: Mutex::default(), folder, programs, user };
        server.launch()?;
        Ok(server)
    }

    fn launch(&self) -> Result<(), String> {
        let folder = self.folder.path();
        // The shell ends the server when its standard input ends: also when this process is killed.
        let process = as_user(Command::new("sh"), self.user)
            .args([
                "-c",
                "\"$0\" -D \"$1\" -k \"$2\" -c listen_addresses= -c fsync=off >\"$2/log\" 2>&1 & server=$!; \
                   cat >/dev/null; kill -INT $server; wait $server",
            ])
            .arg(self.programs.join("postgres"))
            .arg(folder.join("data"))
            .arg(folder)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        *self.process.lock().unwrap() = Some(process);
        Ok(())
    }

    fn halt(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(self.folder.path()).username("postgres").database("postgres")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.halt();
    }
}

/// The folder of `initdb` and `postgres`; distributions keep them out of `PATH`.
fn find_programs() -> Result<PathBuf, String> {
    let in_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let mut folders: Vec<PathBuf> = in_path;
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"] {
        let mut versions: Vec<_> =
            std::fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
        versions.sort();
        folders.extend(versions.into_iter().rev());
    }
    let complete = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    folders.into_iter().find(complete).ok_or_else(|| "`initdb` and `postgres` are not installed".to_owned())
}

/// PostgreSQL refuses to run as root: root hands the folder to the user `postgres`.
fn user_of_the_server(folder: &Path) -> Result<Option<u32>, String> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    let user = id(&["-u", "postgres"]).ok_or("root cannot run it, and there is no user `postgres`")?;
    chown(folder, Some(user), None).map_err(|error| format!("the folder cannot be handed to `postgres`: {error}"))?;
    Ok(Some(user))
}

fn as_user(mut command: Command, user: Option<u32>) -> Command {
    if let Some(user) = user {
        command.uid(user);
    }
    command
}
