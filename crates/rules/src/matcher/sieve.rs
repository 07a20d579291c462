//! Finds many literals in a log at the price of looking at every few bytes of it.
//!
//! A literal that is long enough holds, wherever it stands, a sampled gram: one that starts at a multiple of the stride. So
//! only those are looked up, in a table of bits that stays in the processor's nearest cache; what it lets pass is compared.
//! Of each literal those bytes are sampled that are rarest in a healthy log, so that most lines pass by at once.

use std::collections::BTreeMap;

use crate::rarity::{self, gram};

/// Lookups between two branches.
const LOOKUPS: usize = 8;
/// Bits of the table for each gram, and the table's least and most bits, as powers of two: at most 32 KiB.
const BITS_PER_GRAM_LOG: u32 = 6;
const TABLE_BITS_LOG: std::ops::RangeInclusive<u32> = 10..=18;

/// Finds literals, whatever the case of their ASCII letters. Looks at each `STRIDE`-th gram of `GRAM` bytes (3 or 4).
#[derive(Debug)]
pub(super) struct Sieve<const STRIDE: usize, const GRAM: usize> {
    /// The bits of the grams that are looked for, by hash.
    table: Vec<u64>,
    shift: u32,
    /// The grams, sorted by hash; those of slot `n` are `slots[n]..slots[n + 1]`.
    grams: Vec<Gram>,
    slots: Vec<u32>,
    slot_shift: u32,
    literals: Vec<Literal>,
}

#[derive(Debug)]
struct Gram {
    bytes: u32,
    /// Where it starts in its literal.
    offset: u32,
    literal: u32,
}

#[derive(Debug)]
struct Literal {
    text: Box<[u8]>,
    rules: Vec<usize>,
}

impl<const STRIDE: usize, const GRAM: usize> Sieve<STRIDE, GRAM> {
    /// The shortest literal that is found, in bytes.
    pub(super) const LITERAL_BYTES_MIN: usize = STRIDE + GRAM - 1;

    /// Of literals, each with its rule and at least [`Self::LITERAL_BYTES_MIN`] long.
    pub(super) fn new(literals: &[(String, usize)]) -> Self {
        let mut by_text: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (text, rule) in literals {
            by_text.entry(text.as_bytes()).or_default().push(*rule);
        }
        let literals: Vec<_> = by_text.into_iter().map(|(text, rules)| Literal { text: text.into(), rules }).collect();
        let mut grams: Vec<_> =
            literals.iter().enumerate().flat_map(|(index, literal)| Self::grams_of(&literal.text, index)).collect();
        let bits =
            (grams.len().max(1).ilog2() + BITS_PER_GRAM_LOG).clamp(*TABLE_BITS_LOG.start(), *TABLE_BITS_LOG.end());
        let shift = u32::BITS - bits;
        let slot_shift = u32::BITS - grams.len().max(2).ilog2();
        grams.sort_by_key(|gram| hash(gram.bytes));
        let mut table = vec![0_u64; 1 << (bits - 6)];
        let mut slots = vec![0_u32; (1 << (u32::BITS - slot_shift)) + 1];
        for gram in &grams {
            let bit = hash(gram.bytes) >> shift;
            table[(bit >> 6) as usize] |= 1 << (bit & 63);
            slots[(hash(gram.bytes) >> slot_shift) as usize + 1] += 1;
        }
        for slot in 1..slots.len() {
            slots[slot] += slots[slot - 1];
        }
        Self { table, shift, grams, slots, slot_shift, literals }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.literals.is_empty()
    }

