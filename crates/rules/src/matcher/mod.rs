//! Finds what each rule matches.

mod hit;
mod precondition;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use paramedic_domain::Configuration;
use regex::Regex;

use crate::{
    block::{Block, split},
    error::{RuleError, RuleErrors},
    literal,
    remedy::Remedy,
    rule::Rule,
    set::LogText,
};

pub(crate) use hit::{Hit, Outcome, Place};
use hit::{nearer, try_block};

/// The compiled patterns of one rule.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub(crate) regex: Option<Regex>,
    pub(crate) unless: Option<Regex>,
    pub(crate) config: Vec<(String, Regex)>,
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
        let config = precondition::with_dumped(config, logs);
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
        if let Some(unmet) = precondition::unmet(rule, patterns, exit_code, config) {
            return unmet;
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

fn too_large(detail: &str) -> RuleErrors {
    let message = format!("the rules together are too large to search for ({detail}); split the set");
    RuleErrors(vec![RuleError { file: "rules".to_owned(), line: 0, column: 0, rule: None, message }])
}
