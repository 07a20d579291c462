//! Cuts a log into blocks: a log entry, a Python traceback or a Java stack trace together with its continuation lines.

mod finder;

pub(crate) use finder::BlockFinder;

/// Longest block, in bytes; what goes on is a block of its own. The longest entries of real drivers are query plans.
const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// One unit of a log. A pattern matches within one block only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// Its text, from the start of its first line to the end of its last, line ends included.
    pub text: &'t str,
    /// Where it starts in the log, in bytes.
    pub start: usize,
    /// Number of its first line in the log, from 1.
    pub first_line: u64,
}

impl<'t> Block<'t> {
    /// The line around `offset` (in bytes, within the block): its number in the log, and its text without line end.
    pub fn line_at(&self, offset: usize) -> (u64, &'t str) {
        let bytes = self.text.as_bytes();
        let offset = offset.min(bytes.len());
        let start = bytes[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let end = bytes[start..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| start + length);
        let number = self.first_line + memchr::memchr_iter(b'\n', &bytes[..start]).count() as u64;
        (number, self.text[start..end].trim_end_matches('\r'))
    }
}

/// What a line is to the block before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// A log entry's first line, `Exception in thread`, a Python traceback: starts a block, and takes plain lines in.
    Entry,
    /// A line of a JVM crash banner (`# …`), or of a comment that quotes a log.
    Banner,
    /// An exception at the left margin: goes on an entry, starts a block elsewhere.
    Exception,
    /// A frame of a Java stack trace.
    Frame,
    /// Indented, `Caused by:`, `... 12 more`: goes on whatever is open.
    Continuation,
    /// Empty.
    Blank,
    /// Anything else.
    Plain,
}

/// Cuts `text` into blocks, in order, without gaps.
pub fn split(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut cutter = Cutter::new();
    let (mut start, mut first_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let starts = cutter.starts_block(line.trim_end_matches(['\n', '\r'])) || offset - start > BLOCK_BYTES_MAX;
        if starts && offset > start {
            blocks.push(Block { text: &text[start..offset], start, first_line });
            start = offset;
            first_line = index as u64 + 1;
        }
        offset += line.len();
    }
    if offset > start {
        blocks.push(Block { text: &text[start..offset], start, first_line });
    }
    blocks
}

#[derive(Debug)]
struct Cutter {
    /// The first line of the block that is open.
    opened_by: Line,
    /// The last line that was not blank.
    previous: Line,
    /// The last line said that another Python traceback follows and belongs to this one.
    chained: bool,
}

impl Cutter {
    fn new() -> Self {
        Self { opened_by: Line::Plain, previous: Line::Blank, chained: false }
    }

    /// Does `line` start a block? Remembers the line.
    fn starts_block(&mut self, line: &str) -> bool {
        let kind = kind_of(line);
        if kind == Line::Blank {
            return false;
        }
        let starts = match kind {
            Line::Entry => !(self.chained && line.starts_with("Traceback")),
            Line::Banner => self.opened_by != Line::Banner,
            Line::Exception => self.previous == Line::Frame || matches!(self.opened_by, Line::Plain | Line::Banner),
            Line::Plain => self.previous == Line::Frame || matches!(self.opened_by, Line::Plain | Line::Banner),
            Line::Frame | Line::Continuation | Line::Blank => false,
        };
        self.chained = line.starts_with("During handling of the above exception")
            || line.starts_with("The above exception was the direct cause");
        self.previous = kind;
        if starts {
            self.opened_by = kind;
        }
        starts
    }
}

fn kind_of(line: &str) -> Line {
    let bytes = line.as_bytes();
    match bytes {
        [] => Line::Blank,
        [b' ' | b'\t', ..] => kind_of_indented(line.trim_start()),
        [b'#', ..] | [b'/', b'/', ..] => Line::Banner,
        [b'{', b'"', ..] | [b'[', b'0'..=b'9', ..] => Line::Entry,
        [b'0'..=b'9', ..] if starts_with_time(bytes) => Line::Entry,
        _ if line.starts_with("at ") => Line::Frame,
        _ if starts_entry(line) => Line::Entry,
        _ if continues(line) => Line::Continuation,
        _ if is_exception(line) => Line::Exception,
        _ => Line::Plain,
    }
}

fn kind_of_indented(rest: &str) -> Line {
    if rest.is_empty() {
        Line::Blank
    } else if rest.starts_with("at ") || (rest.starts_with("... ") && rest.ends_with(" more")) {
        Line::Frame
    } else {
        Line::Continuation
    }
}

/// `26/11/21 00:26:21`, `2026-11-21T00:26:21`, `00:26:21.123`: two or four digits, a separator, two digits.
fn starts_with_time(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits == 2 || digits == 4)
        && matches!(bytes.get(digits), Some(b'/' | b'-' | b':'))
        && bytes.get(digits + 1..digits + 3).is_some_and(|next| next.iter().all(u8::is_ascii_digit))
}

