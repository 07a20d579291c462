//! The ways to match many rules. Each tells of every rule the first line that it matches, and what it captures there.

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memchr_iter;
use paramedic_rules::{Circumstances, LogText, RuleSet, literal};
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::rules::Rules;

/// A rule's first hit: its line, from 1, and its named captures.
pub(crate) type Hit = (u64, Vec<(String, String)>);
/// Of each rule its first hit.
pub(crate) type Found = Vec<Option<Hit>>;

/// A way to match many rules.
pub(crate) trait Contestant {
    fn name(&self) -> String;
    /// `None`: it finds no rules, it is a limit.
    fn search(&self, log: &LogText) -> Option<Found>;
    /// The longest log that it is given.
    fn megabytes_max(&self) -> usize {
        usize::MAX >> 20
    }
}

/// All of them; the first is the reference.
pub(crate) fn all(rules: &Rules) -> Vec<Box<dyn Contestant>> {
    let regexes: Vec<_> = rules.patterns.iter().map(|pattern| regex(pattern)).collect();
    let mut all: Vec<Box<dyn Contestant>> = vec![Box::new(Literals::new(rules, regexes.clone()))];
    all.push(Box::new(Paramedic { set: rules.load(), rules: rules.patterns.len() }));
    all.push(Box::new(OneByOne { regexes: regexes.clone() }));
    for cache in [None, Some(256 << 20)] {
        all.push(Box::new(Set::new(rules, regexes.clone(), cache)));
    }
    #[cfg(feature = "bench-hyperscan")]
    for per_line in [true, false] {
        all.push(Box::new(crate::hyperscan::Hyperscan::new(rules, regexes.clone(), per_line)));
    }
    all.push(Box::new(Lines));
    all
}

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).multi_line(true).crlf(true).build().unwrap()
}

/// The first hits, as far as they are known.
pub(crate) struct Hits<'r> {
    regexes: &'r [Regex],
    found: Found,
}

impl<'r> Hits<'r> {
    pub(crate) fn new(regexes: &'r [Regex]) -> Self {
        Self { regexes, found: vec![None; regexes.len()] }
    }

    pub(crate) fn is_open(&self, rule: usize) -> bool {
        self.found[rule].is_none()
    }

    /// Tries a rule on a line, unless it has a hit.
    pub(crate) fn try_rule(&mut self, rule: usize, line: &str, number: u64) {
        if self.is_open(rule)
            && let Some(captures) = self.regexes[rule].captures(line)
        {
            let names = self.regexes[rule].capture_names().flatten();
            let mut named: Vec<_> = names
                .filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().chars().take(500).collect())))
                .collect();
            named.sort();
            self.found[rule] = Some((number, named));
        }
    }

    pub(crate) fn found(self) -> Found {
        self.found
    }
}

/// The log's lines, numbered from 1, without line ends.
pub(crate) fn lines(log: &str) -> impl Iterator<Item = (u64, &str)> {
    let ends = memchr_iter(b'\n', log.as_bytes());
    let mut start = 0;
    (1..).zip(ends.map(move |end| &log[std::mem::replace(&mut start, end + 1)..end]))
}

/// This project's matcher, as the classifier calls it.
struct Paramedic {
    set: RuleSet,
    rules: usize,
}

impl Contestant for Paramedic {
    fn name(&self) -> String {
        "Paramedic".to_owned()
    }

    fn search(&self, log: &LogText) -> Option<Found> {
        let mut found = vec![None; self.rules];
        for (rule, hit) in self.set.hits_in(std::slice::from_ref(log), &Circumstances::default()) {
            let line = hit.evidence.first().map_or(0, |evidence| evidence.line);
            found[rule] = Some((line, hit.captures.into_iter().collect()));
        }
        Some(found)
    }
}

/// Each rule's pattern over all of the log, one rule after another.
struct OneByOne {
    regexes: Vec<Regex>,
}

