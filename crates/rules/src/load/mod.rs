//! From rule files to rules, with every mistake found and placed.

mod check;
mod example;
mod folder;
mod pattern;
mod place;
mod structure;

use std::collections::BTreeMap;

use crate::{
    error::{RuleError, RuleErrors},
    matcher::Patterns,
    replacement,
    rule::Rule,
    source::RawFile,
};

use check::Check;
pub(crate) use folder::{read_folder, version_of};

/// The `memory_side` of a memory failure that no setting of the job heals: the host's memory ran out, or a daemon's.
pub(crate) const NO_MEMORY_SIDE: &str = "none";

/// The rules of all files with their compiled patterns, or every mistake.
pub(crate) fn rules_of(sources: &[(String, String)]) -> Result<(Vec<Rule>, Vec<Patterns>), RuleErrors> {
    let (mut rules, mut patterns, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut classes = Vec::new();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (file, text) in sources {
        let raw: RawFile = match serde_saphyr::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                errors.push(yaml_error(file, text, &error));
                continue;
            }
        };
        for raw in raw.rules {
            let mut check = Check::of(file, text, &raw);
            let read = check.rule(raw.value);
            let place = format!("{file}:{}", check.line);
            if let Some(name) = &check.name
                && let Some(first) = places.insert(name.clone(), place)
            {
                let message = format!("the name is taken by the rule at {first}; give each rule a name of its own");
                check.complain(None, message);
            }
            errors.append(&mut check.errors);
            classes.append(&mut check.classes);
            if let Some((rule, compiled)) = read {
                rules.push(rule);
                patterns.push(compiled);
            }
        }
    }
    if errors.is_empty() {
        errors = replacement::mistakes(&rules, sources);
        let unknown = classes.into_iter().filter(|expected| !places.contains_key(&expected.class));
        errors.extend(unknown.map(|expected| expected.error));
    }
    if errors.is_empty() { Ok((rules, patterns)) } else { Err(RuleErrors(errors)) }
}

fn yaml_error(file: &str, text: &str, error: &serde_saphyr::Error) -> RuleError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let whole = error.without_snippet().to_string();
    // The place is told by the fields beside: its copy at the message's end is dropped.
    let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message).to_owned();
    RuleError { file: file.to_owned(), line, column, rule: name_before(text, line), message, excerpt: None }
}

/// The name of the rule that a line stands in: the last `- name:` at or before it.
fn name_before(text: &str, line: u64) -> Option<String> {
    let lines: Vec<_> = text.lines().take(usize::try_from(line).ok()?).collect();
    let name = lines.iter().rev().find_map(|line| line.trim_start().strip_prefix("- name:"))?;
    let name = name.split('#').next()?.trim().trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| name.to_owned())
}
