//! Finds many literals in a log at the price of looking at every few bytes of it.
//!
//! A literal that is long enough holds, wherever it stands, a sampled gram: one that starts at a multiple of the stride. So
//! only those are looked up, in a table of bits that stays in the processor's nearest cache; what it lets pass is compared.
//! Long literals are sampled more sparsely than short ones. Of each literal those bytes are sampled that are rarest in a
//! healthy log, so that most lines pass by at once.

mod short;
mod tier;

use std::collections::BTreeMap;

use short::Short;
use tier::Tier;

use crate::literal;

/// Bytes that every tier looks at before the next chunk: they stay in the cache meanwhile.
const CHUNK_BYTES: usize = 64 * 1024;

/// Finds literals.
#[derive(Debug)]
pub(super) struct Sieve {
    literals: Vec<Literal>,
    /// By length: of 15 bytes and more, of 7, of 3.
    longest: Tier<8, 8>,
    long: Tier<4, 4>,
    short: Short,
}

#[derive(Debug)]
struct Literal {
    text: Box<[u8]>,
    any_case: bool,
    rules: Vec<usize>,
}

/// A literal of a text: a place within it, and its number.
type Found = (usize, u32);

impl Sieve {
    /// Of literals, each with its rule and at least three bytes long.
    pub(super) fn new(literals: Vec<(literal::Literal, usize)>) -> Self {
        let mut by_text: BTreeMap<literal::Literal, Vec<usize>> = BTreeMap::new();
        for (literal, rule) in literals {
            by_text.entry(literal).or_default().push(rule);
        }
        let numbered = |(literal, rules): (literal::Literal, _)| Literal {
            text: literal.text.into_bytes().into(),
            any_case: literal.any_case,
            rules,
        };
        let literals: Vec<_> = by_text.into_iter().map(numbered).collect();
        let of = |least: usize, below: usize| {
            let numbered = literals.iter().zip(0_u32..);
            numbered.filter(move |(literal, _)| (least..below).contains(&literal.text.len()))
        };
        let (longest, long) = (Tier::<8, 8>::LITERAL_BYTES_MIN, Tier::<4, 4>::LITERAL_BYTES_MIN);
        Self {
            longest: Tier::new(of(longest, usize::MAX)),
            long: Tier::new(of(long, longest)),
            short: Short::new(of(0, long)),
            literals,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.literals.is_empty()
    }

    /// Calls `found` with a place within each literal of the text, in ascending order, and the rules that it belongs to.
    pub(super) fn search(&self, text: &[u8], mut found: impl FnMut(usize, &[usize])) {
        let mut in_chunk: Vec<Found> = Vec::new();
        for start in (0..text.len()).step_by(CHUNK_BYTES) {
            let chunk = start..text.len().min(start + CHUNK_BYTES);
            self.longest.search(text, chunk.clone(), &self.literals, &mut in_chunk);
            self.long.search(text, chunk.clone(), &self.literals, &mut in_chunk);
            self.short.search(text, chunk, &self.literals, &mut in_chunk);
            in_chunk.sort_unstable();
            for (place, literal) in in_chunk.drain(..) {
                found(place, &self.literals[literal as usize].rules);
            }
        }
    }
}

impl Literal {
    fn stands_at(&self, text: &[u8], start: usize) -> bool {
        let there = text.get(start..start + self.text.len());
        there.is_some_and(
            |there| if self.any_case { there.eq_ignore_ascii_case(&self.text) } else { *there == *self.text },
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literals() -> impl Strategy<Value = Vec<literal::Literal>> {
        let literal = ("[a-bB ]{3,18}|[a-z:.é ]{3,30}|[A-Za-b1]{3,6}", any::<bool>());
        let made = |(text, any_case): (String, bool)| {
            let text = if any_case { text.to_ascii_lowercase() } else { text };
            literal::Literal { text, any_case }
        };
        proptest::collection::vec(literal.prop_map(made), 0..60)
    }

    /// Every occurrence: the rule of each literal, as often as it stands in the text.
    fn plainly(literals: &[literal::Literal], text: &str) -> Vec<usize> {
        let lower = text.to_ascii_lowercase();
        let mut rules = Vec::new();
        for (rule, literal) in literals.iter().enumerate() {
            let text = if literal.any_case { &lower } else { text };
            let at = |place: &usize| text.as_bytes()[*place..].starts_with(literal.text.as_bytes());
            rules.extend((0..text.len()).filter(at).map(|_| rule));
        }
        rules
    }

    fn sieved(literals: &[literal::Literal], text: &str) -> Vec<usize> {
        let sieve = Sieve::new(literals.iter().cloned().zip(0..).collect());
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
        fn every_literal_is_found_once(literals in literals(), text in "[a-bA-B ]{0,400}") {
            prop_assert_eq!(sieved(&literals, &text), plainly(&literals, &text));
        }

        #[test]
        fn every_planted_literal_is_found(
            literals in literals(),
            filling in "[a-zA-Z0-9 \n]{0,80}",
            order in proptest::collection::vec((0_usize..40, any::<bool>()), 0..20),
        ) {
            let planted = order.iter().filter_map(|(at, upper)| {
                let text = &literals.get(*at)?.text;
                Some(if *upper { text.to_ascii_uppercase() } else { text.clone() })
            });
            let text: String = planted.flat_map(|literal| [literal, filling.clone()]).collect();
            prop_assert_eq!(sieved(&literals, &text), plainly(&literals, &text));
        }

        #[test]
        fn literals_across_chunks_are_found(literals in literals(), before in CHUNK_BYTES - 40..CHUNK_BYTES + 8) {
            let planted: String = literals.iter().map(|literal| literal.text.as_str()).collect();
            let text = format!("{}{planted}", "-".repeat(before));
            prop_assert_eq!(sieved(&literals, &text), plainly(&literals, &text));
        }
    }
}
