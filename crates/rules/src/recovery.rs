//! Which of a log's warnings were recovered from: the task that was lost finished later, the job went on and finished.

use std::{cell::OnceCell, collections::HashMap, sync::LazyLock};

use regex::Regex;

use crate::entry::{Level, head};

/// Most tasks that are remembered of one log.
const TASKS_MAX: usize = 1_000_000;
/// How much is read at once from the end, in bytes.
const WINDOW_BYTES: usize = 64 * 1024;

/// A job or an application that finished, or the table that `show` prints of a result.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static JOB_FINISHED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?m)\bJob \d+ (?:finished|is finished)\b|\bFinal app status: SUCCEEDED\b",
        r"|^\+(?:-+\+)+\r?$|^only showing top \d+ rows?\b"
    ))
    .expect("the pattern is constant")
});
/// Signs that something failed for good.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static FAILED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:ERROR|FATAL)\b|Exception in thread|Traceback \(most recent|aborting job|Job aborted|# A fatal error",
    )
    .expect("the pattern is constant")
});

/// What errors tell that Spark itself recovers from, as long as its attempts last.
const RECOVERABLE: &[&str] = &[LOST_EXECUTOR, "Exception in task "];
const LOST_EXECUTOR: &str = "Lost executor ";

/// A task of a stage: the stage and its attempt, and the task's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Task {
    stage: (u64, u64),
    index: u64,
}

/// What a log says of tasks and jobs that went well after all.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// The last attempt of each task (its stage, its index) that finished.
    finished: HashMap<Task, u64>,
    /// Up to where all went well: the last job that finished, where nothing failed for good after an entry.
    last_job_finished: usize,
    /// Where the last sign of a final failure stands.
    last_failure: Option<usize>,
}

impl Recovery {
    pub(crate) fn of(text: &str) -> Self {
        let mut recovery = Self::default();
        for found in memchr::memmem::find_iter(text.as_bytes(), "Finished task ") {
            if recovery.finished.len() < TASKS_MAX
                && let Some((key, attempt)) = task_of(&text[found..])
            {
                let last = recovery.finished.entry(key).or_default();
                *last = attempt.max(*last);
            }
        }
        recovery.last_job_finished = last_match(&JOB_FINISHED, text, |_| true).unwrap_or_default();
        let is_final = |at: usize| !RECOVERABLE.iter().any(|sign| line_from(text, at).contains(sign));
        recovery.last_failure = last_match(&FAILED, text, is_final);
        recovery
    }

    /// Is the entry that starts at `start` of the log one whose matter went well later: the failure of a task that
    /// finished in a later attempt, a lost executor or a warning (or less) before a job that finished?
    pub(crate) fn covers(&self, block: &str, start: usize) -> bool {
        let first = block.lines().next().unwrap_or_default();
        if let Some((key, attempt)) = failed_task(first)
            && self.finished.get(&key).is_some_and(|finished| *finished > attempt)
        {
            return true;
        }
        let may_recover = is_warning(first) || first.contains(LOST_EXECUTOR);
        may_recover && start < self.last_job_finished && self.last_failure.is_none_or(|failure| failure < start)
    }
}

/// What is left of the line from this offset.
fn line_from(text: &str, at: usize) -> &str {
    let rest = text.as_bytes()[at..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |length| at + length);
    &text[at..rest]
}

/// Is the line the first of an entry of level WARN or less?
fn is_warning(first: &str) -> bool {
    head(first).is_some_and(|head| head.level <= Level::Warn)
}

/// The task whose failure an entry tells by its first line: a warning of the scheduler's, an error of an executor's.
fn failed_task(first: &str) -> Option<(Task, u64)> {
    let telling = if is_warning(first) {
        "Lost task "
    } else if head(first)?.logger?.ends_with("Executor") {
        "Exception in task "
    } else {
        return None;
    };
    task_of(&first[first.find(telling)?..])
}

/// The task that the text begins with, after what it says of it, and the attempt: `Lost task 3.0 in stage 2.0`.
fn task_of(text: &str) -> Option<(Task, u64)> {
    let rest = text.get(text.find(" task ")? + " task ".len()..)?;
    let (index, rest) = number(rest)?;
    let (attempt, rest) = number(rest.strip_prefix('.')?)?;
    let (stage, rest) = number(rest.strip_prefix(" in stage ")?)?;
    let (stage_attempt, _) = number(rest.strip_prefix('.')?)?;
    Some((Task { stage: (stage, stage_attempt), index }, attempt))
}

/// The number that the text begins with, and what follows.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Where the last match starts that counts, of a pattern that matches within lines: the log is read from its end.
fn last_match(pattern: &Regex, text: &str, counts: impl Fn(usize) -> bool) -> Option<usize> {
    let mut end = text.len();
    while end > 0 {
        let from = end.saturating_sub(WINDOW_BYTES);
        let start = memchr::memrchr(b'\n', &text.as_bytes()[..from]).map_or(0, |newline| newline + 1);
        let matches = pattern.find_iter(&text[start..end]).map(|found| start + found.start());
        if let Some(last) = matches.filter(|at| counts(*at)).last() {
            return Some(last);
        }
        end = start;
    }
    None
}

