//! What the host agent sees decides with: a real job whose Python worker the kernel kills for memory.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::{Server, binary, free_port, root, wait_for_page},
    spark::submit_as,
    standalone::MasterAndWorker,
};

/// Executors in a memory cgroup of the test's own, as large as a cluster manager would make the container: Spark's standalone
/// worker has none.
struct Containers {
    cgroup: PathBuf,
    folder: TempDir,
}

impl Containers {
    /// `None`, and loudly, where this machine cannot.
    fn make() -> Option<Self> {
        let tree = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(Path::new);
        let has_limit = |tree: &&&Path| {
            let given = fs::read_to_string(tree.join("cgroup.subtree_control")).unwrap_or_default();
            tree.join("memory.limit_in_bytes").exists() || given.contains("memory")
        };
        let made = tree.iter().find(has_limit).map(|tree| tree.join(format!("paramedic-e2e-{}", std::process::id())));
        let Some(cgroup) = made.filter(|cgroup| fs::create_dir(cgroup).is_ok()) else {
            eprintln!("\n*** NOT TESTED: no memory cgroup can be made here\n");
            return None;
        };
        let containers = Self { cgroup, folder: TempDir::new().unwrap() };
        containers.write_java_home();
        containers.write_spark_submit();
        Some(containers)
    }

    /// A Java whose executors go into the cgroup.
    fn write_java_home(&self) {
        let java = fs::canonicalize(which("java")).unwrap();
        let home = java.parent().unwrap().parent().unwrap();
        let own = self.java_home();
        fs::create_dir_all(own.join("bin")).unwrap();
        for entry in fs::read_dir(home).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "bin") {
            symlink(entry.path(), own.join(entry.file_name())).unwrap();
        }
        let script = format!(
            "#!/bin/sh\ncase \" $* \" in *' org.apache.spark.executor.'*) echo $$ > {}/cgroup.procs ;; esac\nexec {} \"$@\"\n",
            self.cgroup.display(),
            java.display()
        );
        write_script(&own.join("bin/java"), &script);
    }

    /// A `spark-submit` that makes the container as large as the job's settings ask for.
    fn write_spark_submit(&self) {
        let limit = if self.cgroup.join("memory.max").exists() { "memory.max" } else { "memory.limit_in_bytes" };
        let script = format!(
            r#"#!/bin/sh
heap=1024 overhead=384
for argument in "$@"; do
  case "$argument" in
    spark.executor.memory=*m) heap=${{argument#*=}} heap=${{heap%m}} ;;
    spark.executor.memory=*g) heap=${{argument#*=}} heap=$((${{heap%g}} * 1024)) ;;
    spark.executor.memoryOverhead=*m) overhead=${{argument#*=}} overhead=${{overhead%m}} ;;
    spark.executor.memoryOverhead=*g) overhead=${{argument#*=}} overhead=$((${{overhead%g}} * 1024)) ;;
  esac
done
echo $(((heap + overhead) * 1048576)) > {}/{limit}
exec {} "$@"
"#,
            self.cgroup.display(),
            root().join(".spark/bin/spark-submit").display()
        );
        write_script(&self.spark_submit(), &script);
    }

    fn java_home(&self) -> PathBuf {
        self.folder.path().join("java")
    }

    fn spark_submit(&self) -> PathBuf {
        self.folder.path().join("spark-submit")
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        // The cluster ended before; the kernel may take a moment to let go of its processes.
        for _ in 0..500 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn which(program: &str) -> PathBuf {
    let mut command = Command::new(root().join("scripts/spark-env"));
    let output = command.args(["sh", "-c", &format!("command -v {program}")]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn write_script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// `paramedic hostagent`, gone with the test.
struct Agent(Child);

impl Agent {
    async fn start(server: &Server, folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(folder.join("hostagent.log")).unwrap();
        let mut command = Command::new(binary("paramedic"));
        command.args(["hostagent", "--server", &server.url, "--listen", &address, "--period", "1"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let agent = Self(command.spawn().unwrap());
        wait_for_page(&format!("http://{address}/readyz")).await;
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the eBPF programs run here; said loudly where they do not.
fn has_bpf() -> bool {
    let output = Command::new(binary("paramedic")).args(["hostagent", "--check"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let has = !said.contains("does without eBPF");
    if !has {
        assert!(std::env::var_os("PARAMEDIC_TESTS_NEED_BPF").is_none(), "{said}");
        eprintln!("\n*** eBPF WAS NOT TESTED: {said}\n");
    }
    has
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_worker_that_the_kernel_killed_is_healed_on_its_side() {
    if !has_bpf() {
        return;
    }
    let Some(containers) = Containers::make() else { return };
    let (data, workdir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(data.path()).await;
    let _agent = Agent::start(&server, data.path()).await;
    let java_home = containers.java_home();
    let cluster = MasterAndWorker::start(workdir.path(), &[("JAVA_HOME", java_home.to_str().unwrap())]).await;
    let master = format!("spark.master={}", cluster.master);
    let conf = [&master, "spark.executor.memory=512m", "spark.driver.memory=512m", "spark.task.maxFailures=1"];
    // With the JVM's own some 250 MiB more than the first container's 896.
    let report =
        submit_as(&containers.spark_submit(), &server, workdir.path(), &conf, "python_memory.py", &["704"]).await;
    drop(cluster);

    let first = &report["attempts"][0];
    let decision = &first["decision"];
    // Alone, the log says only that a worker is gone.
    assert_eq!(decision["classification"]["memory_side"], "executor_overhead", "{report:#}");
    let explanation: Vec<&str> =
        decision["recommendation"]["explanation"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let says = |words: &str| explanation.iter().any(|sentence| sentence.contains(words));
    assert!(says("python_worker ran out at 384 MiB"), "{explanation:#?}");
    assert!(
        says("The host's kernel killed 1 process(es) of the application for memory, 1 of them Python's"),
        "{explanation:#?}"
    );
    assert!(says("On its host the largest executor peaked at"), "{explanation:#?}");
    assert_eq!(report["healed"], true, "{report:#}");
    let changes = report["attempts"][1]["config_changes"].as_object().unwrap();
    assert!(changes.contains_key("spark.executor.memoryOverhead"), "{report:#}");
}
