//! Spark's JSON logs (`spark.log.structuredLogging.enabled`), written as the text entries that they stand for, and logs
//! that something carries or colours, without what it wrote into each line.

use std::{borrow::Cow, fmt::Write as _};

use serde::Deserialize;
use serde_json::Value;

use crate::{set::LogText, transport::Transport};

/// How an entry starts: the JVM writes no blank behind the colon, Python does.
const STARTS: [&str; 2] = [r#"{"ts":""#, r#"{"ts": ""#];

/// A log as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// For each line of the text the line of the log that it comes from, from 1.
    lines: Vec<u64>,
}

impl Rendered {
    /// The log's line that a line of the text comes from.
    pub(crate) fn line_of(&self, line: u64) -> u64 {
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        self.lines.get(index).copied().unwrap_or(line)
    }

    fn push(&mut self, text: &str, line: u64) {
        for part in text.split('\n') {
            self.text.push_str(part);
            self.text.push('\n');
            self.lines.push(line);
        }
    }
}

#[derive(Deserialize)]
struct Entry<'t> {
    #[serde(borrow)]
    ts: Cow<'t, str>,
    #[serde(borrow)]
    level: Cow<'t, str>,
    #[serde(borrow, default)]
    msg: Cow<'t, str>,
    #[serde(borrow, default)]
    logger: Cow<'t, str>,
    #[serde(default)]
    context: Context,
    exception: Option<Thrown>,
}

#[derive(Default, Deserialize)]
struct Context {
    #[serde(rename = "errorClass")]
    error_class: Option<String>,
}

#[derive(Deserialize)]
struct Thrown {
    class: Option<String>,
    msg: Option<String>,
    #[serde(default)]
    stacktrace: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    class: Option<String>,
    method: Option<String>,
    file: Option<String>,
    /// A number from the JVM, a text from Python.
    line: Option<Value>,
}

/// Every log's text form, where it is another than the log.
pub(crate) fn render_all(logs: &[LogText]) -> Vec<Option<Rendered>> {
    logs.iter().map(|log| render(&log.text)).collect()
}

/// The logs with the texts of those that were rendered.
pub(crate) fn with_rendered<'l>(logs: &'l [LogText], rendered: &[Option<Rendered>]) -> Cow<'l, [LogText]> {
    if rendered.iter().all(Option::is_none) {
        return Cow::Borrowed(logs);
    }
    let one = |(log, rendered): (&LogText, &Option<Rendered>)| match rendered {
        Some(rendered) => LogText { log: log.log, name: log.name.clone(), text: rendered.text.clone() },
        None => log.clone(),
    };
    logs.iter().zip(rendered).map(one).collect::<Vec<_>>().into()
}

/// What Windows' shells write first into a file.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// What starts a terminal's control sequence.
const ESCAPE: u8 = 0x1b;

/// The line without the sequences that colour it: an escape, `[`, parameters, a letter.
fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.as_bytes().contains(&ESCAPE) {
        return line.into();
    }
    let mut parts = line.split(char::from(ESCAPE));
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.strip_prefix('[').and_then(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
                .strip_prefix(|c: char| c.is_ascii_alphabetic())
        });
        plain.push_str(after.unwrap_or(part));
    }
    plain.into()
}

/// The text of a log that holds JSON entries or colours, or that something carries, other lines as they are; `None` for a log of text.
pub(crate) fn render(text: &str) -> Option<Rendered> {
    let begins = |start: &&str| {
        text.starts_with(*start) || memchr::memmem::find(text.as_bytes(), format!("\n{start}").as_bytes()).is_some()
    };
    let (marked, text) = (text.starts_with(BYTE_ORDER_MARK), text.trim_start_matches(BYTE_ORDER_MARK));
    let transport = Transport::of(text);
    let coloured = memchr::memchr(ESCAPE, text.as_bytes()).is_some();
    if !marked && transport.is_none() && !coloured && !STARTS.iter().any(begins) {
        return None;
    }
    let mut rendered = Rendered { text: String::with_capacity(text.len()), lines: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let number = index as u64 + 1;
        let plain = if coloured { without_colours(line) } else { line.into() };
        let line = transport.map_or(&*plain, |transport| transport.strip(&plain));
        let is_entry = STARTS.iter().any(|start| line.starts_with(start));
        match is_entry.then(|| serde_json::from_str::<Entry<'_>>(line)) {
            Some(Ok(entry)) => rendered.push(&entry.as_text(), number),
            _ => rendered.push(line, number),
        }
    }
    Some(rendered)
}

