//! The root cause within one block of a log: the deepest `Caused by:`, what a Python traceback ends with, what a lost
//! task was lost to.

use crate::level::{Level, level_of};

/// A root cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    /// Where its line stands in the block, in bytes.
    pub(crate) offset: usize,
    /// What it says, without what stands before.
    pub(crate) text: String,
}

const TRACEBACK: &str = "Traceback (most recent call last)";

/// The root cause of a block; of one without an exception, its first line without time and level.
pub(crate) fn root_of(block: &str) -> Root {
    let lines = Lines::of(block);
    let deepest = lines.deepest_cause().or_else(|| lines.of_python()).or_else(|| lines.first_exception());
    let (offset, text) = deepest.unwrap_or_else(|| lines.first());
    let text = without_lost_task(text);
    Root { offset, text: lines.with_method(offset, text) }
}

/// The exception that a line names at its start: `java.io.IOException: …`, `ValueError: …`, with `Caused by: ` or
/// `Exception in thread "main" ` before it.
pub(crate) fn exception_name(line: &str) -> Option<&str> {
    let line = without_wrapping(line);
    let end = line.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || b"._$".contains(&byte)));
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let simple = name.rsplit(['.', '$']).next().unwrap_or(name);
    let ends = ["Exception", "Error", "Throwable", "Interrupt", "Exit", "Failure"];
    let is_name = ends.iter().any(|end| simple.ends_with(end)) && simple.starts_with(|c: char| c.is_ascii_uppercase());
    (is_name && (rest.is_empty() || rest.starts_with(':') || rest.starts_with(" :") || rest.starts_with(" at ")))
        .then_some(name)
}

fn without_wrapping(line: &str) -> &str {
    let mut line = line.trim_start();
    for start in ["Caused by: ", ": ", "# "] {
        line = line.strip_prefix(start).unwrap_or(line);
    }
    match line.strip_prefix("Exception in thread \"") {
        Some(rest) => rest.split_once("\" ").map_or(line, |(_, rest)| rest),
        None => line,
    }
}

struct Lines<'t>(Vec<(usize, &'t str)>);

impl<'t> Lines<'t> {
    fn of(block: &'t str) -> Self {
        let mut offset = 0;
        let numbered = block.split_inclusive('\n').map(|line| {
            let at = offset;
            offset += line.len();
            (at, line.trim_end())
        });
        Self(numbered.filter(|(_, line)| !line.is_empty()).collect())
    }

    /// The last `Caused by:`; where it is a Python worker's traceback, what that ends with.
    fn deepest_cause(&self) -> Option<(usize, &'t str)> {
        let index = self.0.iter().rposition(|(_, line)| line.trim_start().starts_with("Caused by: "))?;
        let (offset, line) = self.0[index];
        if line.contains(TRACEBACK) {
            return self.end_of_traceback(index).or(Some((offset, without_wrapping(line))));
        }
        Some((offset, without_wrapping(line)))
    }

    /// What the last traceback ends with, or the first where it is said to be the cause of the others. The Java error
    /// behind `Py4J`'s is the one that tells.
    fn of_python(&self) -> Option<(usize, &'t str)> {
        let cause = self.0.iter().any(|(_, line)| line.starts_with("The above exception was the direct cause"));
        let mut tracebacks = (0..self.0.len()).filter(|index| self.0[*index].1.contains(TRACEBACK));
        let index = if cause { tracebacks.next() } else { tracebacks.next_back() }?;
        let (offset, line) = self.end_of_traceback(index)?;
        let py4j = line.contains("Py4JJavaError");
        let java = || self.0.iter().find(|(at, line)| *at > offset && line.starts_with(": "));
        match java().filter(|_| py4j) {
            Some((offset, line)) => Some((*offset, without_wrapping(line))),
            None => Some((offset, line)),
        }
    }

    /// The first line after a traceback's frames.
    fn end_of_traceback(&self, index: usize) -> Option<(usize, &'t str)> {
        let after = self.0[index + 1..].iter().find(|(_, line)| !line.starts_with([' ', '\t']));
        after.map(|(offset, line)| (*offset, *line))
    }

    fn first_exception(&self) -> Option<(usize, &'t str)> {
        let thrown = |line: &str| line.starts_with("Exception in thread \"") || exception_name(line).is_some();
        let found = self.0.iter().find(|(_, line)| thrown(line));
        found.map(|(offset, line)| (*offset, without_wrapping(line)))
    }

    /// The first line; after an entry that only informs, the last of the lines that went on it.
    fn first(&self) -> (usize, &'t str) {
        let Some((offset, line)) = self.0.first() else { return (0, "") };
        match self.0.last() {
            Some((offset, last)) if self.0.len() > 1 && level_of(line) == Some(Level::Information) => {
                (*offset, last.trim_start())
            }
            _ => (*offset, without_head(line)),
        }
    }

    /// An exception that says nothing is told apart by the method that threw it.
    fn with_method(&self, offset: usize, text: &str) -> String {
        let silent = exception_name(text).is_some_and(|name| name.len() == text.trim_end_matches([':', ' ']).len());
        let frame =
            self.0.iter().find(|(at, _)| *at > offset).and_then(|(_, line)| line.trim_start().strip_prefix("at "));
        match frame {
            Some(frame) if silent => format!("{text} at {}", frame.split('(').next().unwrap_or(frame)),
            _ => text.to_owned(),
        }
    }
}

