//! Literals too short to be sampled: those of one case by a vectorized search for a few texts, the others at every byte.

use std::ops::Range;

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::{Found, Literal, tier::Tier};

/// Literals of three to six bytes.
#[derive(Debug)]
pub(super) struct Short {
    /// Those of one case, and their numbers; none where this machine or their number does not allow it.
    searcher: Option<Searcher>,
    numbers: Vec<u32>,
    bytes_max: usize,
    others: Tier<1, 3>,
}

impl Short {
    pub(super) fn new<'l>(literals: impl Iterator<Item = (&'l Literal, u32)>) -> Self {
        let (exact, others): (Vec<_>, Vec<_>) = literals.partition(|(literal, _)| !literal.any_case);
        let mut builder = Config::new().match_kind(MatchKind::LeftmostLongest).builder();
        let searcher = builder.extend(exact.iter().map(|(literal, _)| &literal.text)).build();
        let rest = if searcher.is_some() { &[] } else { exact.as_slice() };
        Self {
            numbers: exact.iter().map(|(_, number)| *number).collect(),
            bytes_max: exact.iter().map(|(literal, _)| literal.text.len()).max().unwrap_or_default(),
            others: Tier::new(others.iter().chain(rest).copied()),
            searcher,
        }
    }

    /// Adds the literals that start in a part of the text.
    pub(super) fn search(&self, text: &[u8], part: Range<usize>, literals: &[Literal], found: &mut Vec<Found>) {
        self.others.search(text, part.clone(), literals, found);
        let Some(searcher) = &self.searcher else { return };
        let reach = text.len().min(part.end + self.bytes_max.saturating_sub(1));
        let mut at = part.start;
        while let Some(start) = searcher.find_in(text, (at..reach).into()).map(|hit| hit.start()) {
            if start >= part.end {
                break;
            }
            // Of the literals that start here the search tells one.
            let here = self.numbers.iter().filter(|number| literals[**number as usize].stands_at(text, start));
            found.extend(here.map(|number| (start, *number)));
            at = start + 1;
        }
    }
}
