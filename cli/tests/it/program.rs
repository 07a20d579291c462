//! How the tests run the binary.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// The binary, with an environment that names no server.
pub(crate) fn paramedic(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paramedic"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["PARAMEDIC_URL", "PARAMEDIC_TOKEN", "PARAMEDIC_RULES", "SPARK_HOME", "SPARK_CONF_DIR"] {
        command.env_remove(variable);
    }
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    paramedic(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The repository's own rules.
pub(crate) fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")
}

/// A URL where nothing listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A script that stands for a program.
pub(crate) fn script(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Waits for a line on the output of a program that runs; answers the output after it.
pub(crate) fn wait_for_line(child: &mut Child, line: &str) -> BufReader<ChildStdout> {
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut read = String::new();
    while read.trim_end() != line {
        read.clear();
        assert_ne!(reader.read_line(&mut read).unwrap(), 0, "the output ended before `{line}`");
    }
    reader
}

pub(crate) fn rest(mut reader: BufReader<ChildStdout>) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}
