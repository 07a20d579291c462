//! The root cause of a block: where a chain of exceptions ends.

use std::ops::Range;

const CAUSED_BY: &str = "\nCaused by: ";
const TRACEBACK: &str = "Traceback (most recent call last)";
/// Where py4j goes on with the JVM's exception, after its own line.
const JAVA_PART: &str = "\n: ";

/// Where in `text` its root cause stands, in bytes: the last `Caused by:` section of a Java chain; the last exception of
/// Python's chained tracebacks, which inside a Java exception is the cause of that; all of it where nothing is chained.
pub(crate) fn root_cause(text: &str) -> Range<usize> {
    let java = text.rfind(CAUSED_BY).map(|at| at + 1).or_else(|| java_part_of_py4j(text));
    let section = java.unwrap_or(0);
    match python_exception(&text[section..]) {
        Some(python) => section + python.start..section + python.end,
        None => section..text.len(),
    }
}

/// The JVM's exception that a `Py4JJavaError` carries.
fn java_part_of_py4j(text: &str) -> Option<usize> {
    let error = text.rfind("Py4JJavaError: ")?;
    Some(error + text[error..].find(JAVA_PART)? + 1)
}

/// The last exception of the last traceback: its line, and what goes on its message up to the next frame or blank line.
fn python_exception(text: &str) -> Option<Range<usize>> {
    let traceback = text.rfind(TRACEBACK)?;
    let after = traceback + text[traceback..].find('\n')? + 1;
    let mut offset = after;
    for line in text[after..].split_inclusive('\n') {
        if !line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            return Some(offset..message_end(text, offset));
        }
        offset += line.len();
    }
    None
}

fn message_end(text: &str, start: usize) -> usize {
    let mut offset = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim().is_empty() || line.trim_start().starts_with("at ") {
            break;
        }
        offset += line.len();
    }
    offset
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cause(text: &str) -> &str {
        &text[root_cause(text)]
    }

    #[test]
    fn the_last_caused_by_is_the_root_of_a_java_chain() {
        let text = "ERROR Main: x\na.B: outer\n\tat a.B.c(B.java:1)\nCaused by: a.C: middle\n\t... 2 more\n\
                    Caused by: a.D: inner\n\tat a.D.e(D.java:1)\n";
        assert_eq!(cause(text), "Caused by: a.D: inner\n\tat a.D.e(D.java:1)\n");
        assert_eq!(cause("a.B: only\n\tat a.B.c(B.java:1)\n"), "a.B: only\n\tat a.B.c(B.java:1)\n");
    }

    #[test]
    fn the_last_exception_is_the_root_of_chained_tracebacks() {
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'\n\nDuring handling \
                    of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  \
                    File \"a.py\", line 3, in g\nValueError: no x\nin orders\n";
        assert_eq!(cause(text), "ValueError: no x\nin orders\n");
    }

    #[test]
    fn py4j_has_its_root_in_java_and_a_python_worker_in_python() {
        let java = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\npy4j.protocol.Py4JJavaError: An \
                    error occurred while calling o6.collect.\n: a.SparkException: Job aborted\n\tat a.B.c(B.scala:1)\n";
        assert_eq!(cause(java), ": a.SparkException: Job aborted\n\tat a.B.c(B.scala:1)\n");
        let python = format!(
            "{java}Caused by: org.apache.spark.api.python.PythonException: {TRACEBACK}:\n  File \"a.py\", line 3, in \
             f\nZeroDivisionError: division by zero\n\n\tat a.B.e(B.scala:3)\n"
        );
        assert_eq!(cause(&python), "ZeroDivisionError: division by zero\n");
    }

    proptest! {
        #[test]
        fn the_root_lies_within_any_text(parts in prop::collection::vec(
            prop_oneof![
                Just(CAUSED_BY.to_owned()), Just(format!("{TRACEBACK}:\n")), Just("py4j.protocol.Py4JJavaError: x\n".to_owned()),
                Just("\n: ".to_owned()), Just("\n\tat a.B\n".to_owned()), "\\PC{0,9}\n?",
            ], 0..12)) {
            let text = parts.concat();
            let root = root_cause(&text);
            prop_assert!(root.start <= root.end && text.get(root).is_some());
        }
    }
}
