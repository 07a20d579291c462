//! How bytes become what a target reads. Seeds are written by hand, so the forms are plain text.

use std::borrow::Cow;

use paramedic_domain::LogKind;
use paramedic_rules::LogText;

/// Between two parts of an input.
const PART: &str = "\n----\n";

/// As text; bytes that are none are replaced, as the readers of logs do.
pub(crate) fn text(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The parts of an input.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(PART)
}

/// Parts whose first line is a name.
pub(crate) fn named_parts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    parts(text).filter_map(|part| part.split_once('\n'))
}

/// Logs: a part each, the driver's first. The name is the log's number.
pub(crate) fn logs(text: &str) -> Vec<LogText> {
    const KINDS: [LogKind; 6] = [
        LogKind::DriverStderr,
        LogKind::ExecutorStderr,
        LogKind::Orchestrator,
        LogKind::Scheduler,
        LogKind::DriverStdout,
        LogKind::ExecutorStdout,
    ];
    let log = |(number, (part, log)): (usize, (&str, LogKind))| LogText {
        log,
        name: number.to_string(),
        text: part.to_owned(),
    };
    parts(text).zip(KINDS).enumerate().map(log).collect()
}
