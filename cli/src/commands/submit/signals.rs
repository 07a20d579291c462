//! Signals that are meant for the job.

use std::{fs, future::poll_fn, io, process, task::Poll};

use rustix::process::{Pid, Signal};
use tokio::signal::unix::{SignalKind, signal};

/// Signals that end a job, by which its owner or its scheduler stops it.
const FORWARDED: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];

/// Catches the signals that are meant for the job, from now until the process ends.
pub(crate) struct Signals {
    streams: Vec<(Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    /// Starts to catch. A signal that the caller set to be ignored (`nohup`) stays ignored, for the job too.
    pub(crate) fn catch() -> io::Result<Self> {
        let ignored = ignored_signals();
        let streams = FORWARDED
            .into_iter()
            .filter(|caught| ignored & (1 << (caught.as_raw() - 1)) == 0)
            .map(|caught| Ok((caught, signal(SignalKind::from_raw(caught.as_raw()))?)))
            .collect::<io::Result<_>>()?;
        Ok(Self { streams })
    }

    /// The next signal that arrives. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (caught, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*caught);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Passes a signal on to the job's process, unless the terminal has given it to the job already.
pub(crate) fn forward(caught: Signal, process_id: u32) {
    if from_terminal(caught) {
        return;
    }
    if let Some(pid) = i32::try_from(process_id).ok().and_then(Pid::from_raw) {
        // The one error that can come is that the process is gone, which its exit status tells.
        let _ = rustix::process::kill_process(pid, caught);
    }
}

/// ^C and ^\ go to the whole foreground process group, so the job has them too: twice would be once too often.
fn from_terminal(caught: Signal) -> bool {
    (caught == Signal::INT || caught == Signal::QUIT)
        && fs::File::open("/dev/tty")
            .is_ok_and(|terminal| rustix::termios::tcgetpgrp(&terminal) == Ok(rustix::process::getpgrp()))
}

/// The set of ignored signals, bit n-1 for signal n; none where the system does not tell.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process::id())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
