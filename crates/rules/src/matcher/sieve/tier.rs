//! The literals of about one length, looked for at every `STRIDE`-th byte by grams of `GRAM` bytes.

use std::ops::Range;

use super::{Found, Literal};
use crate::rarity;

/// Lookups between two branches.
const LOOKUPS: usize = 8;
/// What a lookup reads, in bytes.
const READ: usize = 8;
/// Bits of the table for each gram, and the table's least and most words of 64 bits, as powers of two: at most 128 KiB.
const BITS_PER_GRAM_LOG: u32 = 6;
const WORDS_LOG: std::ops::RangeInclusive<u32> = 4..=14;

/// Looks at each `STRIDE`-th gram of `GRAM` bytes (up to 8).
#[derive(Debug)]
pub(super) struct Tier<const STRIDE: usize, const GRAM: usize> {
    /// Two bits of one word for each gram that is looked for.
    table: Vec<u64>,
    shift: u32,
    /// The grams, sorted by hash; those of slot `n` are `slots[n]..slots[n + 1]`.
    grams: Vec<Gram>,
    slots: Vec<u32>,
    slot_shift: u32,
}

#[derive(Debug)]
struct Gram {
    bytes: u64,
    /// Where it starts in its literal.
    offset: u32,
    literal: u32,
}

impl<const STRIDE: usize, const GRAM: usize> Tier<STRIDE, GRAM> {
    /// The shortest literal that is found, in bytes.
    pub(super) const LITERAL_BYTES_MIN: usize = STRIDE + GRAM - 1;

    /// Of literals with their numbers, each at least [`Self::LITERAL_BYTES_MIN`] long.
    pub(super) fn new<'l>(literals: impl Iterator<Item = (&'l Literal, u32)>) -> Self {
        let mut grams: Vec<_> = literals.flat_map(|(literal, number)| Self::grams_of(&literal.text, number)).collect();
        grams.sort_by_key(|gram| hash(gram.bytes));
        let size = grams.len().max(2).ilog2();
        let words = (size + BITS_PER_GRAM_LOG).saturating_sub(6).clamp(*WORDS_LOG.start(), *WORDS_LOG.end());
        let (shift, slot_shift) = (u64::BITS - words, u64::BITS - size);
        let (mut table, mut slots) = (vec![0_u64; 1 << words], vec![0_u32; (1 << size) + 1]);
        for gram in &grams {
            let hash = hash(gram.bytes);
            table[(hash >> shift) as usize] |= bits(hash);
            slots[(hash >> slot_shift) as usize + 1] += 1;
        }
        for slot in 1..slots.len() {
            slots[slot] += slots[slot - 1];
        }
        Self { table, shift, grams, slots, slot_shift }
    }

    /// The grams of the rarest window that is sure to hold a sampled one.
    fn grams_of(text: &[u8], literal: u32) -> impl Iterator<Item = Gram> + use<'_, STRIDE, GRAM> {
        let cost = |window: &[u8]| window.windows(GRAM).map(rarity::count_of).sum::<u64>();
        let windows = text.windows(Self::LITERAL_BYTES_MIN).enumerate();
        let (start, window) = windows.min_by_key(|(_, window)| cost(window)).unwrap_or((0, &[]));
        let one = move |(offset, bytes): (usize, &[u8])| Gram {
            bytes: bytes.iter().rev().fold(0, |gram, &byte| gram << 8 | u64::from(byte | 0x20)),
            offset: (start + offset) as u32,
            literal,
        };
        window.windows(GRAM).enumerate().map(one)
    }

    /// Adds the literals that have their sampled gram in a part of the text. The part starts at a multiple of the stride.
    pub(super) fn search(&self, text: &[u8], part: Range<usize>, literals: &[Literal], found: &mut Vec<Found>) {
        if self.grams.is_empty() {
            return;
        }
        let mut at = part.start;
        while at + STRIDE * LOOKUPS <= part.end
            && let Some(window) = text.get(at..at + STRIDE * (LOOKUPS - 1) + READ)
        {
            let mut passed = 0_u32;
            for lookup in 0..LOOKUPS {
                let from = lookup * STRIDE;
                let bytes = std::array::from_fn(|byte| window[from + byte]);
                passed |= u32::from(self.may_hold(hash(gram(bytes, GRAM)))) << lookup;
            }
            while passed != 0 {
                self.compare(text, at + passed.trailing_zeros() as usize * STRIDE, literals, found);
                passed &= passed - 1;
            }
            at += STRIDE * LOOKUPS;
        }
        while at < part.end && at + GRAM <= text.len() {
            self.compare(text, at, literals, found);
            at += STRIDE;
        }
    }

    fn may_hold(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.table[(hash >> self.shift) as usize] & bits == bits
    }

    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, literals: &[Literal], found: &mut Vec<Found>) {
        let bytes = std::array::from_fn(|byte| text.get(at + byte).copied().unwrap_or_default());
        let sampled = gram(bytes, GRAM);
        let slot = (hash(sampled) >> self.slot_shift) as usize;
        for gram in &self.grams[self.slots[slot] as usize..self.slots[slot + 1] as usize] {
            if gram.bytes == sampled
                && let Some(start) = at.checked_sub(gram.offset as usize)
                && literals[gram.literal as usize].stands_at(text, start)
            {
                found.push((at, gram.literal));
            }
        }
    }
}

/// The first bytes as a number, whatever the case of their letters. Some other bytes count as the same, too: a filter.
fn gram(bytes: [u8; READ], length: usize) -> u64 {
    let keep = u64::MAX >> (8 * (READ - length));
    (u64::from_le_bytes(bytes) | 0x2020_2020_2020_2020) & keep
}

/// The high bits choose a word, the next ones the bits in it.
fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Two bits of a word.
fn bits(hash: u64) -> u64 {
    1 << (hash >> 34 & 63) | 1 << (hash >> 40 & 63)
}
