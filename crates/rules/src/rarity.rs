//! How often a few bytes stand in the log of a run that did not fail: what is rare there tells a failure.

use std::sync::LazyLock;

/// What a driver, a master and an executor print when nothing fails.
pub(crate) const HEALTHY_LOG: &str = include_str!("healthy.txt");

/// Slots of the counts. Grams that share one count as more frequent than they are, which does no harm.
const SLOT_BITS: u32 = 16;

/// Counts of the three and four byte grams of the healthy log, whatever their case, by slot.
static COUNTS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut counts = vec![0_u16; 1 << SLOT_BITS];
    let bytes = HEALTHY_LOG.as_bytes();
    let grams = bytes.windows(3).map(gram).chain(bytes.windows(4).map(gram));
    for gram in grams {
        let count = &mut counts[slot(gram)];
        *count = count.saturating_add(1);
    }
    counts
});

/// Up to four bytes as a number, whatever the case of their letters. Some other bytes count as the same, too: a filter.
pub(crate) fn gram(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |gram, &byte| gram << 8 | u32::from(byte | 0x20))
}

/// About how often a gram stands in the healthy log.
pub(crate) fn count(gram: u32) -> u64 {
    u64::from(COUNTS[slot(gram)])
}

/// About how often a text of three bytes or more stands in the healthy log, at most.
pub(crate) fn count_of(text: &[u8]) -> u64 {
    text.windows(4.min(text.len().max(1))).map(|window| count(gram(window))).min().unwrap_or(u64::MAX)
}

fn slot(gram: u32) -> usize {
    (gram.wrapping_mul(0x9E37_79B1) >> (u32::BITS - SLOT_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_healthy_log_says_is_frequent_and_a_failure_rare() {
        assert!(count_of(b"INFO SecurityManager") > 10);
        assert!(count_of(b"info securitymanager") > 10);
        assert_eq!(count_of(b"NullPointerException"), 0);
        assert_eq!(gram(b"aBc"), gram(b"AbC"));
    }
}