fn starts_entry(line: &str) -> bool {
    const STARTS: &[&str] = &[
        "ERROR",
        "WARN",
        "INFO",
        "FATAL",
        "DEBUG",
        "TRACE",
        "[ERROR",
        "[WARN",
        "[INFO",
        "[FATAL",
        "[DEBUG",
        "Exception in thread",
        "Traceback (most recent call last)",
        "[Stage ",
    ];
    const MONTHS: &[&str] =
        &["Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ", "Dec "];
    let syslog = || {
        let day = line.as_bytes().get(4);
        day.is_some_and(|byte| byte.is_ascii_digit() || *byte == b' ')
            && line.get(..4).is_some_and(|month| MONTHS.contains(&month))
    };
    STARTS.iter().any(|start| line.starts_with(start)) || syslog()
}

fn continues(line: &str) -> bool {
    const STARTS: &[&str] = &[
        "Caused by:",
        "Suppressed:",
        "... ",
        "Driver stacktrace:",
        "JVM stacktrace:",
        ": ",
        "== ",
        "During handling of",
        "The above exception",
        "---",
        "^",
    ];
    STARTS.iter().any(|start| line.starts_with(start))
}

/// `java.io.IOException: …`, `ZeroDivisionError: …`, `py4j.protocol.Py4JJavaError: …`, a bare `KeyboardInterrupt`.
fn is_exception(line: &str) -> bool {
    let name_end = line.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || b"._$".contains(&byte)));
    let (name, rest) = line.split_at(name_end.unwrap_or(line.len()));
    (rest.is_empty() || rest.starts_with(':'))
        && ["Exception", "Error", "Throwable", "Interrupt", "Exit"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text).iter().map(|block| block.text).collect()
    }

    #[test]
    fn an_entry_and_its_stack_trace_are_one_block() {
        let entry = "26/11/21 00:26:58 ERROR Worker: Failed to launch executor.\njava.lang.IllegalStateException: x\n\
                     \tat a.b.C.d(C.java:1)\nCaused by: java.io.IOException: y\n\t... 12 more\n";
        let text = format!("{entry}26/11/21 00:26:59 INFO Next: entry\n");
        assert_eq!(texts(&text), [entry, "26/11/21 00:26:59 INFO Next: entry\n"]);
    }

    #[test]
    fn a_pyspark_error_with_its_java_trace_is_one_block() {
        let text = "Traceback (most recent call last):\n  File \"job.py\", line 8, in <module>\n    run()\n\
                    py4j.protocol.Py4JJavaError: An error occurred while calling o66.collectToPython.\n\
                    : org.apache.spark.SparkException: Job aborted\n\tat a.B.c(B.scala:1)\n\nDriver stacktrace:\n\
                    \tat a.B.d(B.scala:2)\nCaused by: org.apache.spark.api.python.PythonException: Traceback (most \
                    recent call last):\n  File \"job.py\", line 3, in f\nZeroDivisionError: division by zero\n\n\
                    \tat a.B.e(B.scala:3)\n\t... 1 more\n";
        assert_eq!(texts(text), [text]);
    }

    #[test]
    fn chained_tracebacks_are_one_block_and_others_are_not() {
        let first = "Traceback (most recent call last):\n  File \"a\"\nKeyError: 1\n\n";
        let second = "Traceback (most recent call last):\n  File \"b\"\nValueError: 2\n";
        let chained = format!("{first}During handling of the above exception, another exception occurred:\n\n{second}");
        assert_eq!(texts(&chained), [chained.as_str()]);
        assert_eq!(texts(&format!("{first}{second}")), [first, second]);
    }

    #[test]
    fn two_traces_without_entries_are_two_blocks() {
        let text = "java.io.IOException: a\n\tat b.C.d(C.java:1)\njava.lang.OutOfMemoryError: e\n\tat f\n";
        assert_eq!(texts(text).len(), 2);
    }

    #[test]
    fn lines_are_numbered_in_the_log() {
        let text = "first\r\nERROR second\r\n\tthird\r\n";
        let blocks = split(text);
        let third = blocks[1].text.find("third").unwrap();
        assert_eq!(blocks[1].line_at(third), (3, "\tthird"));
        assert_eq!(blocks[1].line_at(usize::MAX), (4, ""));
    }

    proptest! {
        #[test]
        fn blocks_cover_any_text_without_gaps(text in "(?s)[ -~\t\r\né]{0,400}") {
            prop_assert_eq!(texts(&text).concat(), text.clone());
            for block in split(&text) {
                let line = text[..block.start].matches('\n').count() as u64 + 1;
                prop_assert_eq!(block.first_line, line);
            }
        }
    }
}
