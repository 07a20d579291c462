//! One pass over a log: tries rules where their literals stand.

use memchr::{memchr, memrchr};

use super::{
    Matcher, Outcome,
    hit::{Surroundings, nearer, try_block},
};
use crate::block::BlockFinder;

/// What is known of each rule so far, in rule order.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) outcomes: Vec<Outcome>,
    /// Is it worth trying on what follows?
    pub(super) open: Vec<bool>,
}

/// A pass over a log, in which places come in ascending order.
pub(super) struct Pass<'m, 't> {
    matcher: &'m Matcher,
    findings: &'m mut Findings,
    log: usize,
    text: &'t str,
    around: &'m Surroundings<'m>,
    finder: BlockFinder<'t>,
    /// Start and end of the line that was looked at last.
    line: (usize, usize),
    /// For each rule how far it needs no more trying, in bytes of the log.
    tried: Vec<usize>,
}

impl<'m, 't> Pass<'m, 't> {
    pub(super) fn new(
        matcher: &'m Matcher,
        findings: &'m mut Findings,
        log: usize,
        text: &'t str,
        around: &'m Surroundings<'m>,
    ) -> Self {
        let tried = vec![0; findings.open.len()];
        Self { matcher, findings, log, text, around, finder: BlockFinder::new(text), line: (0, 0), tried }
    }

    /// Tries the rules on the block around `place`, in which one of their literals stands.
    pub(super) fn try_rules(&mut self, rules: &[usize], place: usize) {
        for &rule in rules {
            if self.findings.open[rule] && place >= self.tried[rule] {
                self.try_rule(rule, place);
            }
        }
    }

    /// Tries rules on every block.
    pub(super) fn try_everywhere(&mut self, rules: &[usize]) {
        let mut place = 0;
        while place < self.text.len() && rules.iter().any(|rule| self.findings.open[*rule]) {
            let (_, end) = self.finder.bounds_at(place);
            self.try_rules(rules, place);
            place = end;
        }
    }

    fn try_rule(&mut self, rule: usize, place: usize) {
        let patterns = &self.matcher.patterns[rule];
        let Some(regex) = &patterns.regex else { return };
        let block = self.finder.bounds_at(place);
        // Most literals are no hit: where one line tells, the rest of a long trace is not read.
        let (start, end) = if self.matcher.one_line[rule] { self.line_around(place, block) } else { block };
        self.tried[rule] = end;
        if !regex.is_match(&self.text[start..end]) {
            return;
        }
        self.tried[rule] = block.1;
        let outcome = try_block(&self.finder.block(), self.log, patterns, self.around);
        let known = &mut self.findings.outcomes[rule];
        if outcome.hit().is_some() {
            self.findings.open[rule] = false;
            *known = outcome;
        } else {
            *known = nearer(known.clone(), outcome);
        }
    }

    /// The line of a block, its end included.
    fn line_around(&mut self, place: usize, block: (usize, usize)) -> (usize, usize) {
        if place < self.line.0 || place >= self.line.1 {
            let bytes = self.text.as_bytes();
            let start = memrchr(b'\n', &bytes[block.0..place]).map_or(block.0, |newline| block.0 + newline + 1);
            let end = memchr(b'\n', &bytes[place..block.1]).map_or(block.1, |newline| place + newline + 1);
            self.line = (start, end);
        }
        self.line
    }
}
