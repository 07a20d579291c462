//! `paramedic rules list`.

use paramedic_rules::RuleSet;

use crate::{exit::CommandError, output};

/// Prints the rules in the order in which they are tried.
pub(super) fn run(rules: &RuleSet, json: bool) -> Result<(), CommandError> {
    if json {
        output::print_json(&rules.rules())?;
        return Ok(());
    }
    let row = |rule: &paramedic_rules::Rule| {
        vec![
            rule.name.clone(),
            rule.category.to_string(),
            rule.memory_side.map_or_else(|| "-".to_owned(), |side| side.to_string()),
            if rule.restartable { "yes" } else { "no" }.to_owned(),
            status_text(rule),
            format!("{}:{}", rule.file, rule.line),
        ]
    };
    let rows: Vec<_> = rules.rules().iter().map(row).collect();
    output::print(&output::table(&["rule", "category", "memory side", "restartable", "status", "where"], &rows))?;
    Ok(())
}

fn status_text(rule: &paramedic_rules::Rule) -> String {
    match &rule.replaced_by {
        Some(other) => format!("{}, use {other}", rule.status.as_str()),
        None => rule.status.as_str().to_owned(),
    }
}
