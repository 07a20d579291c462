//! Finds what each rule matches.

mod hit;
mod precondition;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;

use crate::{
    block::{Block, split},
    circumstances::Circumstances,
    error::{RuleError, RuleErrors},
    literal,
    recovery::LazyRecovery,
    remedy::Remedy,
    rule::Rule,
    set::LogText,
    structure::Structure,
    structured_log,
};

pub(crate) use hit::{Hit, Outcome, Place};
use hit::{Surroundings, nearer, try_block};

/// The compiled patterns of one rule.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub(crate) regex: Option<Regex>,
    pub(crate) unless: Option<Regex>,
    pub(crate) config: Vec<(String, Regex)>,
    pub(crate) structure: Structure,
    pub(crate) remedy: Remedy,
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

/// A log, cut into blocks, and the blocks in which each rule may match.
struct Searched<'t> {
    blocks: Vec<Block<'t>>,
    candidates: Vec<Vec<usize>>,
    /// Read when a hit may have been recovered from.
    recovery: LazyRecovery<'t>,
}

impl Matcher {
    pub(crate) fn new(patterns: Vec<Patterns>) -> Result<Self, RuleErrors> {
        let (mut texts, mut literal_rules, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (index, patterns) in patterns.iter().enumerate() {
            let Some(regex) = &patterns.regex else { continue };
            let Some(literals) = literal::required(regex.as_str()) else {
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
    pub(crate) fn outcomes(&self, rules: &[Rule], logs: &[LogText], circumstances: &Circumstances) -> Vec<Outcome> {
        let rendered = structured_log::render_all(logs);
        let logs = &*structured_log::with_rendered(logs, &rendered);
        let config = precondition::with_dumped(&circumstances.config, logs);
        let searched: Vec<_> = logs.iter().map(|log| self.search(&log.text)).collect();
        let one = |(index, rule): (usize, &Rule)| {
            let patterns = &self.patterns[index];
            match precondition::unmet(rule, patterns, circumstances.exit_code, &config) {
                Some(unmet) => unmet,
                None => self.outcome(index, rule, logs, &searched, circumstances),
            }
        };
        let mut outcomes: Vec<_> = rules.iter().enumerate().map(one).collect();
        let places = outcomes.iter_mut().flat_map(Outcome::places_mut);
        for place in places {
            if let Some(rendered) = &rendered[place.log] {
                place.line = rendered.line_of(place.line);
            }
        }
        outcomes
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
        let recovery = LazyRecovery::of(text);
        Searched { blocks, candidates, recovery }
    }

    fn outcome(
        &self,
        index: usize,
        rule: &Rule,
        logs: &[LogText],
        searched: &[Searched<'_>],
        circumstances: &Circumstances,
    ) -> Outcome {
        let patterns = &self.patterns[index];
        let containers = &circumstances.containers;
        // A rule without a pattern of its own: what the report tells of containers needs no text.
        if rule.regex.is_none() && rule.names_no_condition_of_a_block() {
            let container = &patterns.structure.container;
            if container.is_empty() {
                return Outcome::Hit(Hit::default());
            }
            if let Some(captures) = container.met_by(containers) {
                return Outcome::Hit(Hit { captures, ..Hit::default() });
            }
        }
        let mut outcome = Outcome::NoLog;
        for (log, searched) in searched.iter().enumerate().filter(|(log, _)| rule.log.contains(&logs[*log].log)) {
            let around = Surroundings { recovery: &searched.recovery, containers };
            for &block in &searched.candidates[index] {
                match try_block(&searched.blocks[block], log, patterns, &around) {
                    hit @ Outcome::Hit(_) => return hit,
                    miss => outcome = nearer(outcome, miss),
                }
            }
            outcome = nearer(outcome, Outcome::NoMatch);
        }
        outcome
    }
}

fn too_large(detail: &str) -> RuleErrors {
    let message = format!("the rules together are too large to search for ({detail}); split the set");
    RuleErrors(vec![RuleError { file: "rules".to_owned(), line: 0, column: 0, rule: None, message }])
}
