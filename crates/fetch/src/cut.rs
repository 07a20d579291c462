//! Long logs: the head and the tail are kept, at whole lines.

use std::collections::VecDeque;

/// Of a log that is too long, the share of its head: how the application was started. What killed it stands in the tail.
const HEAD_SHARE: f64 = 0.25;
/// How far a cut is moved to reach the end of a line, in bytes. Longer lines are cut within.
const LINE_SEARCH_BYTES_MAX: usize = 64 * 1024;

/// A log's text.
#[derive(Debug, PartialEq, Eq)]
pub struct CutText {
    /// What was kept.
    pub text: String,
    /// Nothing of it was left out.
    pub whole: bool,
}

/// How many bytes of head and of tail are kept.
pub fn shares(bytes_max: usize) -> (usize, usize) {
    let head = (bytes_max as f64 * HEAD_SHARE) as usize;
    (head, bytes_max - head)
}

/// Keeps the head and the tail of what is written to it, in bounded memory.
pub struct HeadTail {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_max: usize,
    tail_max: usize,
    left_out: u64,
    ended_early: bool,
}

impl HeadTail {
    /// Nothing yet; keeps so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        let (head_max, tail_max) = shares(bytes_max);
        Self::of_shares(head_max, tail_max)
    }

    /// Nothing yet; keeps so many bytes of the head and of the tail.
    pub fn of_shares(head_max: usize, tail_max: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), head_max, tail_max, left_out: 0, ended_early: false }
    }

    /// More of the log.
    pub fn write(&mut self, mut bytes: &[u8]) {
        let room = self.head_max.saturating_sub(self.head.len());
        let (to_head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(to_head);
        bytes = rest;
        if bytes.len() > self.tail_max {
            self.left_out += (bytes.len() - self.tail_max) as u64;
            bytes = &bytes[bytes.len() - self.tail_max..];
        }
        let excess = (self.tail.len() + bytes.len()).saturating_sub(self.tail_max);
        self.tail.drain(..excess);
        self.left_out += excess as u64;
        self.tail.extend(bytes);
    }

    /// So many bytes between what was written and what will be are left out.
    pub fn skip(&mut self, bytes: u64) {
        self.left_out += bytes;
    }

    /// More would have followed.
    pub fn end_early(&mut self) {
        self.ended_early = true;
    }

    /// Nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.tail.is_empty()
    }

    /// What was kept, cut to whole lines.
    pub fn finish(self) -> CutText {
        let tail = Vec::from(self.tail);
        if self.left_out == 0 {
            let mut bytes = self.head;
            bytes.extend_from_slice(&tail);
            return CutText { text: lossy(bytes), whole: !self.ended_early };
        }
        CutText { text: join(&self.head, &tail, self.left_out), whole: false }
    }
}

/// Cuts a text that is at hand.
pub fn cut(text: String, bytes_max: usize) -> CutText {
    if text.len() <= bytes_max {
        return CutText { text, whole: true };
    }
    cut_long(&text, bytes_max)
}

/// Cuts a text that is longer than `bytes_max`.
pub fn cut_long(text: &str, bytes_max: usize) -> CutText {
    let (head, tail) = shares(bytes_max);
    let bytes = text.as_bytes();
    let left_out = bytes.len() - bytes_max;
    CutText { text: join(&bytes[..head], &bytes[bytes.len() - tail..], left_out as u64), whole: false }
}

fn join(head: &[u8], tail: &[u8], left_out: u64) -> String {
    let head_end = match head.iter().rev().take(LINE_SEARCH_BYTES_MAX).position(|byte| *byte == b'\n') {
        Some(back) => head.len() - back,
        None => head.len(),
    };
    let tail_start = match tail.iter().take(LINE_SEARCH_BYTES_MAX).position(|byte| *byte == b'\n') {
        Some(newline) => newline + 1,
        None => 0,
    };
    let left_out = left_out + (head.len() - head_end + tail_start) as u64;
    let mut text = lossy(head[..head_end].to_vec());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push('[');
    text.push_str(&left_out.to_string());
    text.push_str(" bytes left out]\n");
    text.push_str(&String::from_utf8_lossy(&tail[tail_start..]));
    text
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> String {
        (0..count).flat_map(|line| [format!("line {line:06}"), "\n".to_owned()]).collect()
    }

    #[test]
    fn a_short_log_stays_whole() {
        assert_eq!(cut("a\nb".into(), 10), CutText { text: "a\nb".into(), whole: true });
    }

    #[test]
    fn of_a_long_log_whole_lines_of_the_head_and_the_tail_remain() {
        let text = lines(1000);
        let cut = cut(text.clone(), 1200);
        assert!(!cut.whole);
        assert!(cut.text.starts_with("line 000000\n") && cut.text.ends_with("line 000999\n"));
        assert!(cut.text.len() < 1300);
        for line in cut.text.lines().filter(|line| !line.ends_with("left out]")) {
            assert_eq!(line.len(), 11, "{line}");
        }
    }

    #[test]
    fn a_stream_is_cut_as_a_text_is_whatever_its_chunks() {
        let text = lines(1000);
        for chunk in [1, 7, 100, 5000, 100_000] {
            let mut kept = HeadTail::new(1200);
            text.as_bytes().chunks(chunk).for_each(|chunk| kept.write(chunk));
            assert_eq!(kept.finish(), cut(text.clone(), 1200), "{chunk}");
        }
        let mut kept = HeadTail::new(20_000);
        text.as_bytes().chunks(7).for_each(|chunk| kept.write(chunk));
        assert_eq!(kept.finish(), CutText { text, whole: true });
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_a_cut_within_a_character_does_no_harm() {
        let mut kept = HeadTail::new(100);
        kept.write(b"ok \xff\xfe\n");
        assert_eq!(kept.finish().text, "ok \u{fffd}\u{fffd}\n");
        let cut = cut("é".repeat(1000), 101);
        assert!(cut.text.contains("left out"));
    }
}