impl Entry<'_> {
    /// As Spark's default layout prints it: `time LEVEL logger: message`, and the stack trace.
    fn as_text(&self) -> String {
        let Self { ts, level, msg, logger, context, exception } = self;
        let mut text = format!("{ts} {level} {logger}: ");
        if let Some(condition) = &context.error_class
            && !msg.contains(condition)
        {
            // Writing to a text cannot fail, here and below.
            let _ = write!(text, "[{condition}] ");
        }
        text.push_str(msg.trim_end());
        let Some(Thrown { class, msg, stacktrace }) = exception else { return text };
        let _ = write!(
            text,
            "\n{}: {}",
            class.as_deref().unwrap_or("Exception"),
            msg.as_deref().unwrap_or_default().trim_end()
        );
        for frame in stacktrace {
            let Frame { class, method, file, line } = frame;
            let class = class.as_deref().map_or_else(String::new, |class| format!("{class}."));
            let line = line.as_ref().map(Value::to_string).unwrap_or_default();
            let line = line.trim_matches('"');
            let (method, file) = (method.as_deref().unwrap_or_default(), file.as_deref().unwrap_or_default());
            let _ = write!(text, "\n\tat {class}{method}({file}:{line})");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_becomes_text_and_keeps_its_line() {
        let log = "NOTE: picked up\n{\"ts\":\"2026-11-26T20:50:47.926Z\",\"level\":\"ERROR\",\"msg\":\"Exception in task\",\
                   \"context\":{\"task_name\":\"t\"},\"exception\":{\"class\":\"a.B\",\"msg\":\"two\\nlines\",\"stacktrace\":\
                   [{\"class\":\"a.C\",\"method\":\"d\",\"file\":\"C.scala\",\"line\":7}]},\"logger\":\"Executor\"}\nend";
        let rendered = render(log).unwrap();
        let expected = "NOTE: picked up\n2026-11-26T20:50:47.926Z ERROR Executor: Exception in task\na.B: two\nlines\n\
                        \tat a.C.d(C.scala:7)\nend\n";
        assert_eq!(rendered.text, expected);
        assert_eq!([1, 2, 4, 5, 6].map(|line| rendered.line_of(line)), [1, 2, 2, 2, 3]);
    }

    #[test]
    fn the_context_tells_the_condition_that_the_message_does_not() {
        let log = r#"{"ts": "2026-11-26 20:51:11.578", "level": "ERROR", "logger": "SQL", "msg": "no table", "context": {"errorClass": "TABLE_OR_VIEW_NOT_FOUND", "n": null}}"#;
        assert_eq!(
            render(log).unwrap().text,
            "2026-11-26 20:51:11.578 ERROR SQL: [TABLE_OR_VIEW_NOT_FOUND] no table\n"
        );
    }

    #[test]
    fn a_carried_log_is_read_as_what_its_program_wrote() {
        let log = "2026-01-31T12:00:00.000000000Z stderr F {\"ts\":\"1\",\"level\":\"ERROR\",\"msg\":\"m\",\"logger\":\"L\"}\n\
                   2026-01-31T12:00:00.000000001Z stderr F java.io.IOException: b\n\
                   2026-01-31T12:00:00.000000002Z stderr F \tat a.B.c(B.java:1)\n";
        let rendered = render(log).unwrap();
        assert_eq!(rendered.text, "1 ERROR L: m\njava.io.IOException: b\n\tat a.B.c(B.java:1)\n");
        assert_eq!(rendered.line_of(3), 3);
    }

    #[test]
    fn colours_are_left_out() {
        let log = "26/01/31 12:00:00 \u{1b}[31mERROR\u{1b}[0m A: b\n\u{1b}[0;31mKeyError\u{1b}[0m: 7\nc \u{1b}";
        assert_eq!(render(log).unwrap().text, "26/01/31 12:00:00 ERROR A: b\nKeyError: 7\nc \n");
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        assert_eq!(
            render("\u{feff}26/01/31 12:00:00 WARN A: b\nc\n").unwrap().text,
            "26/01/31 12:00:00 WARN A: b\nc\n"
        );
    }

    #[test]
    fn text_and_broken_entries_stay() {
        assert_eq!(render("26/11/26 ERROR A: b\n{\"a\": 1}\n"), None);
        assert_eq!(render("{\"ts\":\"cut of").unwrap().text, "{\"ts\":\"cut of\n");
    }

    proptest! {
        #[test]
        fn every_line_of_the_text_has_a_line_of_the_log(tail in "(\\PC|\n){0,80}") {
            let log = format!("{{\"ts\":\"1\",\"level\":\"INFO\",\"msg\":\"m\",\"logger\":\"L\"}}\n{tail}");
            let rendered = render(&log).unwrap();
            prop_assert_eq!(rendered.text.lines().count(), rendered.lines.len());
            prop_assert!(rendered.lines.iter().all(|line| *line >= 1 && *line <= log.lines().count() as u64));
        }
    }
}
