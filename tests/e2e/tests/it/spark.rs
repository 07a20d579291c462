//! Real Spark jobs under `paramedic submit`.

use std::{fs, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::process::Command;

use crate::process::{Server, binary, root};

/// Longest time for all attempts of one job; a passing one takes seconds on an idle machine.
const SUBMIT_TIMEOUT: Duration = Duration::from_mins(4);

/// Submits one of `tests/e2e/jobs` to the server; answers the report on all attempts.
pub(crate) async fn submit(server: &Server, workdir: &Path, conf: &[&str], job: &str, arguments: &[&str]) -> Value {
    submit_as(Path::new("spark-submit"), server, workdir, conf, job, arguments).await
}

/// With a `spark-submit` of the test's own.
pub(crate) async fn submit_as(
    spark_submit: &Path,
    server: &Server,
    workdir: &Path,
    conf: &[&str],
    job: &str,
    arguments: &[&str],
) -> Value {
    let report = workdir.join("report.json");
    let output = workdir.join("submit.log");
    let log = fs::File::create(&output).unwrap();
    let mut command = Command::new(root().join("scripts/spark-env"));
    command
        .current_dir(workdir)
        .arg(binary("paramedic"))
        .args(["submit", "--server", &server.url, "--workflow", "e2e", "--run", "1", "--report"])
        .arg(&report)
        .arg("--")
        .arg(spark_submit)
        .args(["--conf", "spark.ui.enabled=false", "--conf", "spark.ui.showConsoleProgress=false"]);
    for setting in conf {
        command.args(["--conf", setting]);
    }
    command.arg(root().join("tests/e2e/jobs").join(job)).args(arguments);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
    let ended = tokio::time::timeout(SUBMIT_TIMEOUT, command.status()).await;
    let text = fs::read_to_string(&report)
        .unwrap_or_else(|_| panic!("no report ({ended:?}):\n{}", fs::read_to_string(&output).unwrap()));
    let report: Value = serde_json::from_str(&text).unwrap();
    let exit_code = ended.expect("within the time").unwrap().code();
    assert_eq!(report["exit_code"], exit_code.unwrap(), "submit ends as the job ended");
    report
}
