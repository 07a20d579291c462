//! `paramedic rules check`.

use paramedic_rules::RuleSet;

use crate::{exit::CommandError, output};

/// Prints what is wrong with the rules. `false`: something is.
pub(super) fn run(rules: &RuleSet, json: bool) -> Result<bool, CommandError> {
    let findings = paramedic_rules::lint(rules);
    let passed = !findings.iter().any(|finding| finding.error);
    if json {
        output::print_json(&findings)?;
        return Ok(passed);
    }
    for finding in &findings {
        output::print(&finding.to_string())?;
    }
    let errors = findings.iter().filter(|finding| finding.error).count();
    output::print(&format!("{} rules, {errors} errors, {} advice", rules.rules().len(), findings.len() - errors))?;
    Ok(passed)
}
