//! `paramedic rules check`.

use std::path::Path;

use clap::{Args, ValueEnum};
use paramedic_rules::{Finding, RuleSet, lint};

use super::annotation;
use crate::{exit::CommandError, output};

/// The arguments of `paramedic rules check`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paramedic rules check --rules ./rules --fail-on advice\n\n\
                        Exits with 1 when something is wrong")]
pub(super) struct Check {
    /// How to print what is found; `github` makes annotations of a pull request
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Exit with 1 on this or worse; advice concerns speed and deprecated rules
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    fail_on: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Error,
    Advice,
}

/// Prints what is wrong with the rules of a folder. `false`: something is.
pub(super) fn run(arguments: &Check, folder: &Path, json: bool) -> Result<bool, CommandError> {
    let (rules, findings) = findings(folder);
    match if json { Format::Json } else { arguments.format } {
        Format::Json => output::print_json(&findings)?,
        Format::Github => output::print(&annotations(folder, &findings))?,
        Format::Text => output::print(&text(folder, rules, &findings))?,
    }
    Ok(!findings.iter().any(|finding| finding.error || arguments.fail_on == Level::Advice))
}

/// What is wrong; how many rules there are, where the files can be read at all.
fn findings(folder: &Path) -> (Option<usize>, Vec<Finding>) {
    match RuleSet::load_dir(folder) {
        Ok(rules) => (Some(rules.rules().len()), lint(&rules)),
        Err(errors) => (None, errors.0.into_iter().map(Finding::from).collect()),
    }
}

fn text(folder: &Path, rules: Option<usize>, findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.error).count();
    let counts = format!("{}, {} advice", output::counted(errors, "error"), findings.len() - errors);
    let mut lines: Vec<_> = findings.iter().map(|finding| within(folder, finding).to_string()).collect();
    lines.push(match rules {
        Some(rules) => format!("{rules} rules, {counts}"),
        None => format!("the rules are not usable: {counts}; what else may be wrong is told when these are mended"),
    });
    lines.join("\n")
}

/// The finding with its file as seen from here.
fn within(folder: &Path, finding: &Finding) -> Finding {
    let file = if Path::new(&finding.file) == folder { folder.to_owned() } else { folder.join(&finding.file) };
    Finding { file: file.display().to_string(), ..finding.clone() }
}

fn annotations(folder: &Path, findings: &[Finding]) -> String {
    let annotation = |finding: &Finding| {
        let at = within(folder, finding);
        annotation::Annotation {
            error: at.error,
            file: &at.file,
            line: at.line,
            column: at.column,
            title: at.rule.as_deref().unwrap_or("rules"),
            message: &at.message,
        }
        .to_string()
    };
    findings.iter().map(annotation).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use paramedic_rules::FindingKind;

    use super::*;

    fn found(error: bool) -> Finding {
        Finding {
            rule: Some("CoffeeIsOut".into()),
            file: "10-coffee.yaml".into(),
            line: 8,
            column: 20,
            kind: FindingKind::Refused,
            error,
            message: "50 % wrong:\nmend it".into(),
            excerpt: Some("regex: '('\n        ^".into()),
        }
    }

    #[test]
    fn a_finding_is_told_with_its_path_and_its_mark() {
        insta::assert_snapshot!(text(Path::new("rules"), None, &[found(true)]), @r"
        rules/10-coffee.yaml:8:20: error: rule CoffeeIsOut: 50 % wrong:
        mend it
            regex: '('
                    ^
        the rules are not usable: 1 error, 0 advice; what else may be wrong is told when these are mended
        ");
    }

    #[test]
    fn annotations_are_one_line_each() {
        insta::assert_snapshot!(annotations(Path::new("rules"), &[found(true), found(false)]), @r"
        ::error file=rules/10-coffee.yaml,line=8,col=20,title=CoffeeIsOut::50 %25 wrong:%0Amend it
        ::notice file=rules/10-coffee.yaml,line=8,col=20,title=CoffeeIsOut::50 %25 wrong:%0Amend it
        ");
    }
}
