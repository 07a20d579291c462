//! Which branches of a pattern's alternations match.

use regex::Regex;
use regex_syntax::ast::{self, Ast};

use crate::pattern::compile;

/// Most branches of one pattern that are told apart, and longest that is shown, in characters.
const BRANCHES_MAX: usize = 200;
const SHOWN_MAX: usize = 80;
/// Prefix of the groups that are put around branches; no author names one so.
const GROUP: &str = "paramedic_branch_";

/// The branches of a pattern's alternations, and which have matched so far.
pub(super) struct Branches {
    /// The pattern, with a named group around each branch; `None` where there is none to tell.
    regex: Option<Regex>,
    branches: Vec<(String, bool)>,
}

impl Branches {
    pub(super) fn of(pattern: &str) -> Self {
        let mut found = Vec::new();
        if let Ok(parsed) = ast::parse::Parser::new().parse(pattern) {
            collect(&parsed, &mut found);
        }
        found.truncate(BRANCHES_MAX);
        let regex = if found.is_empty() { None } else { compile(&with_groups(pattern, &found)).ok() };
        let branches = found.iter().map(|&(start, end)| (shown(&pattern[start..end]), false));
        Self { branches: if regex.is_some() { branches.collect() } else { Vec::new() }, regex }
    }

    /// Marks the branches that take part in a match within the text.
    pub(super) fn try_on(&mut self, text: &str) {
        let Some(regex) = &self.regex else { return };
        for captures in regex.captures_iter(text) {
            for (index, (_, tried)) in self.branches.iter_mut().enumerate() {
                *tried |= captures.name(&format!("{GROUP}{index}")).is_some();
            }
        }
    }

    pub(super) fn tried(&self) -> impl Iterator<Item = (&str, bool)> {
        self.branches.iter().map(|(branch, tried)| (branch.as_str(), *tried))
    }
}

/// Start and end of each branch, in bytes, in the order of their starts. One that sets flags for what follows it is
/// left alone: a group around it would keep them.
fn collect(ast: &Ast, found: &mut Vec<(usize, usize)>) {
    match ast {
        Ast::Alternation(alternation) => {
            for branch in &alternation.asts {
                let sets_flags = matches!(branch, Ast::Flags(_))
                    || matches!(branch, Ast::Concat(parts) if parts.asts.iter().any(|part| matches!(part, Ast::Flags(_))));
                let span = branch.span();
                if !sets_flags && span.start.offset < span.end.offset {
                    found.push((span.start.offset, span.end.offset));
                }
                collect(branch, found);
            }
        }
        Ast::Concat(concat) => concat.asts.iter().for_each(|part| collect(part, found)),
        Ast::Group(group) => collect(&group.ast, found),
        Ast::Repetition(repetition) => collect(&repetition.ast, found),
        _ => {}
    }
}

fn with_groups(pattern: &str, branches: &[(usize, usize)]) -> String {
    let mut text = String::new();
    for (at, c) in pattern.char_indices().chain([(pattern.len(), '\0')]) {
        text.extend(branches.iter().filter(|(_, end)| *end == at).map(|_| ')'));
        for (index, _) in branches.iter().enumerate().filter(|(_, (start, _))| *start == at) {
            text.push_str(&format!("(?<{GROUP}{index}>"));
        }
        if at < pattern.len() {
            text.push(c);
        }
    }
    text
}

fn shown(branch: &str) -> String {
    match branch.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &branch[..end]),
        None => branch.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untried(pattern: &str, texts: &[&str]) -> Vec<String> {
        let mut branches = Branches::of(pattern);
        for text in texts {
            branches.try_on(text);
        }
        branches.tried().filter(|(_, tried)| !tried).map(|(branch, _)| branch.to_owned()).collect()
    }

    #[test]
    fn a_branch_that_took_part_in_a_match_is_tried() {
        let pattern = r"lost (?:disk|host (?<h>a|b\|)|node)s?|gone";
        assert_eq!(untried(pattern, &[]).len(), 7);
        assert_eq!(untried(pattern, &["lost host b|"]), ["disk", "a", "node", "gone"]);
        assert_eq!(untried(pattern, &["lost disk, lost nodes", "gone", "lost host a"]), ["b\\|"]);
    }

    #[test]
    fn flags_and_plain_patterns_are_left_alone() {
        assert!(untried("plain", &[]).is_empty());
        assert_eq!(untried("a(?i)b|c", &["ab"]), ["c"]);
        assert_eq!(untried("größer|kleiner", &["größer"]), ["kleiner"]);
    }
}
