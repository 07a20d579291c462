//! Runs the job's command in the foreground.

use std::{io, os::unix::process::ExitStatusExt as _, process::ExitStatus, process::Stdio, time::Duration};

use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    process::{Child, Command},
    sync::watch,
};

use super::{
    capture::Capture,
    signals::{self, Signals},
};
use crate::output::{shown, tell};

/// How long an output may stay silent once the job has ended: processes that it left behind may hold it open for ever.
const SILENCE_AFTER_END: Duration = Duration::from_secs(1);

/// How the job's command ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// Its exit code; 128 + n when signal n ended it.
    pub(crate) exit_code: i32,
    /// Someone stopped it through us.
    pub(crate) stopped_by: Option<Signal>,
    /// What it wrote to standard output, where that was captured.
    pub(crate) stdout: Capture,
    /// What it wrote to standard error, where that was captured.
    pub(crate) stderr: Capture,
}

/// Runs a command as if it had been called itself: our input and outputs, untouched.
pub(crate) async fn run_as_written(command: &[String], signals: &mut Signals) -> io::Result<Ending> {
    let mut child = prepare(command)?.spawn()?;
    let (status, stopped_by) = wait(&mut child, signals).await?;
    Ok(Ending { exit_code: exit_code(status), stopped_by, stdout: Capture::default(), stderr: Capture::default() })
}

/// Runs a command with our input; its outputs pass through to ours byte for byte, and are captured.
pub(crate) async fn run_captured(command: &[String], signals: &mut Signals) -> io::Result<Ending> {
    let mut child = prepare(command)?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("the outputs of the job could not be captured"));
    };
    let (ended, is_ended) = watch::channel(false);
    let wait = async {
        let result = wait(&mut child, signals).await;
        ended.send_replace(true);
        result
    };
    let (waited, stdout, stderr) = tokio::join!(
        wait,
        pass_through(stdout, tokio::io::stdout(), is_ended.clone()),
        pass_through(stderr, tokio::io::stderr(), is_ended.clone()),
    );
    let (status, stopped_by) = waited?;
    Ok(Ending { exit_code: exit_code(status), stopped_by, stdout, stderr })
}

/// Tells why a command could not be started; answers the exit code that a shell gives for it.
pub(crate) fn cannot_start(command: &[String], error: &io::Error) -> i32 {
    let program = command.first().map_or("", String::as_str);
    let (mend, exit_code) = match error.kind() {
        io::ErrorKind::NotFound => ("; is it installed, and on PATH?", 127),
        io::ErrorKind::PermissionDenied => ("; is it executable?", 126),
        _ => ("", 126),
    };
    tell(&format!("`{}` cannot be started: {error}{mend}", shown(program, 200)));
    exit_code
}

fn prepare(command: &[String]) -> io::Result<Command> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"))?;
    let mut prepared = Command::new(program);
    prepared.args(arguments);
    Ok(prepared)
}

/// Waits for the end, passing on the signals that arrive.
async fn wait(child: &mut Child, signals: &mut Signals) -> io::Result<(ExitStatus, Option<Signal>)> {
    let mut stopped_by = None;
    loop {
        tokio::select! {
            status = child.wait() => return Ok((status?, stopped_by)),
            caught = signals.next() => {
                stopped_by = Some(caught);
                if let Some(process_id) = child.id() {
                    signals::forward(caught, process_id);
                }
            }
        }
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// Copies until the end of `from`, keeping what passes. When `to` is closed, `from` is closed too, as if they were one.
async fn pass_through(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut is_ended: watch::Receiver<bool>,
) -> Capture {
    let mut capture = Capture::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            read = from.read(&mut buffer) => read,
            () = silence_after_end(&mut is_ended) => break,
        };
        let Ok(count @ 1..) = read else { break };
        capture.push(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    capture
}

async fn silence_after_end(is_ended: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, and it goes only once the job has ended.
    let _ = is_ended.wait_for(|ended| *ended).await;
    tokio::time::sleep(SILENCE_AFTER_END).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_exit_code_is_the_jobs_and_a_signal_counts_from_128() {
        let mut signals = Signals::catch().unwrap();
        for (script, code) in [("exit 7", 7), ("kill -KILL $$", 137), ("true", 0)] {
            let command = ["sh", "-c", script].map(str::to_owned);
            assert_eq!(run_captured(&command, &mut signals).await.unwrap().exit_code, code, "{script}");
        }
    }

    #[tokio::test]
    async fn bytes_pass_through_as_they_are_and_are_kept() {
        let (is_ended, mut passed) = (watch::channel(false).1, Vec::new());
        let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let capture = pass_through(bytes.as_slice(), &mut passed, is_ended).await;
        assert_eq!(passed, bytes);
        assert_eq!(capture.into_text(), String::from_utf8_lossy(&bytes));
    }

    #[tokio::test]
    async fn a_process_left_behind_with_the_output_open_does_not_hold_us() {
        let mut signals = Signals::catch().unwrap();
        let command = ["sh", "-c", "sleep 60 & echo done >&2"].map(str::to_owned);
        let run = run_captured(&command, &mut signals);
        let ending = tokio::time::timeout(Duration::from_secs(20), run).await.unwrap().unwrap();
        assert_eq!(ending.stderr.into_text(), "done\n");
    }
}
