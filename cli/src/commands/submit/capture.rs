//! What is kept of an output that may be endless: its head and its tail.

use std::collections::VecDeque;

/// Bytes kept from the start of each output: the configuration and the first error stand there.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
/// Bytes kept from the end of each output: what it died of stands there.
const TAIL_BYTES_MAX: usize = 15 * 1024 * 1024;

/// The head and the tail of an output.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_bytes_max: usize,
    tail_bytes_max: usize,
    left_out_bytes: u64,
}

impl Default for Capture {
    fn default() -> Self {
        Self::with_limits(HEAD_BYTES_MAX, TAIL_BYTES_MAX)
    }
}

impl Capture {
    /// Keeps this much of head and tail, in bytes.
    pub(crate) fn with_limits(head_bytes_max: usize, tail_bytes_max: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), head_bytes_max, tail_bytes_max, left_out_bytes: 0 }
    }

    /// Takes the next bytes of the output.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (to_head, rest) = bytes.split_at(bytes.len().min(self.head_bytes_max - self.head.len()));
        self.head.extend_from_slice(to_head);
        let (too_old, kept) = rest.split_at(rest.len().saturating_sub(self.tail_bytes_max));
        let overflow = (self.tail.len() + kept.len()).saturating_sub(self.tail_bytes_max);
        self.tail.drain(..overflow);
        self.tail.extend(kept);
        self.left_out_bytes += (too_old.len() + overflow) as u64;
    }

    /// Notes bytes of the output that were not even read.
    pub(crate) fn leave_out(&mut self, bytes: u64) {
        self.left_out_bytes += bytes;
    }

    /// The text kept; a line of its own says where something was left out.
    pub(crate) fn into_text(self) -> String {
        let mut bytes = self.head;
        if self.left_out_bytes > 0 {
            bytes.extend_from_slice(format!("\n[paramedic: {} bytes left out]\n", self.left_out_bytes).as_bytes());
        }
        bytes.extend(self.tail);
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_within_the_limits_is_kept_whole() {
        let mut capture = Capture::with_limits(4, 4);
        capture.push(b"abc");
        capture.push(b"defgh");
        assert_eq!(capture.into_text(), "abcdefgh");
    }

    #[test]
    fn the_middle_of_a_long_output_is_left_out_and_said_so() {
        let mut capture = Capture::with_limits(2, 3);
        for byte in b"0123456789" {
            capture.push(&[*byte]);
        }
        assert_eq!(capture.into_text(), "01\n[paramedic: 5 bytes left out]\n789");
    }

    #[test]
    fn one_push_larger_than_both_limits_keeps_its_own_ends() {
        let mut capture = Capture::with_limits(2, 3);
        capture.push(b"ab");
        capture.push(b"0123456789");
        assert_eq!(capture.into_text(), "ab\n[paramedic: 7 bytes left out]\n789");
    }
}
