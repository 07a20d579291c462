//! A worker's pages of a log: its end and, where that is not all, its start, joined.

use paramedic_fetch::{
    CutText,
    cut::{HeadTail, shares},
};
use url::Url;

use super::Process;
use crate::{
    ClusterError,
    ask::{Asking, below},
};

/// A worker gives no more at once.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of the line before the log, which names the file.
pub(super) const HEADER_BYTES_MAX: usize = 8 * 1024;

/// A part of a log, and where it lies in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    start: u64,
    pub(super) text: String,
}

/// A log from its worker; empty where the worker has no such log.
pub(super) async fn log(
    asking: &Asking<'_>,
    worker: &Url,
    process: Process,
    file: &str,
    bytes_max: usize,
) -> Result<CutText, ClusterError> {
    let (head, tail) = shares(bytes_max.min(PAGE_BYTES_MAX));
    let id = &asking.asked.application_id;
    let executor = match process {
        Process::Driver => None,
        Process::Executor(executor) => Some(executor.to_string()),
    };
    let whose = match &executor {
        None => vec![("driverId", id.as_str())],
        Some(executor) => vec![("appId", id.as_str()), ("executorId", executor.as_str())],
    };
    let query = [whose.as_slice(), &[("logType", file)]].concat();
    let end = page(asking, worker, &query, None, tail).await?;
    let Some(end) = end else { return Ok(CutText { text: String::new(), whole: true }) };
    if end.start == 0 {
        return Ok(CutText { text: end.text, whole: true });
    }
    let start = page(asking, worker, &query, Some("0"), head.min(usize::try_from(end.start).unwrap_or(head))).await;
    let start = start.inspect_err(|error| tracing::debug!(%error, "goes on without the start of a log")).ok().flatten();
    Ok(join(start.as_ref(), &end))
}

async fn page(
    asking: &Asking<'_>,
    worker: &Url,
    query: &[(&str, &str)],
    offset: Option<&str>,
    length: usize,
) -> Result<Option<Page>, ClusterError> {
    let length_text = length.to_string();
    let mut query = [query, &[("byteLength", length_text.as_str())]].concat();
    query.extend(offset.map(|offset| ("offset", offset)));
    let answer = asking.log(&below(worker, &["log", ""], &query), length + HEADER_BYTES_MAX).await?;
    Ok(parse(&answer.text))
}

/// `==== Bytes 100-150 of 15455 of PATH ====`, and the text. `None`: there is no such log.
pub(super) fn parse(answer: &str) -> Option<Page> {
    let (header, text) = answer.split_once('\n')?;
    let range = header.strip_prefix("==== Bytes ")?.split(' ').next()?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
    // A log that is not there has no bytes, and an error in their place.
    (end > start).then(|| Page { start, text: text.to_owned() })
}

/// Start and end with a mark between, cut to whole lines.
fn join(start: Option<&Page>, end: &Page) -> CutText {
    let head = start.map(|page| page.text.as_str()).unwrap_or_default();
    let (head_max, tail_max) = (head.len(), end.text.len());
    let mut kept = HeadTail::of_shares(head_max, tail_max);
    kept.write(head.as_bytes());
    kept.skip(end.start.saturating_sub(head.len() as u64).max(1));
    kept.write(end.text.as_bytes());
    kept.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_answer_is_read() {
        let answer = "==== Bytes 100-105 of 15455 of /opt/spark/work/app-1/0/stderr ====\nab\ncd";
        assert_eq!(parse(answer), Some(Page { start: 100, text: "ab\ncd".into() }));
        let missing = "==== Bytes 0-0 of 0 of /opt/spark/work/app-1/7/stderr ====\nError: invalid log directory /opt/spark/work/app-1/7/";
        assert_eq!(parse(missing), None);
        for wrong in ["", "<html>\n", "==== Bytes x-y of\nz", "==== Bytes 5\n", "\u{fffd}\n"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn start_and_end_are_joined_at_whole_lines() {
        let page = |start, text: &str| Page { start, text: text.into() };
        let joined = join(Some(&page(0, "one\ntwo\nthr")), &page(100, "ee\nlast\n"));
        assert_eq!(joined, CutText { text: "one\ntwo\n[95 bytes left out]\nlast\n".into(), whole: false });
        let no_start = join(None, &page(100, "ee\nlast\n"));
        assert_eq!(no_start, CutText { text: "[103 bytes left out]\nlast\n".into(), whole: false });
    }
}