/// An entry without its time and level: `26/01/31 12:00:00 ERROR Utils: Aborting` is `Utils: Aborting`.
fn without_head(line: &str) -> &str {
    let reach = line.floor_char_boundary(200);
    let level = ["ERROR", "FATAL", "CRITICAL", "SEVERE", "WARNING", "WARN", "INFO"]
        .iter()
        .filter_map(|level| line[..reach].find(level).map(|at| (at, at + level.len())))
        .min();
    match level {
        Some((_, end)) => line[end..].trim_start_matches([']', ' ', '-', ':', '\t']),
        None => line,
    }
}

/// `Job aborted due to stage failure: … Lost task 0.3 in stage 1.0 (TID 7) (host executor 1): X` is `X`.
fn without_lost_task(text: &str) -> &str {
    let Some(lost) = text.find("Lost task ") else { return text };
    let Some(task) = text[lost..].find("(TID ") else { return text };
    let rest = &text[lost + task..];
    // `(TID 7) (10.0.0.1 executor 1): X`, in older versions `(TID 7, host, executor 1): X`.
    let inner = rest.find("): ").map(|end| rest[end + 3..].trim_start());
    inner.filter(|inner| !inner.is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(block: &str) -> String {
        let root = root_of(block);
        let line = block[root.offset..].lines().next().unwrap_or_default();
        let start: String = root.text.chars().take(12).collect();
        assert!(line.contains(&start), "{line:?} holds {start:?}");
        root.text
    }

    #[test]
    fn the_deepest_cause_wins() {
        let block = "26/01/31 12:00:00 ERROR Main: failed\njava.lang.RuntimeException: outer\n\tat a.B.c(B.java:1)\n\
                     Caused by: java.io.IOException: middle\n\t... 1 more\nCaused by: com.acme.FeedLate: inner\n\t... 2 more\n";
        assert_eq!(root(block), "com.acme.FeedLate: inner");
    }

    #[test]
    fn a_python_workers_error_is_the_root_of_its_java_wrapping() {
        let block = "Traceback (most recent call last):\n  File \"job.py\", line 8, in <module>\n    run()\n\
                     py4j.protocol.Py4JJavaError: An error occurred while calling o66.collectToPython.\n\
                     : org.apache.spark.SparkException: Job aborted\n\tat a.B.c(B.scala:1)\n\
                     Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  \
                     File \"job.py\", line 3, in f\nFeedLateError: feed 7\n\n\tat a.B.e(B.scala:3)\n\t... 1 more\n";
        assert_eq!(root(block), "FeedLateError: feed 7");
    }

    #[test]
    fn the_java_error_behind_py4j_tells() {
        let block = "Traceback (most recent call last):\n  File \"job.py\", line 8\npy4j.protocol.Py4JJavaError: An error \
                     occurred while calling o1.x.\n: com.acme.FeedLate: late\n\tat a.B.c(B.scala:1)\n";
        assert_eq!(root(block), "com.acme.FeedLate: late");
    }

    #[test]
    fn of_chained_tracebacks_the_cause_is_taken_where_one_is_named() {
        let chained = |words: &str| {
            format!("{TRACEBACK}:\n  File \"a\"\nKeyError: 1\n\n{words}\n\n{TRACEBACK}:\n  File \"b\"\nJobError: 2\n")
        };
        let cause = "The above exception was the direct cause of the following exception:";
        assert_eq!(root(&chained(cause)), "KeyError: 1");
        assert_eq!(
            root(&chained("During handling of the above exception, another exception occurred:")),
            "JobError: 2"
        );
    }

    #[test]
    fn a_lost_task_is_told_by_what_it_was_lost_to() {
        for block in [
            "26/01/31 12:00:00 WARN TaskSetManager: Lost task 0.0 in stage 1.0 (TID 8) (10.0.0.1 executor 0): com.acme.X: y",
            "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most \
             recent failure: Lost task 0.3 in stage 1.0 (TID 7, host, executor 1): com.acme.X: y",
        ] {
            assert_eq!(root_of(block).text, "com.acme.X: y");
        }
    }

    #[test]
    fn an_exception_without_a_message_is_told_by_its_method() {
        let block =
            "Exception in thread \"main\" java.lang.NullPointerException\n\tat com.acme.Feed.read(Feed.java:12)\n";
        assert_eq!(root_of(block).text, "java.lang.NullPointerException at com.acme.Feed.read");
    }

    #[test]
    fn an_entry_loses_its_time_and_level() {
        for line in [
            "26/01/31 12:00:00 ERROR Utils: Aborting task",
            "2026-01-31 12:00:00,123 [main] ERROR - Utils: Aborting task",
            "ERROR: Utils: Aborting task",
        ] {
            assert_eq!(root(line), "Utils: Aborting task");
        }
        assert_eq!(root("Killed\n"), "Killed");
        assert_eq!(root_of("").text, "");
    }
}
