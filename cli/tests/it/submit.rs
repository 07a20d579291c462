//! The job's process: its output, its exit code, its signals.

use std::{io::Write as _, process::Stdio};

use rustix::process::Signal;

use crate::program::{nobody, paramedic, rest, run, script, send, stderr, stdout, wait_for_line};

#[test]
fn without_a_server_the_job_runs_as_written_with_one_warning() {
    let directory = tempfile::tempdir().unwrap();
    let spark_submit = script(
        directory.path(),
        "spark-submit",
        r#"printf 'bytes \377\000 end'; printf 'one\ntwo' >&2; for word in "$@"; do echo "[$word]"; done; exit 7"#,
    );
    let nobody = nobody();
    let arguments = ["submit", "--server", &nobody, "--", &spark_submit, "--executor-memory", "1g", "job.py", "a b"];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"bytes \xff\x00 end[--executor-memory]\n[1g]\n[job.py]\n[a b]\n");
    let (warning, own) = stderr(&output).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(warning.starts_with("paramedic: ") && warning.contains(&nobody), "{warning}");
    assert_eq!(own, "one\ntwo");
}

#[test]
fn a_spark_submit_that_starts_no_job_passes_through_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let spark_submit = script(directory.path(), "spark-submit", "echo version 4 >&2; exit 3");
    let output = run(&["submit", "--server", &nobody(), "--", &spark_submit, "--version"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(3), "version 4\n"));
}

#[test]
fn a_job_that_a_signal_ended_exits_with_128_and_the_signal() {
    let output = run(&["submit", "--server", &nobody(), "--", "sh", "-c", "kill -KILL $$"]);
    assert_eq!(output.status.code(), Some(137));
}

#[test]
fn a_program_that_is_not_there_is_told_like_a_shell_does() {
    let output = run(&["submit", "--server", &nobody(), "--", "no-such-program-here"]);
    assert_eq!(output.status.code(), Some(127));
    assert!(stderr(&output).contains("`no-such-program-here` cannot be started"), "{}", stderr(&output));
}

#[test]
fn a_signal_to_stop_reaches_the_job_behind_a_prefix() {
    let job = "trap 'echo stopping; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let arguments = ["submit", "--server", &nobody(), "--", "env", "A=1", "sh", "-c", job];
    let mut child = paramedic(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let reader = wait_for_line(&mut child, "ready");
    send(&child, Signal::TERM);
    assert_eq!(rest(reader), "stopping\n");
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn a_hang_up_that_nohup_ignores_stays_ignored_and_the_job_has_our_input() {
    let inner = format!(
        "trap '' HUP; exec {} submit --server {} -- sh -c 'echo ready; read line; echo $line'",
        env!("CARGO_BIN_EXE_paramedic"),
        nobody()
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &inner]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let reader = wait_for_line(&mut child, "ready");
    send(&child, Signal::HUP);
    input.write_all(b"went on\n").unwrap();
    assert_eq!(rest(reader), "went on\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_report_tells_the_attempt_also_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let arguments = [
        "submit",
        "--server",
        &nobody(),
        "--report",
        report.to_str().unwrap(),
        "--workflow",
        "w",
        "--",
        "sh",
        "-c",
        "exit 4",
    ];
    assert_eq!(run(&arguments).status.code(), Some(4));
    let story: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!((&story["healed"], &story["exit_code"]), (&false.into(), &4.into()));
    assert_eq!(story["attempts"][0]["attempt"], 1);
    assert_eq!(story["job"]["workflow"], "w");
}

#[test]
fn output_of_the_job_is_not_held_back() {
    let arguments = ["submit", "--server", &nobody(), "--", "sh", "-c", "echo first; read line; echo second"];
    let mut command = paramedic(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // The job writes `first` and waits: seeing it before the job may go on proves that nothing is buffered.
    let reader = wait_for_line(&mut child, "first");
    input.write_all(b"\n").unwrap();
    assert_eq!(rest(reader), "second\n");
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "");
}
