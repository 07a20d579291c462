//! The blocks around a few places of a log, without cutting all of it.

use memchr::{memchr, memchr_iter, memrchr};

use super::{BLOCK_BYTES_MAX, Block, Cutter, Line, kind_of};

/// Finds the block around each of some places, asked for in ascending order. The blocks are those of [`super::split`];
/// a byte is read a few times at most, however many places are asked for.
#[derive(Debug)]
pub(crate) struct BlockFinder<'t> {
    text: &'t str,
    cutter: Cutter,
    /// Where the block that is open starts; where the lines that the cutter has read end.
    open: usize,
    read: usize,
    /// The block that was found last.
    found: (usize, usize),
    /// The line that starts at `counted_to` has this number.
    counted_to: usize,
    line_number: u64,
}

impl<'t> BlockFinder<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, cutter: Cutter::new(), open: 0, read: 0, found: (0, 0), counted_to: 0, line_number: 1 }
    }

    /// Start and end of the block that holds the byte at `place`, which lies in the text and not before the block found
    /// last.
    pub(crate) fn bounds_at(&mut self, place: usize) -> (usize, usize) {
        if place >= self.found.1 {
            self.skip_towards(place);
            while place >= self.found.1 && self.cut() {}
        }
        self.found
    }

    /// The block found last. Counts the lines up to it.
    pub(crate) fn block(&mut self) -> Block<'t> {
        let (start, end) = self.found;
        let skipped = &self.text.as_bytes()[self.counted_to.min(start)..start];
        self.line_number += memchr_iter(b'\n', skipped).count() as u64;
        self.counted_to = start;
        Block { text: &self.text[start..end], start, first_line: self.line_number }
    }

    /// Goes on at the last line before `place` that starts a block whatever stands before it.
    fn skip_towards(&mut self, place: usize) {
        let bytes = self.text.as_bytes();
        let mut end = memchr(b'\n', &bytes[place..]).map_or(bytes.len(), |length| place + length);
        let mut from = place;
        while let Some(newline) = memrchr(b'\n', &bytes[self.read.min(from)..from]) {
            let start = self.read.min(from) + newline + 1;
            if starts_always(self.text[start..end].trim_end_matches(['\n', '\r'])) {
                (self.open, self.read, self.cutter) = (start, start, Cutter::new());
                return;
            }
            (from, end) = (start - 1, start - 1);
        }
    }

    /// Cuts the next block off. `false` at the end of the text.
    fn cut(&mut self) -> bool {
        let start = self.open;
        while self.read < self.text.len() {
            let rest = &self.text[self.read..];
            let length = memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |newline| newline + 1);
            let line = rest[..length].trim_end_matches(['\n', '\r']);
            let starts = self.cutter.starts_block(line) || self.read - start > BLOCK_BYTES_MAX;
            let end = self.read;
            self.read += length;
            if starts && end > start {
                self.open = end;
                self.found = (start, end);
                return true;
            }
        }
        self.open = self.read;
        self.found = (start, self.read);
        start < self.read
    }
}

/// Every entry starts a block, but a traceback that the one before it announced.
fn starts_always(line: &str) -> bool {
    kind_of(line) == Line::Entry && !line.starts_with("Traceback")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::split;

    /// Lines of every kind, such as follow one another in logs.
    const LINES: &[&str] = &[
        "26/11/21 00:26:58 ERROR Worker: Failed to launch executor.",
        "26/11/21 00:26:58 INFO Worker: é",
        "java.lang.IllegalStateException: x",
        "\tat a.b.C.d(C.java:1)",
        "Caused by: java.io.IOException: y",
        "\t... 12 more",
        "",
        "\r",
        "plain words",
        "# A fatal error has been detected",
        "Traceback (most recent call last):",
        "  File \"job.py\", line 8, in <module>",
        "KeyError: 1",
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
        "{\"level\":\"ERROR\"}",
        "Driver stacktrace:",
    ];

    fn same_as_split(text: &str, places: &[usize]) -> Result<(), TestCaseError> {
        let blocks = split(text);
        let mut finder = BlockFinder::new(text);
        for &place in places.iter().filter(|place| **place < text.len()) {
            let expected = blocks.iter().rfind(|block| block.start <= place).copied();
            finder.bounds_at(place);
            prop_assert_eq!(Some(finder.block()), expected, "at {}", place);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_blocks_are_those_of_split(
            lines in proptest::collection::vec(proptest::sample::select(LINES), 0..60),
            end in "\r?\n|",
            mut places in proptest::collection::vec(0_usize..2_000, 0..12),
        ) {
            places.sort_unstable();
            let text = lines.join("\n") + &end;
            same_as_split(&text, &places)?;
            same_as_split(&text, &(0..text.len()).collect::<Vec<_>>())?;
        }

        #[test]
        fn any_text_has_the_blocks_of_split(
            text in "(?s)[ -~\t\r\né]{0,400}",
            mut places in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            places.sort_unstable();
            same_as_split(&text, &places)?;
        }

        #[test]
        fn long_blocks_are_cut_where_split_cuts_them(
            before in 0_usize..9_000,
            mut places in proptest::collection::vec(0_usize..900_000, 1..8),
        ) {
            places.sort_unstable();
            let frames = "\tat a.b.C.d(C.java:1) and some more words to fill the line up to a hundred bytes or so\n";
            let text = format!(
                "26/11/21 00:26:58 ERROR A: b\n{}26/11/21 00:26:59 INFO A: c\n{}",
                frames.repeat(before),
                frames.repeat(1_000)
            );
            same_as_split(&text, &places)?;
        }
    }

    #[test]
    fn one_line_is_one_block_however_often_it_is_asked_for() {
        let text = "x".repeat(1 << 20);
        let mut finder = BlockFinder::new(&text);
        for place in 0..text.len() {
            assert_eq!(finder.bounds_at(place), (0, text.len()));
        }
    }
}
