//! Finds what each rule matches.
//!
//! A log is passed over once for the literals of all rules together ([`sieve`]); a rule is tried only on the blocks, and
//! where its matches stay within a line on the lines, that hold one of its literals. The answer is that of trying every
//! rule on every block.

mod hit;
mod pass;
#[cfg(test)]
mod plain;
mod precondition;
mod sieve;

use crate::{
    circumstances::Circumstances, pattern::Pattern, recovery::LazyRecovery, remedy::Remedy, rule::Rule, set::LogText,
    structure::Structure, structured_log,
};
use paramedic_domain::Configuration;

use hit::Surroundings;
use hit::nearer;
pub(crate) use hit::{Hit, Outcome, Place};
use pass::{Findings, Pass};
use sieve::Sieve;

/// The compiled patterns of one rule.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub(crate) regex: Option<Pattern>,
    pub(crate) unless: Option<Pattern>,
    pub(crate) config: Vec<(String, Pattern)>,
    pub(crate) structure: Structure,
    pub(crate) remedy: Remedy,
}

/// The compiled patterns of all rules, in rule order.
#[derive(Debug)]
pub(crate) struct Matcher {
    patterns: Vec<Patterns>,
    /// Of each rule: has it literals, and does every match lie within one line?
    one_line: Vec<bool>,
    sieve: Sieve,
    /// Rules without a literal: tried on every block.
    always: Vec<usize>,
}

impl Matcher {
    pub(crate) fn new(patterns: Vec<Patterns>) -> Self {
        let (mut literals, mut always) = (Vec::new(), Vec::new());
        let mut one_line = vec![false; patterns.len()];
        for (index, patterns) in patterns.iter().enumerate() {
            let Some(required) = patterns.regex.as_ref().map(Pattern::required) else { continue };
            match &required.literals {
                None => always.push(index),
                Some(texts) => {
                    one_line[index] = required.one_line;
                    literals.extend(texts.iter().map(|text| (text.clone(), index)));
                }
            }
        }
        Self { patterns, one_line, sieve: Sieve::new(literals), always }
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
        let mut outcomes = self.outcomes_of_text(rules, logs, circumstances);
        let places = outcomes.iter_mut().flat_map(Outcome::places_mut);
        for place in places {
            if let Some(rendered) = &rendered[place.log] {
                place.line = rendered.line_of(place.line);
            }
        }
        outcomes
    }

    fn outcomes_of_text(&self, rules: &[Rule], logs: &[LogText], circumstances: &Circumstances) -> Vec<Outcome> {
        let config = precondition::with_dumped(&circumstances.config, logs);
        let before = |(index, rule): (usize, &Rule)| self.before_logs(index, rule, circumstances, &config);
        let outcomes: Vec<_> = rules.iter().enumerate().map(before).collect();
        let undecided: Vec<_> = outcomes.iter().map(|outcome| *outcome == Outcome::NoLog).collect();
        let mut findings = Findings { open: undecided.clone(), outcomes };
        for (index, log) in logs.iter().enumerate() {
            let reads = |rule: usize| undecided[rule] && rules[rule].log.contains(&log.log);
            let open = |(rule, outcome): (usize, &Outcome)| reads(rule) && outcome.hit().is_none();
            findings.open = findings.outcomes.iter().enumerate().map(open).collect();
            let recovery = LazyRecovery::of(&log.text);
            let around = Surroundings { recovery: &recovery, containers: &circumstances.containers };
            self.search(&mut findings, index, &log.text, &around);
            for (rule, outcome) in findings.outcomes.iter_mut().enumerate() {
                if reads(rule) && outcome.hit().is_none() {
                    *outcome = nearer(outcome.clone(), Outcome::NoMatch);
                }
            }
        }
        findings.outcomes
    }

    /// What is known of a rule before any log is read: `NoLog` where it is to be tried.
    fn before_logs(&self, index: usize, rule: &Rule, circumstances: &Circumstances, config: &Configuration) -> Outcome {
        let patterns = &self.patterns[index];
        if let Some(unmet) = precondition::unmet(rule, patterns, circumstances.exit_code, config) {
            return unmet;
        }
        // A rule without a pattern of its own: what the report tells of containers needs no text.
        if rule.regex.is_none() && rule.names_no_condition_of_a_block() {
            let container = &patterns.structure.container;
            if container.is_empty() {
                return Outcome::Hit(Hit::default());
            }
            if let Some(captures) = container.met_by(&circumstances.containers) {
                return Outcome::Hit(Hit { captures, ..Hit::default() });
            }
        }
        Outcome::NoLog
    }

    /// Tries the open rules on a log.
    fn search(&self, findings: &mut Findings, log: usize, text: &str, around: &Surroundings<'_>) {
        if !findings.open.contains(&true) {
            return;
        }
        if !self.sieve.is_empty() {
            let mut pass = Pass::new(self, findings, log, text, around);
            self.sieve.search(text.as_bytes(), |place, rules| pass.try_rules(rules, place));
        }
        if !self.always.is_empty() {
            Pass::new(self, findings, log, text, around).try_everywhere(&self.always);
        }
    }
}
