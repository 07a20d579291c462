//! `paramedic top` on a terminal: whichever way it ends, the terminal is as it was.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    process::{Child, Command},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcgetattr, tcsetwinsize},
};

/// Far more than a screen takes, also beside a build.
const PATIENCE: Duration = Duration::from_mins(1);
const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";

/// A terminal, and what was written to it.
struct Terminal {
    keyboard: File,
    device: File,
    written: mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    fn open() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        tcsetwinsize(&keyboard, Winsize { ws_row: 40, ws_col: 160, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let terminal = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let keyboard = File::from(keyboard);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, written) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = screen.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, device: terminal, written, text: String::new() }
    }

    fn run(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paramedic"));
        let terminal = || self.device.try_clone().unwrap();
        command.args(arguments).stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().unwrap()
    }

    fn wait_for(&mut self, words: &str) {
        while !self.text.contains(words) {
            let more =
                self.written.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {words:?} in {:?}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&more));
        }
    }
}

fn ends_as_it_began(end: impl FnOnce(&mut Terminal, &Child)) {
    let mut terminal = Terminal::open();
    let before = format!("{:?}", tcgetattr(&terminal.device).unwrap());
    let mut top = terminal.run(&["top", "--no-bpf", "--period", "1"]);
    terminal.wait_for(ENTERS);
    terminal.wait_for("agent:");
    end(&mut terminal, &top);
    terminal.wait_for(LEAVES);
    assert!(top.wait().unwrap().success());
    assert_eq!(format!("{:?}", tcgetattr(&terminal.device).unwrap()), before);
}

#[test]
fn a_key_ends_it() {
    ends_as_it_began(|terminal, _| terminal.keyboard.write_all(b"pmnwq").unwrap());
}

#[test]
fn a_signal_ends_it() {
    ends_as_it_began(|_, top| {
        kill_process(Pid::from_child(top), Signal::TERM).unwrap();
    });
}

#[test]
fn once_it_prints_one_document() {
    let output = Command::new(env!("CARGO_BIN_EXE_paramedic"))
        .args(["top", "--no-bpf", "--once", "--json", "--period", "1"])
        .output()
        .unwrap();
    let snapshot: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(snapshot["agent"]["run_queue_source"], "schedstat");
    assert!(snapshot["workloads"].as_array().is_some_and(|workloads| !workloads.is_empty()));
}
