//! Finds what each rule matches.

use std::{borrow::Cow, collections::BTreeMap};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use paramedic_domain::{Configuration, Evidence, LogKind};
use regex::Regex;

use crate::{
    block::{Block, split},
    error::{RuleError, RuleErrors},
    literal, noise,
    rule::Rule,
    set::LogText,
};

/// Longest evidence and capture, in characters.
const EVIDENCE_CHARS_MAX: usize = 500;
/// Most hits that are tried in one block before it counts as none: each costs an `unless` over its surroundings.
const HITS_TRIED_MAX: usize = 32;
/// How far around a hit `unless` looks within the block, in bytes to each side.
const UNLESS_REACH_BYTES: usize = 4 * 1024;

/// The compiled patterns of one rule.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub(crate) regex: Option<Regex>,
    pub(crate) unless: Option<Regex>,
    pub(crate) config: Vec<(String, Regex)>,
}

/// The compiled patterns of all rules, in rule order.
#[derive(Debug)]
pub(crate) struct Matcher {
    patterns: Vec<Patterns>,
    literals: AhoCorasick,
    /// Which rule each literal belongs to.
    literal_rules: Vec<usize>,
    /// Rules without a literal: tried on every block.
    always: Vec<usize>,
}

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
    /// Hits in flags, commands or configuration dumps only; the first of them.
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

/// A log, cut into blocks, and the blocks in which each rule may match.
struct Searched<'t> {
    blocks: Vec<Block<'t>>,
    candidates: Vec<Vec<usize>>,
}

impl Matcher {
    pub(crate) fn new(rules: &[Rule], patterns: Vec<Patterns>) -> Result<Self, RuleErrors> {
        let (mut texts, mut literal_rules, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate() {
            let Some(regex) = &rule.regex else { continue };
            let Some(literals) = literal::required(regex) else {
                always.push(index);
                continue;
            };
            literal_rules.extend(literals.iter().map(|_| index));
            texts.extend(literals);
        }
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&texts)
            .map_err(|error| too_large(&error.to_string()))?;
        Ok(Self { patterns, literals, literal_rules, always })
    }

    /// Is the rule's pattern tried on every block, for want of a literal?
    pub(crate) fn is_slow(&self, rule: usize) -> bool {
        self.always.contains(&rule)
    }

    pub(crate) fn patterns(&self, rule: usize) -> &Patterns {
        &self.patterns[rule]
    }

    /// The outcome of every rule, in rule order.
    pub(crate) fn outcomes(
        &self,
        rules: &[Rule],
        logs: &[LogText],
        exit_code: Option<i32>,
        config: &Configuration,
    ) -> Vec<Outcome> {
        let config = with_dumped(config, logs);
        let searched: Vec<_> = logs.iter().map(|log| self.search(&log.text)).collect();
        let one = |(index, rule): (usize, &Rule)| self.outcome(index, rule, logs, &searched, exit_code, &config);
        rules.iter().enumerate().map(one).collect()
    }

    fn search<'t>(&self, text: &'t str) -> Searched<'t> {
        let blocks = split(text);
        let mut candidates = vec![Vec::new(); self.patterns.len()];
        let mut block = 0;
        for found in self.literals.find_overlapping_iter(text) {
            while block + 1 < blocks.len() && blocks[block + 1].start < found.end() {
                block += 1;
            }
            let blocks_of_rule: &mut Vec<usize> = &mut candidates[self.literal_rules[found.pattern().as_usize()]];
            if blocks_of_rule.last() != Some(&block) {
                blocks_of_rule.push(block);
            }
        }
        for &rule in &self.always {
            candidates[rule] = (0..blocks.len()).collect();
        }
        Searched { blocks, candidates }
    }

    fn outcome(
        &self,
        index: usize,
        rule: &Rule,
        logs: &[LogText],
        searched: &[Searched<'_>],
        exit_code: Option<i32>,
        config: &Configuration,
    ) -> Outcome {
        let patterns = &self.patterns[index];
        if !rule.exit_code.is_empty() && !exit_code.is_some_and(|code| rule.exit_code.contains(&code)) {
            return Outcome::OtherExitCode;
        }
        let value = |key: &str| config.get(key).map_or("", String::as_str);
        if let Some((key, _)) = patterns.config.iter().find(|(key, regex)| !regex.is_match(value(key))) {
            return Outcome::OtherConfiguration(key.clone());
        }
        let Some(regex) = &patterns.regex else { return Outcome::Hit(Hit::default()) };
        let mut outcome = Outcome::NoLog;
        for (log, searched) in searched.iter().enumerate().filter(|(log, _)| rule.log.contains(&logs[*log].log)) {
            for &block in &searched.candidates[index] {
                match try_block(&searched.blocks[block], log, regex, patterns.unless.as_ref()) {
                    hit @ Outcome::Hit(_) => return hit,
                    miss => outcome = nearer(outcome, miss),
                }
            }
            outcome = nearer(outcome, Outcome::NoMatch);
        }
        outcome
    }
}

/// Of two misses, the one that tells more.
fn nearer(known: Outcome, new: Outcome) -> Outcome {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::SetAside(_) => 3,
        Outcome::Noise(_) => 2,
        Outcome::NoMatch => 1,
        _ => 0,
    };
    if rank(&new) > rank(&known) { new } else { known }
}

fn try_block(block: &Block<'_>, log: usize, regex: &Regex, unless: Option<&Regex>) -> Outcome {
    let mut outcome = Outcome::NoMatch;
    for captures in regex.captures_iter(block.text).take(HITS_TRIED_MAX) {
        let Some(whole) = captures.get(0) else { continue };
        let (line, text) = block.line_at(whole.start());
        let place = || Place { log, line, text: shortened(text) };
        let line_start = text.as_ptr() as usize - block.text.as_ptr() as usize;
        if noise::is_noise(text, whole.start() - line_start) {
            outcome = nearer(outcome, Outcome::Noise(place()));
        } else if unless.is_some_and(|unless| unless.is_match(surroundings(block.text, whole.start(), whole.end()))) {
            outcome = nearer(outcome, Outcome::SetAside(place()));
        } else {
            let mut places = vec![place()];
            places.extend(deepest_cause(block, log).filter(|cause| cause.line > line));
            let named = regex.capture_names().flatten();
            let captures =
                named.filter_map(|name| Some((name.to_owned(), shortened(captures.name(name)?.as_str())))).collect();
            return Outcome::Hit(Hit { places, captures });
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

/// The configuration, and what the driver's logs show of it beyond (`spark.logConf`): `spark.key=value` lines.
fn with_dumped<'c>(config: &'c Configuration, logs: &[LogText]) -> Cow<'c, Configuration> {
    let mut config = Cow::Borrowed(config);
    let drivers = logs.iter().filter(|log| matches!(log.log, LogKind::DriverStderr | LogKind::DriverStdout));
    for line in drivers.flat_map(|log| log.text.lines()).filter(|line| line.starts_with("spark.")) {
        if let Some((key, value)) = line.split_once('=')
            && !key.contains(' ')
            && !config.contains_key(key)
        {
            config.to_mut().insert(key.to_owned(), value.to_owned());
        }
    }
    config
}

fn too_large(detail: &str) -> RuleErrors {
    let message = format!("the rules together are too large to search for ({detail}); split the set");
    RuleErrors(vec![RuleError { file: "rules".to_owned(), line: 0, column: 0, rule: None, message }])
}