/// What one log says of recoveries, read when it is first asked for.
#[derive(Debug)]
pub(crate) struct LazyRecovery<'t> {
    log: &'t str,
    read: OnceCell<Recovery>,
}

impl<'t> LazyRecovery<'t> {
    pub(crate) const fn of(log: &'t str) -> Self {
        Self { log, read: OnceCell::new() }
    }

    /// As [`Recovery::covers`]; the log is read for entries only that it may cover.
    pub(crate) fn covers(&self, block: &str, start: usize) -> bool {
        let first = block.lines().next().unwrap_or_default();
        (is_warning(first) || first.contains(LOST_EXECUTOR) || failed_task(first).is_some())
            && self.read.get_or_init(|| Recovery::of(self.log)).covers(block, start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_last_match_is_the_last(lines in 0_usize..4_000, at in 0_usize..4_000, other in 0_usize..4_000) {
            let line = |number: usize| match number {
                _ if number == at || number == other => "26/01/31 INFO DAGScheduler: Job 1 finished: x, took 2 s é\n",
                _ => "26/01/31 INFO DAGScheduler: Job 1 started: something or other\n",
            };
            let text: String = (0..lines).map(line).collect();
            let last = JOB_FINISHED.find_iter(&text).last().map(|last| last.start());
            prop_assert_eq!(last_match(&JOB_FINISHED, &text, |_| true), last);
        }
    }

    const LOST: &str = "26/01/31 12:00:00 WARN TaskSetManager: Lost task 3.0 in stage 2.0 (TID 7) (w executor 1): \
                        java.lang.OutOfMemoryError: Java heap space\n";

    fn covered(block: &str, rest: &str) -> bool {
        let text = format!("{block}{rest}");
        LazyRecovery::of(&text).covers(block, 0)
    }

    #[test]
    fn a_lost_task_that_finished_later_is_recovered() {
        let finished =
            |task| format!("26/01/31 12:00:09 INFO TaskSetManager: Finished task {task} (TID 9) in 5 ms on w\n");
        assert!(covered(LOST, &finished("3.1 in stage 2.0")));
        assert!(!covered(LOST, &finished("4.1 in stage 2.0")) && !covered(LOST, &finished("3.1 in stage 3.0")));
        assert!(!covered(
            LOST,
            "26/01/31 12:00:09 ERROR TaskSetManager: Task 3 in stage 2.0 failed 4 times; aborting job\n"
        ));
    }

    #[test]
    fn a_lost_task_before_a_job_that_finished_is_recovered_unless_something_failed() {
        let finished = "26/01/31 12:00:09 INFO DAGScheduler: Job 0 finished: collect, took 2 s\n";
        let aborted = "26/01/31 12:00:10 ERROR TaskSetManager: Task 3 in stage 2.0 failed 4 times; aborting job\n";
        assert!(covered(LOST, finished));
        assert!(covered(LOST, "26/01/31 12:00:09 INFO ApplicationMaster: Final app status: SUCCEEDED, exitCode: 0\n"));
        assert!(!covered(LOST, &format!("{finished}{aborted}")) && !covered(LOST, ""));
    }

    #[test]
    fn an_executors_error_of_a_task_that_finished_later_is_recovered() {
        let error = "26/01/31 12:00:00 ERROR Executor: Exception in task 3.0 in stage 2.0 (TID 7)\njava.lang.X: y\n";
        let finished =
            |task| format!("26/01/31 12:00:09 INFO Executor: Finished task {task} in stage 2.0 (TID 9). 1 bytes\n");
        assert!(covered(error, &finished("3.1")));
        assert!(!covered(error, &finished("4.1")) && !covered(error, ""));
        assert!(!covered(&error.replace("Executor", "Main"), &finished("3.1")));
    }

    #[test]
    fn a_lost_executor_is_recovered_from_when_the_job_finished() {
        let lost = "26/01/31 12:00:00 ERROR TaskSchedulerImpl: Lost executor 0 on h: Command exited with code 143\n";
        let finished = "26/01/31 12:00:09 INFO DAGScheduler: Job 0 finished: collect, took 2 s\n";
        assert!(covered(lost, finished));
        assert!(!covered(lost, ""));
        assert!(!covered(lost, &format!("{finished}26/01/31 12:00:10 ERROR TaskSetManager: Task 3 failed 4 times\n")));
    }

    #[test]
    fn a_warning_before_a_job_that_finished_is_recovered_unless_something_failed() {
        let warning = "26/01/31 12:00:00 WARN BlockManager: Putting block failed\n";
        let finished = "26/01/31 12:00:09 INFO DAGScheduler: Job 0 finished: collect, took 2 s\n";
        assert!(covered(warning, finished));
        let shown = "+---+\n| id|\n+---+\n|  7|\n+---+\n";
        assert!(covered(warning, shown) && covered(warning, "only showing top 20 rows\n"));
        assert!(!covered(warning, &format!("{shown}Exception in thread \"main\" a.B: c\n")));
        assert!(!covered(&warning.replace("WARN", "ERROR"), finished));
        assert!(!covered(warning, &format!("{finished}26/01/31 12:00:10 ERROR Main: broken\n")));
        assert!(!covered(warning, ""));
    }
}
