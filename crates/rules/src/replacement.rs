//! What a deprecated rule names as its replacement must exist, and lead to a rule that is in use.

use std::collections::BTreeMap;

use crate::{error::RuleError, rule::Rule};

/// The deprecated rules whose replacement is missing, or is themselves.
pub(crate) fn mistakes(rules: &[Rule], sources: &[(String, String)]) -> Vec<RuleError> {
    let known: BTreeMap<&str, &Rule> = rules.iter().map(|rule| (rule.name.as_str(), rule)).collect();
    let mistake = |rule: &Rule| {
        let other = rule.replaced_by.as_deref()?;
        let message = if !known.contains_key(other) {
            format!("`replaced_by: {other}` names no rule; give the name of one in these files")
        } else if last_replacement(&known, rule).is_none() {
            format!("`replaced_by: {other}` leads back to this rule; name one that stays in use")
        } else {
            return None;
        };
        let (line, column) = place(rule, sources);
        let (file, name) = (rule.file.clone(), Some(rule.name.clone()));
        Some(RuleError { file, line, column, rule: name, message, excerpt: None })
    };
    rules.iter().filter_map(mistake).collect()
}

/// Where replacements end; `None` where they go round in a circle.
fn last_replacement<'r>(known: &BTreeMap<&str, &'r Rule>, rule: &'r Rule) -> Option<&'r Rule> {
    let mut last = rule;
    for _ in 0..known.len() {
        match last.replaced_by.as_deref().and_then(|other| known.get(other)) {
            Some(next) => last = next,
            None => return Some(last),
        }
    }
    None
}

/// Does `other` take the place of `rule`, at once or in the end?
pub(crate) fn leads_to(rules: &[Rule], rule: &Rule, other: &Rule) -> bool {
    let mut last = rule;
    for _ in 0..rules.len() {
        let next = last.replaced_by.as_ref().and_then(|name| rules.iter().find(|rule| rule.name == *name));
        match next {
            Some(next) if next.name == other.name => return true,
            Some(next) => last = next,
            None => return false,
        }
    }
    false
}

/// The line of the rule's `replaced_by`; its name's line where that is written in another style.
fn place(rule: &Rule, sources: &[(String, String)]) -> (u64, u64) {
    let text = sources.iter().find(|(file, _)| *file == rule.file).map_or("", |(_, text)| text.as_str());
    let lines = text.lines().zip(1_u64..).skip(usize::try_from(rule.line).unwrap_or(usize::MAX));
    let field = lines.take_while(|(line, _)| !line.trim_start().starts_with("- name:")).find_map(|(line, number)| {
        let value = line.find("replaced_by:")? + "replaced_by:".len();
        let value = value + line[value..].len() - line[value..].trim_start().len();
        Some((number, line[..value].chars().count() as u64 + 1))
    });
    field.unwrap_or((rule.line, 0))
}
