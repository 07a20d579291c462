//! A killed process loses nothing that was answered.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use paramedic_domain::AttemptStatus;
use paramedic_store::Store;

use crate::samples::{at, attempt, job};

const URL: &str = "PARAMEDIC_TEST_CRASH_URL";

/// What is killed: it records attempts one after the other and tells each once it is stored.
#[tokio::test]
#[ignore = "run as a process of its own by the test below"]
async fn process_that_is_killed() {
    let store = Store::open(&std::env::var(URL).expect("the test below sets it")).await.unwrap();
    for number in 1.. {
        assert!(store.record_attempt(&attempt(job("j", number), AttemptStatus::Failed), at(0)).await.unwrap());
        writeln!(std::io::stdout(), "stored:{number}").unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("paramedic.db").display());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "crash::process_that_is_killed", "--nocapture"])
        .env(URL, &url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut answered = 0_u32;
    for line in lines {
        if let Some((_, number)) = line.split_once("stored:") {
            answered = number.parse().unwrap();
        }
        if answered == 50 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered >= 50, "it recorded {answered} before it ended");
    assert!(folder.path().join("paramedic.db-wal").exists(), "it wrote ahead");
    let store = Store::open(&url).await.unwrap();
    let kept = store.attempts_of_job(&job("j", 1), 500).await.unwrap().len();
    assert!(kept >= answered as usize, "{kept} of {answered} kept");
}
