//! Where a log comes close to a pattern: by the fixed texts of its alternatives, and by how far an alternative matches.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use regex_syntax::ast::{self, Ast};

use crate::{
    block::{Block, split},
    pattern::compile,
};

/// Shortest fixed text that tells anything, and the least that an entry must hold of an alternative to be near, in bytes.
const RUN_BYTES_MIN: usize = 5;
const NEAR_BYTES_MIN: usize = 8;
/// The share of an alternative's fixed text that a near entry holds.
const NEAR_SHARE_MIN: f64 = 0.5;

/// One alternative of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alternative {
    /// Flags that hold for it: `(?i)`.
    flags: String,
    /// Starts and ends of its parts in the pattern, in bytes.
    parts: Vec<(usize, usize)>,
    /// Its fixed texts.
    runs: Vec<String>,
}

/// The alternatives of a pattern; none where it cannot be parsed.
pub(super) fn alternatives(pattern: &str) -> Vec<Alternative> {
    let mut found = Vec::new();
    if let Ok(parsed) = ast::parse::Parser::new().parse(pattern) {
        collect(pattern, &parsed, String::new(), &mut found);
    }
    found
}

fn collect(pattern: &str, ast: &Ast, mut flags: String, found: &mut Vec<Alternative>) {
    match ast {
        Ast::Alternation(alternation) => {
            alternation.asts.iter().for_each(|branch| collect(pattern, branch, flags.clone(), found));
        }
        Ast::Group(group) => {
            if let ast::GroupKind::NonCapturing(set) = &group.kind {
                let text = &pattern[set.span.start.offset..set.span.end.offset];
                flags.push_str(&if text.is_empty() { String::new() } else { format!("(?{text})") });
            }
            collect(pattern, &group.ast, flags, found);
        }
        Ast::Concat(concat) => {
            let leading = concat.asts.iter().take_while(|part| matches!(part, Ast::Flags(_))).count();
            let (set, parts) = concat.asts.split_at(leading);
            flags.extend(set.iter().map(|set| &pattern[set.span().start.offset..set.span().end.offset]));
            match parts {
                [only] => collect(pattern, only, flags, found),
                parts => found.push(Alternative::of(flags, parts)),
            }
        }
        other => found.push(Alternative::of(flags, std::slice::from_ref(other))),
    }
}

impl Alternative {
    fn of(flags: String, parts: &[Ast]) -> Self {
        let mut runs = vec![String::new()];
        for part in parts {
            match (part, runs.last_mut()) {
                (Ast::Literal(literal), Some(run)) => run.push(literal.c),
                _ => runs.push(String::new()),
            }
        }
        runs.retain(|run| run.len() >= RUN_BYTES_MIN);
        let parts = parts.iter().map(|part| (part.span().start.offset, part.span().end.offset)).collect();
        Self { flags, parts, runs }
    }

    /// How many of its parts, from the first, match in the block, and where that match ends.
    fn reach(&self, pattern: &str, block: &str) -> (usize, usize) {
        let end_of = |count: usize| {
            let (start, end) = (self.parts.first()?.0, self.parts.get(count.checked_sub(1)?)?.1);
            let regex = compile(&format!("{}{}", self.flags, &pattern[start..end])).ok()?;
            Some(regex.find(block)?.end())
        };
        // Where the first n parts match, fewer do too.
        let (mut reached, mut end, mut beyond) = (0, 0, self.parts.len() + 1);
        while beyond - reached > 1 {
            let middle = usize::midpoint(reached, beyond);
            match end_of(middle) {
                Some(at) => (reached, end) = (middle, at),
                None => beyond = middle,
            }
        }
        (reached, end)
    }
}

/// An entry of a log that comes close to a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Near {
    /// Share of the alternative's fixed text that it holds, 0 to 1.
    pub(super) share: f64,
    /// Line, from 1, and its text.
    pub(super) line: u64,
    pub(super) text: String,
    /// What is missing, in one sentence.
    pub(super) missing: String,
}

