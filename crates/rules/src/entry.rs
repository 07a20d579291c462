//! The head of a log entry: its level and its logger, in the layouts that Spark, Hadoop, log4j and Python print.

/// How far into a line its head is looked for, in words.
const HEAD_WORDS_MAX: usize = 6;
/// Longest head, in bytes.
const HEAD_BYTES_MAX: usize = 300;

/// An entry's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "TRACE" => Self::Trace,
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARN" | "WARNING" => Self::Warn,
            "ERROR" => Self::Error,
            "FATAL" | "CRITICAL" => Self::Fatal,
            _ => return None,
        })
    }
}

/// The head of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'t> {
    pub(crate) level: Level,
    /// As printed: `TaskSetManager`, `org.apache.spark.SparkContext`; none where the layout names none.
    pub(crate) logger: Option<&'t str>,
}

/// The head of the entry whose first line this is; `None` where it shows no level.
pub(crate) fn head(line: &str) -> Option<Head<'_>> {
    let line = after_progress(&line[..line.floor_char_boundary(HEAD_BYTES_MAX)]);
    let mut words = line.split_ascii_whitespace().take(HEAD_WORDS_MAX).peekable();
    if let Some(head) = words.peek().and_then(|word| python_head(word)) {
        return Some(head);
    }
    let level = words.find_map(|word| Level::parse(word.trim_matches(['[', ']', ':'])))?;
    // `ERROR Worker: …`, `ERROR [main] org.apache.hadoop.Client: …`, `ERROR o.a.s.Main - …`; `ERROR - …` names none.
    let mut rest =
        line.split_ascii_whitespace().skip_while(|word| Level::parse(word.trim_matches(['[', ']', ':'])).is_none());
    rest.next();
    let mut rest = rest.filter(|word| !word.starts_with('[')).take(2);
    let logger = match (rest.next(), rest.next()) {
        (Some(word), _) if word.len() > 1 && word.ends_with(':') => Some(word.trim_end_matches(':')),
        (Some(word), Some("-" | ":")) if word != "-" => Some(word),
        _ => None,
    };
    Some(Head { level, logger })
}

/// What follows Spark's progress bars, which end without a line end: `[Stage 0:=====>     (3 + 1) / 4]`.
fn after_progress(mut line: &str) -> &str {
    while let Some((_, rest)) = line.strip_prefix("[Stage ").and_then(|bar| bar.split_once(']')) {
        line = rest;
    }
    line
}

/// `ERROR:root:…`, as Python's `logging` prints it without a configuration.
fn python_head(word: &str) -> Option<Head<'_>> {
    let (level, rest) = word.split_once(':')?;
    let (logger, _) = rest.split_once(':')?;
    (!logger.is_empty()).then_some(())?;
    Some(Head { level: Level::parse(level)?, logger: Some(logger) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_layouts_are_read() {
        let read = |line| head(line).map(|head| (head.level, head.logger));
        assert_eq!(read("26/11/21 00:26:58 ERROR Worker: Failed"), Some((Level::Error, Some("Worker"))));
        let hadoop = "2026-11-21 00:26:58,123 WARN  [main] org.apache.hadoop.ipc.Client: Retrying";
        assert_eq!(read(hadoop), Some((Level::Warn, Some("org.apache.hadoop.ipc.Client"))));
        assert_eq!(
            read("2026-11-21T00:26:58Z INFO com.example.Main - fine"),
            Some((Level::Info, Some("com.example.Main")))
        );
        assert_eq!(read("[2026-01-31, 12:00:00 UTC] {taskinstance.py:1} INFO - Marking"), Some((Level::Info, None)));
        assert_eq!(read("WARNING:root:careful"), Some((Level::Warn, Some("root"))));
        let behind_bar = "[Stage 3:==>      (1 + 0) / 4]26/01/31 12:00:00 WARN YarnScheduler: Initial job";
        assert_eq!(read(behind_bar), Some((Level::Warn, Some("YarnScheduler"))));
        assert_eq!(read("[ERROR] it failed"), Some((Level::Error, None)));
        assert_eq!(read("java.lang.OutOfMemoryError: Java heap space"), None);
        assert_eq!(read(""), None);
    }

    proptest! {
        #[test]
        fn any_line_has_a_head_or_none(line in "\\PC{0,400}") {
            let _ = head(&line);
        }
    }
}