impl Contestant for OneByOne {
    fn name(&self) -> String {
        "one regex after another".to_owned()
    }

    fn search(&self, log: &LogText) -> Option<Found> {
        let log = log.text.as_str();
        let mut hits = Hits::new(&self.regexes);
        for (rule, regex) in self.regexes.iter().enumerate() {
            let Some(hit) = regex.find(log) else { continue };
            let start = log[..hit.start()].rfind('\n').map_or(0, |newline| newline + 1);
            let line = log[start..].split('\n').next().unwrap_or_default();
            hits.try_rule(rule, line, memchr_iter(b'\n', &log.as_bytes()[..start]).count() as u64 + 1);
        }
        Some(hits.found())
    }

    fn megabytes_max(&self) -> usize {
        10
    }
}

/// One set of all patterns, line by line.
struct Set {
    patterns: RegexSet,
    regexes: Vec<Regex>,
    cache: Option<usize>,
}

impl Set {
    fn new(rules: &Rules, regexes: Vec<Regex>, cache: Option<usize>) -> Self {
        let mut builder = RegexSetBuilder::new(&rules.patterns);
        builder.multi_line(true).crlf(true).size_limit(1 << 30);
        if let Some(bytes) = cache {
            builder.dfa_size_limit(bytes);
        }
        Self { patterns: builder.build().unwrap(), regexes, cache }
    }
}

impl Contestant for Set {
    fn name(&self) -> String {
        match self.cache {
            None => "RegexSet a line, default cache".to_owned(),
            Some(bytes) => format!("RegexSet a line, {} MB cache", bytes >> 20),
        }
    }

    fn search(&self, log: &LogText) -> Option<Found> {
        let log = log.text.as_str();
        let mut hits = Hits::new(&self.regexes);
        for (number, line) in lines(log) {
            for rule in &self.patterns.matches(line) {
                hits.try_rule(rule, line, number);
            }
        }
        Some(hits.found())
    }

    fn megabytes_max(&self) -> usize {
        if self.cache.is_none() { 1 } else { 20 }
    }
}

/// The rarest literals of all rules in one automaton, then the rule's pattern on the line.
struct Literals {
    automaton: AhoCorasick,
    /// Of each literal, its rule.
    rules: Vec<usize>,
    /// Rules without a literal.
    always: Vec<usize>,
    regexes: Vec<Regex>,
}

impl Literals {
    fn new(rules: &Rules, regexes: Vec<Regex>) -> Self {
        let (mut literals, mut of, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, pattern) in rules.patterns.iter().enumerate() {
            match literal::required(pattern).literals {
                None => always.push(rule),
                Some(texts) => {
                    of.extend(texts.iter().map(|_| rule));
                    literals.extend(texts.into_iter().map(|literal| literal.text));
                }
            }
        }
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true);
        Self { automaton: builder.build(literals).unwrap(), rules: of, always, regexes }
    }
}

impl Contestant for Literals {
    fn name(&self) -> String {
        "aho-corasick over rarest literals".to_owned()
    }

    fn search(&self, log: &LogText) -> Option<Found> {
        let log = log.text.as_str();
        let mut hits = Hits::new(&self.regexes);
        for (number, line) in lines(log) {
            for literal in self.automaton.find_overlapping_iter(line) {
                hits.try_rule(self.rules[literal.pattern().as_usize()], line, number);
            }
            for &rule in &self.always {
                hits.try_rule(rule, line, number);
            }
        }
        Some(hits.found())
    }
}

/// Counting lines: what looking at each byte costs at least.
struct Lines;

impl Contestant for Lines {
    fn name(&self) -> String {
        "counting lines (a limit, no rules)".to_owned()
    }

    fn search(&self, log: &LogText) -> Option<Found> {
        let log = log.text.as_str();
        std::hint::black_box(memchr_iter(b'\n', log.as_bytes()).count());
        None
    }
}