/// For each pattern (by its number) the entry of `text` that comes closest.
pub(super) fn nearest<'p>(patterns: impl Iterator<Item = (usize, &'p str)>, text: &str) -> BTreeMap<usize, Near> {
    let patterns: Vec<_> = patterns.map(|(number, pattern)| (number, pattern, alternatives(pattern))).collect();
    let mut runs = Vec::new();
    for (at, (_, _, alternatives)) in patterns.iter().enumerate() {
        for (alternative, of) in alternatives.iter().enumerate() {
            runs.extend(of.runs.iter().enumerate().map(|(run, text)| (text.as_str(), (at, alternative, run))));
        }
    }
    let Ok(finder) = AhoCorasick::builder().ascii_case_insensitive(true).build(runs.iter().map(|(text, _)| text))
    else {
        return BTreeMap::new();
    };
    let blocks = split(text);
    // Of each alternative: the runs that the open block holds; and the best block so far.
    let mut open: BTreeMap<(usize, usize), (usize, Vec<bool>)> = BTreeMap::new();
    let mut best: BTreeMap<usize, (f64, usize, usize, Vec<bool>)> = BTreeMap::new();
    let mut block = 0;
    for found in finder.find_overlapping_iter(text) {
        while blocks.get(block + 1).is_some_and(|next| next.start <= found.start()) {
            block += 1;
        }
        let (_, (at, alternative, run)) = runs[found.pattern().as_usize()];
        let of = &patterns[at].2[alternative];
        let (seen_in, held) = open.entry((at, alternative)).or_insert_with(|| (block, vec![false; of.runs.len()]));
        if *seen_in != block {
            (*seen_in, *held) = (block, vec![false; of.runs.len()]);
        }
        if std::mem::replace(&mut held[run], true) {
            continue;
        }
        let (share, bytes) = held_share(of, held);
        let better = best.get(&at).is_none_or(|(known, ..)| share > *known);
        if better && share >= NEAR_SHARE_MIN && bytes >= NEAR_BYTES_MIN {
            best.insert(at, (share, block, alternative, held.clone()));
        }
    }
    let near = |(at, (share, block, alternative, held)): (usize, (f64, usize, usize, Vec<bool>))| {
        let (number, pattern, alternatives) = &patterns[at];
        (*number, described(pattern, &alternatives[alternative], &held, share, &blocks[block]))
    };
    best.into_iter().map(near).collect()
}

fn held_share(of: &Alternative, held: &[bool]) -> (f64, usize) {
    let all: usize = of.runs.iter().map(String::len).sum();
    let bytes: usize = of.runs.iter().zip(held).filter(|(_, held)| **held).map(|(run, _)| run.len()).sum();
    (bytes as f64 / all.max(1) as f64, bytes)
}

fn described(pattern: &str, of: &Alternative, held: &[bool], share: f64, block: &Block<'_>) -> Near {
    let absent: Vec<_> =
        of.runs.iter().zip(held).filter(|(_, held)| !**held).map(|(run, _)| format!("`{run}`")).collect();
    let (reached, end) = of.reach(pattern, block.text);
    let next = of.parts.get(reached).map(|(start, _)| *start);
    let last = of.parts.last().map_or(pattern.len(), |(_, end)| *end);
    let known = of.runs.iter().zip(held).find(|(_, held)| **held).map(|(run, _)| run.to_ascii_lowercase());
    let at = if reached > 0 {
        end.saturating_sub(1)
    } else {
        known.and_then(|run| block.text.to_ascii_lowercase().find(&run)).unwrap_or(0)
    };
    let (line, text) = block.line_at(at);
    let missing = match next {
        _ if !absent.is_empty() => format!("the entry does not hold {}", absent.join(", ")),
        Some(next) if reached > 0 => {
            let first = of.parts.first().map_or(0, |(start, _)| *start);
            format!("it matches up to `{}`, then wants `{}`", tail(&pattern[first..next]), lead(&pattern[next..last]))
        }
        Some(next) => format!("its fixed text is there, but `{}` does not match", lead(&pattern[next..last])),
        None => "it matches there as plain text".to_owned(),
    };
    Near { share, line, text: text.chars().take(500).collect(), missing }
}

const SHOWN_CHARS: usize = 60;

fn tail(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN_CHARS {
        text.to_owned()
    } else {
        format!("…{}", text.chars().skip(count - SHOWN_CHARS).collect::<String>())
    }
}

fn lead(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(pattern: &str, text: &str) -> Option<(u64, String)> {
        nearest([(0, pattern)].into_iter(), text).remove(&0).map(|near| (near.line, near.missing))
    }

    #[test]
    fn the_nearest_entry_says_what_is_missing() {
        let text = "26/01/31 12:00:00 INFO A: fine\n26/01/31 12:00:01 ERROR B: disk /data1 has 3 bytes left\n";
        let told =
            |pattern| near(pattern, text).map_or_else(|| "nothing".to_owned(), |(line, why)| format!("{line}: {why}"));
        assert_eq!(told(r"disk \S+ has (?<n>\d+) megabytes left"), "nothing");
        assert_eq!(
            told(r"disk /data1 has (?<n>[a-f]+) bytes left"),
            "2: it matches up to `disk /data1 has `, then wants `(?<n>[a-f]+) bytes left`"
        );
        assert_eq!(
            told(r"other|(?i:DISK /data1 has (?<n>\d+) bytes gone)"),
            "2: the entry does not hold ` bytes gone`"
        );
        assert_eq!(told(r"disk /data1 has.{0,9}nothing left"), "2: the entry does not hold `nothing left`");
    }

    proptest! {
        #[test]
        fn any_pattern_and_any_text_come_close_or_not(pattern in "(\\PC|\\(|\\||ab){0,20}", text in "(\\PC|\n|ab){0,60}") {
            let _ = near(&pattern, &text);
        }
    }
}