    /// The grams of the rarest window that is sure to hold a sampled one.
    fn grams_of(text: &[u8], literal: usize) -> impl Iterator<Item = Gram> + use<'_, STRIDE, GRAM> {
        let cost = |window: &[u8]| window.windows(GRAM).map(|bytes| rarity::count(gram(bytes))).sum::<u64>();
        let windows = text.windows(Self::LITERAL_BYTES_MIN).enumerate();
        let (start, window) = windows.min_by_key(|(_, window)| cost(window)).unwrap_or((0, &[]));
        let one = move |(offset, bytes): (usize, &[u8])| Gram {
            bytes: gram(bytes),
            offset: (start + offset) as u32,
            literal: literal as u32,
        };
        window.windows(GRAM).enumerate().map(one)
    }

    /// Calls `found` with a place within each literal of the text, in ascending order, and the rules that it belongs to.
    pub(super) fn search(&self, text: &[u8], mut found: impl FnMut(usize, &[usize])) {
        let reach = STRIDE * (LOOKUPS - 1) + 4;
        let mut at = 0;
        while let Some(window) = text.get(at..at + reach) {
            let mut passed = 0_u32;
            for lookup in 0..LOOKUPS {
                let from = lookup * STRIDE;
                let bytes = [window[from], window[from + 1], window[from + 2], window[from + 3]];
                passed |= self.bit(Self::gram_at(bytes)) << lookup;
            }
            while passed != 0 {
                self.compare(text, at + passed.trailing_zeros() as usize * STRIDE, &mut found);
                passed &= passed - 1;
            }
            at += STRIDE * LOOKUPS;
        }
        while at + GRAM <= text.len() {
            self.compare(text, at, &mut found);
            at += STRIDE;
        }
    }

    fn gram_at(bytes: [u8; 4]) -> u32 {
        let keep = u32::MAX >> (8 * (4 - GRAM));
        (u32::from_le_bytes(bytes) | 0x2020_2020) & keep
    }

    fn bit(&self, gram: u32) -> u32 {
        let bit = hash(gram) >> self.shift;
        (self.table[(bit >> 6) as usize] >> (bit & 63)) as u32 & 1
    }

    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, found: &mut impl FnMut(usize, &[usize])) {
        let sampled = gram(&text[at..at + GRAM]);
        let slot = (hash(sampled) >> self.slot_shift) as usize;
        for gram in &self.grams[self.slots[slot] as usize..self.slots[slot + 1] as usize] {
            let literal = &self.literals[gram.literal as usize];
            if gram.bytes == sampled
                && let Some(start) = at.checked_sub(gram.offset as usize)
                && text
                    .get(start..start + literal.text.len())
                    .is_some_and(|there| there.eq_ignore_ascii_case(&literal.text))
            {
                found(at, &literal.rules);
            }
        }
    }
}

fn hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every occurrence: the rule of each literal, as often as it stands in the text.
    fn plainly(literals: &[String], text: &str) -> Vec<usize> {
        let (text, mut rules) = (text.to_ascii_lowercase(), Vec::new());
        for (rule, literal) in literals.iter().enumerate() {
            let places = 0..text.len();
            rules
                .extend(places.filter(|place| text.as_bytes()[*place..].starts_with(literal.as_bytes())).map(|_| rule));
        }
        rules
    }

    fn sieved<const STRIDE: usize, const GRAM: usize>(literals: &[String], text: &str) -> Vec<usize> {
        let numbered: Vec<_> = literals.iter().cloned().zip(0..).collect();
        let sieve = Sieve::<STRIDE, GRAM>::new(&numbered);
        let (mut rules, mut last) = (Vec::new(), 0);
        sieve.search(text.as_bytes(), |place, of| {
            assert!(place >= last && place < text.len());
            last = place;
            rules.extend(of);
        });
        rules.sort_unstable();
        rules
    }

    proptest! {
        #[test]
        fn every_literal_is_found_once(
            literals in proptest::collection::vec("[a-c ]{7,12}", 0..20),
            text in "[a-cA-C ]{0,400}",
        ) {
            prop_assert_eq!(sieved::<4, 4>(&literals, &text), plainly(&literals, &text));
        }

        #[test]
        fn every_planted_literal_is_found(
            literals in proptest::collection::vec("[a-z:.é ]{7,30}", 1..40),
            filling in "[a-zA-Z0-9 \n]{0,80}",
            order in proptest::collection::vec(0_usize..40, 0..20),
        ) {
            let literals: Vec<_> = literals.into_iter().filter(|literal| literal.len() >= 7).collect();
            let planted = order.iter().filter_map(|at| literals.get(*at)).map(|text| text.to_ascii_uppercase());
            let text: String = planted.flat_map(|literal| [literal, filling.clone()]).collect();
            prop_assert_eq!(sieved::<4, 4>(&literals, &text), plainly(&literals, &text));
        }

        #[test]
        fn short_literals_are_found(
            literals in proptest::collection::vec("[a-c0-1]{3,6}", 0..10),
            text in "[a-cA-C0-1]{0,200}",
        ) {
            prop_assert_eq!(sieved::<1, 3>(&literals, &text), plainly(&literals, &text));
        }
    }
}
