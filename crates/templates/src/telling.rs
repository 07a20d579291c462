//! Finds the line of a failure's logs that tells its cause best.

use paramedic_domain::LogKind;
use paramedic_rules::{
    LogText,
    block::{Block, split},
};

use crate::{
    level::{Level, level_of},
    root::{Root, exception_name, root_of},
};

/// Longest excerpt around a telling line, in bytes.
pub const EXCERPT_BYTES_MAX: usize = 8 * 1024;
/// What a driver still says while it goes down, whatever it was that failed.
const AFTERMATH: [&str; 5] = [
    "ShutdownHookManager",
    "Exception while deleting Spark temp dir",
    "Could not find CoarseGrainedScheduler",
    "has already stopped! Dropping event",
    "Error while sending Heartbeat",
];

/// The line that tells the cause, and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The log it stands in.
    pub log: LogKind,
    /// What people call that log.
    pub name: String,
    /// Number of the line in that log, from 1.
    pub line: u64,
    /// What it tells, without time, level and wrapping exceptions; with the method where an exception says nothing.
    pub text: String,
    /// The log entry it stands in, at most [`EXCERPT_BYTES_MAX`].
    pub excerpt: String,
}

/// The telling line of a failure: the root cause in the entry that looks most like the end of the job; of several, the
/// last. `None` where the logs hold no line at all.
pub fn telling(logs: &[LogText]) -> Option<Telling> {
    let mut best: Option<(Weight, &LogText, Block<'_>)> = None;
    for log in logs {
        for block in split(&log.text) {
            let weight = Weight { end: weight_of(&block), log: rank(log.log) };
            if weight.end > 0 && best.as_ref().is_none_or(|(known, ..)| weight >= *known) {
                best = Some((weight, log, block));
            }
        }
    }
    let (_, log, block) = best?;
    let Root { offset, text } = root_of(block.text);
    let (line, _) = block.line_at(offset);
    let excerpt = excerpt(block.text, offset);
    Some(Telling { log: log.log, name: log.name.clone(), line, text, excerpt })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    end: u8,
    log: u8,
}

/// Of two entries that look alike, the one of the driver tells more.
const fn rank(log: LogKind) -> u8 {
    match log {
        LogKind::DriverStderr => 5,
        LogKind::DriverStdout => 4,
        LogKind::Scheduler => 3,
        LogKind::Orchestrator => 2,
        LogKind::ExecutorStderr => 1,
        LogKind::ExecutorStdout => 0,
    }
}

/// How much an entry looks like what ended the job; 0: not at all.
fn weight_of(block: &Block<'_>) -> u8 {
    let text = block.text;
    let first = text.lines().next().unwrap_or_default();
    if text.trim().is_empty() {
        return 0;
    }
    let throws = throws(text);
    let aftermath = AFTERMATH.iter().any(|words| first.contains(words));
    match level_of(first) {
        _ if aftermath => 1,
        None if ends_the_program(first) => 8,
        Some(Level::Error) if throws || first.contains("Job aborted") || first.contains("Final app status") => 7,
        None if throws => 6,
        Some(Level::Error) => 5,
        Some(Level::Warning) if throws => 4,
        Some(Level::Warning) => 3,
        None => 2,
        // Plain lines went on an entry that told nothing.
        Some(Level::Information) if text.trim_end().contains('\n') => 2,
        Some(Level::Information) => 1,
    }
}

fn ends_the_program(first: &str) -> bool {
    first.starts_with("Exception in thread \"main\"")
        || first.starts_with("Traceback (most recent call last)")
        || first.contains("User class threw exception")
}

/// Does it hold an exception with its trace, or the name of one at the start of a line?
fn throws(text: &str) -> bool {
    text.contains("\n\tat ")
        || text.contains("Caused by: ")
        || text.contains("Traceback (most recent call last)")
        || text.lines().take(8).any(|line| exception_name(line).is_some())
}

/// The block, or where it is too long its head and what stands around the telling line.
fn excerpt(text: &str, offset: usize) -> String {
    if text.len() <= EXCERPT_BYTES_MAX {
        return text.to_owned();
    }
    let half = EXCERPT_BYTES_MAX / 2;
    if offset < half {
        return text[..text.floor_char_boundary(EXCERPT_BYTES_MAX)].to_owned();
    }
    let head = &text[..text.floor_char_boundary(half)];
    let head = &head[..head.rfind('\n').map_or(head.len(), |end| end + 1)];
    let from = head.len().max(text.floor_char_boundary(offset));
    let to = text.floor_char_boundary((from + EXCERPT_BYTES_MAX - head.len()).min(text.len()));
    format!("{head}{}", &text[from..to])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log(log: LogKind, text: &str) -> LogText {
        LogText { log, name: log.to_string(), text: text.to_owned() }
    }

    fn told(text: &str) -> String {
        telling(&[log(LogKind::DriverStderr, text)]).unwrap().text
    }

    #[test]
    fn the_end_of_the_program_tells_more_than_what_was_logged_before_and_after() {
        let text = "26/01/31 12:00:00 WARN TaskSetManager: Lost task 0.0 in stage 1.0 (TID 8) (h executor 0): a.b.X: early\n\
                    \tat a.B.c(B.java:1)\n26/01/31 12:00:01 ERROR Feed: cannot go on\n\
                    Exception in thread \"main\" com.acme.FeedLate: late\n\tat a.B.c(B.java:1)\n\
                    26/01/31 12:00:02 INFO SparkContext: stopped\n\
                    26/01/31 12:00:02 ERROR ShutdownHookManager: Exception while deleting Spark temp dir: /tmp/x\n\
                    java.io.IOException: Failed to delete: /tmp/x\n\tat a.B.c(B.java:1)\n";
        let telling = telling(&[log(LogKind::DriverStderr, text)]).unwrap();
        assert_eq!((telling.text.as_str(), telling.line), ("com.acme.FeedLate: late", 4));
        assert_eq!(telling.excerpt, "Exception in thread \"main\" com.acme.FeedLate: late\n\tat a.B.c(B.java:1)\n");
    }

    #[test]
    fn of_alike_entries_the_drivers_and_then_the_last_tells() {
        let executor = log(LogKind::ExecutorStderr, "26/01/31 12:00:00 ERROR A: from an executor");
        let driver = log(LogKind::DriverStderr, "26/01/31 12:00:00 ERROR A: first\n26/01/31 12:00:00 ERROR A: last\n");
        assert_eq!(telling(&[driver, executor]).unwrap().text, "A: last");
    }

    #[test]
    fn without_any_error_the_last_line_tells() {
        assert_eq!(told("starting\n26/01/31 12:00:00 INFO A: b\nKilled\n"), "Killed");
        assert_eq!(told("26/01/31 12:00:00 INFO A: b\n"), "A: b");
        assert_eq!(telling(&[log(LogKind::DriverStderr, "\n\n")]), None);
        assert_eq!(telling(&[]), None);
    }

    #[test]
    fn a_long_entry_is_cut_around_its_telling_line() {
        let frames = "\tat a.B.c(B.java:1)\n".repeat(5_000);
        let text =
            format!("Exception in thread \"main\" a.X: outer\n{frames}Caused by: a.FeedLateException: inner\n{frames}");
        let telling = telling(&[log(LogKind::DriverStderr, &text)]).unwrap();
        assert_eq!(telling.text, "a.FeedLateException: inner");
        assert!(telling.excerpt.len() <= EXCERPT_BYTES_MAX);
        assert!(telling.excerpt.starts_with("Exception in") && telling.excerpt.contains("Caused by: a.FeedLate"));
    }

    proptest! {
        #[test]
        fn any_text_is_told_within_bounds(text in "(?s)(?:[ -~\n\té]|Caused by: |\n\tat |Traceback \\(most recent call last\\)|ERROR|Lost task |\\(TID |\\): ){0,120}") {
            if let Some(telling) = telling(&[log(LogKind::DriverStdout, &text)]) {
                prop_assert!(telling.excerpt.len() <= EXCERPT_BYTES_MAX);
                prop_assert!(telling.line >= 1 && telling.line <= text.lines().count() as u64 + 1);
            }
        }
    }
}
