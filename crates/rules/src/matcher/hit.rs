//! What a rule's pattern finds in one block: a hit, or why it is none.

use std::collections::BTreeMap;

use paramedic_domain::{ContainerEnd, Evidence};

use super::Patterns;
use crate::{block::Block, noise, pattern::Pattern, recovery::LazyRecovery, set::LogText};

/// Longest evidence and capture, in characters.
const EVIDENCE_CHARS_MAX: usize = 500;
/// Most hits that are tried in one block before it counts as none: each costs an `unless` over its surroundings.
const HITS_TRIED_MAX: usize = 32;
/// How far around a hit `unless` looks within the block, in bytes to each side.
const UNLESS_REACH_BYTES: usize = 4 * 1024;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A hit.
    Hit(Hit),
    /// None of its logs was given.
    NoLog,
    /// The driver's exit code is none of its.
    OtherExitCode,
    /// The value of this key does not match.
    OtherConfiguration(String),
    /// Hits, each set aside; the first of them.
    SetAside(Place),
    /// Hits, where the conditions on the entry do not hold; the first of them.
    OtherStructure(Place),
    /// Hits in what is no failure only (a flag, a command, a dump, a warning that was recovered from); the first.
    Noise(Place),
    /// Its pattern matched nowhere.
    NoMatch,
}

impl Outcome {
    pub(crate) fn hit(&self) -> Option<&Hit> {
        match self {
            Self::Hit(hit) => Some(hit),
            _ => None,
        }
    }
}

impl Outcome {
    /// The places that it names.
    pub(super) fn places_mut(&mut self) -> &mut [Place] {
        match self {
            Self::Hit(hit) => &mut hit.places,
            Self::SetAside(place) | Self::Noise(place) | Self::OtherStructure(place) => std::slice::from_mut(place),
            _ => &mut [],
        }
    }
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the log.
    pub(crate) log: usize,
    /// From 1.
    pub(crate) line: u64,
    /// The line, shortened.
    pub(crate) text: String,
}

/// What a rule matched. No place at all where the exit code alone decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) places: Vec<Place>,
    pub(crate) captures: BTreeMap<String, String>,
}

impl Hit {
    pub(crate) fn evidence(&self, logs: &[LogText]) -> Vec<Evidence> {
        self.places
            .iter()
            .map(|place| Evidence { log: logs[place.log].log, line: place.line, text: place.text.clone() })
            .collect()
    }
}

/// Of two misses, the one that tells more.
pub(super) fn nearer(known: Outcome, new: Outcome) -> Outcome {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::SetAside(_) => 3,
        Outcome::OtherStructure(_) | Outcome::Noise(_) => 2,
        Outcome::NoMatch => 1,
        _ => 0,
    };
    if rank(&new) > rank(&known) { new } else { known }
}

/// What a block is judged with beside its text.
pub(super) struct Surroundings<'s> {
    /// Of the log that holds it.
    pub(super) recovery: &'s LazyRecovery<'s>,
    /// The failure's.
    pub(super) containers: &'s [ContainerEnd],
}

pub(super) fn try_block(block: &Block<'_>, log: usize, patterns: &Patterns, around: &Surroundings<'_>) -> Outcome {
    let mut outcome = Outcome::NoMatch;
    let Patterns { regex, unless, structure, .. } = patterns;
    let Some(regex) = regex.as_ref().and_then(Pattern::regex) else { return outcome };
    let searched = structure.searched(block.text);
    let mut structured = None;
    for captures in regex.captures_iter(&block.text[searched.clone()]).take(HITS_TRIED_MAX) {
        let Some(whole) = captures.get(0) else { continue };
        let whole = searched.start + whole.start()..searched.start + whole.end();
        let (line, text) = block.line_at(whole.start);
        let place = || Place { log, line, text: shortened(text) };
        let line_start = text.as_ptr() as usize - block.text.as_ptr() as usize;
        if noise::is_noise(text, whole.start - line_start) {
            outcome = nearer(outcome, Outcome::Noise(place()));
        } else if unless
            .as_ref()
            .is_some_and(|unless| unless.is_match(surroundings(block.text, whole.start, whole.end)))
        {
            outcome = nearer(outcome, Outcome::SetAside(place()));
        } else if (!structure.names_an_entry() && noise::is_own_statement(block.text))
            || noise::is_harmless(block.text)
            || around.recovery.covers(block.text, block.start)
        {
            outcome = nearer(outcome, Outcome::Noise(place()));
        } else {
            let structured = structured.get_or_insert_with(|| structure.met_by(block.text, around.containers));
            let Some(structured) = structured else { return nearer(outcome, Outcome::OtherStructure(place())) };
            let mut places = vec![place()];
            places.extend(deepest_cause(block, log).filter(|cause| cause.line > line));
            let named = regex.capture_names().flatten();
            let captures = named.filter_map(|name| Some((name.to_owned(), shortened(captures.name(name)?.as_str()))));
            let structured = structured.iter().map(|(name, value)| (name.clone(), shortened(value)));
            return Outcome::Hit(Hit { places, captures: structured.chain(captures).collect() });
        }
    }
    outcome
}

/// The part of the block that `unless` is tried on.
fn surroundings(text: &str, start: usize, end: usize) -> &str {
    let from = text.floor_char_boundary(start.saturating_sub(UNLESS_REACH_BYTES));
    let to = text.ceil_char_boundary(end.saturating_add(UNLESS_REACH_BYTES).min(text.len()));
    &text[from..to]
}

/// The last `Caused by:` line of a block.
fn deepest_cause(block: &Block<'_>, log: usize) -> Option<Place> {
    let at = block.text.rfind("\nCaused by: ")? + 1;
    let (line, text) = block.line_at(at);
    Some(Place { log, line, text: shortened(text) })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EVIDENCE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
