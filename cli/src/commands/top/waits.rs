//! `paramedic top --waits`: each wait as it ends, behind the rate limit of the eBPF program.

use std::time::{Duration, Instant};

use paramedic_hostagent::{Collector, snapshot::LiveWait};

use super::table::seconds;
use crate::{exit::CommandError, output};

/// How often is looked what has come; the program wakes nobody.
const EVERY: Duration = Duration::from_millis(100);
/// How often is looked which processes there are.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Prints waits until it is told to stop.
pub(super) fn run(collector: &mut Collector, per_second: u32, json: bool) -> Result<(), CommandError> {
    if !collector.set_live(per_second) {
        return Err(CommandError::Usage("--waits needs the eBPF programs, which do not run here".to_owned()));
    }
    let (mut looked, mut told) = (Instant::now(), 0);
    loop {
        std::thread::sleep(EVERY);
        let (waits, left_out) = collector.live();
        for wait in &waits {
            let text = if json { serde_json::to_string(wait).map_err(anyhow::Error::from)? } else { line(wait) };
            output::print(&text)?;
        }
        if looked.elapsed() >= LOOK_EVERY {
            collector.look();
            looked = Instant::now();
            if left_out > told {
                output::tell(&format!("{} waits over the limit", left_out - told));
                told = left_out;
            }
        }
    }
}

fn line(wait: &LiveWait) -> String {
    format!(
        "{:>8}  {} ({}) of {}, behind {}, on CPU {}",
        seconds(wait.wait_s),
        output::shown(&wait.name, 16),
        wait.task,
        output::shown(wait.workload.as_deref().unwrap_or("?"), 44),
        output::shown(wait.behind.as_deref().unwrap_or("?"), 44),
        wait.cpu
    )
}
