//! Feature hashing: any number of names in a table of fixed size (Weinberger et al., 2009).

/// FNV-1a, 64 bits, seeded; stable between versions and machines, which `std`'s hasher is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash {
    seed: u64,
    buckets: u32,
}

impl TokenHash {
    /// A hash into `buckets` rows (at least 1).
    pub const fn new(seed: u64, buckets: u32) -> Self {
        Self { seed, buckets: if buckets == 0 { 1 } else { buckets } }
    }

    /// The row of a token.
    pub fn bucket(&self, token: &str) -> i64 {
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ self.seed;
        for byte in token.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // The low bits of FNV are weak: fold the high ones in.
        i64::try_from((hash ^ (hash >> 32)) % u64::from(self.buckets)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_stable_and_spread() {
        let hash = TokenHash::new(7, 1_024);
        assert_eq!(hash.bucket("workflow=daily"), hash.bucket("workflow=daily"));
        let rows: std::collections::BTreeSet<_> = (0..1_000).map(|n| hash.bucket(&format!("job={n}"))).collect();
        assert!(rows.len() > 550, "{} distinct rows of 1000", rows.len());
        assert!(rows.iter().all(|row| (0..1_024).contains(row)));
    }
}
