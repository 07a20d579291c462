//! Rule files, which any author may have edited.

use paramedic_domain::LogKind;
use paramedic_rules::{LogText, RuleSet, lint, run_examples};

use crate::input;

/// Longest file that is read here, in bytes: examples are matched by every rule, so that the time grows with its
/// square.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// Loads a rule file, and checks and runs what it holds. A mistake has a place in the file; a set without one has rules
/// of different names, each at its place, and the same text gives the same set.
pub fn rule_file(data: &[u8]) {
    let text = input::text(&data[..data.len().min(FILE_BYTES_MAX)]);
    // To YAML a carriage return alone ends a line too.
    let lines = text.split(['\n', '\r']).count() as u64 + 1;
    let sources = [("rules.yaml".to_owned(), text.clone().into_owned())];
    let rules = match RuleSet::from_sources(&sources) {
        Ok(rules) => rules,
        Err(errors) => {
            assert!(!errors.0.is_empty(), "a refusal names a mistake");
            for error in &errors.0 {
                assert!(error.line <= lines, "line {} of {lines}: {error}", error.line);
                assert!(error.file == "rules.yaml" && !error.message.is_empty());
            }
            assert_eq!(RuleSet::from_sources(&sources).err().as_ref(), Some(&errors), "the same mistakes again");
            return;
        }
    };
    for (number, rule) in rules.rules().iter().enumerate() {
        assert!((1..=lines).contains(&rule.line), "{}: line {} of {lines}", rule.name, rule.line);
        let first = rules.rules().iter().position(|other| other.name == rule.name);
        assert_eq!(first, Some(number), "{}: a name is given once", rule.name);
    }
    for finding in lint(&rules) {
        assert!(finding.line <= lines, "{finding}");
    }
    for outcome in run_examples(&rules) {
        assert!(rules.rule(&outcome.rule).is_some() && outcome.line <= lines, "{}", outcome.place());
    }
    let again = RuleSet::from_sources(&sources).expect("what was loaded is loaded again");
    let log = LogText { log: LogKind::DriverStderr, name: String::new(), text: text.into_owned() };
    let log = std::slice::from_ref(&log);
    assert_eq!(rules.classify(log, Some(1)), again.classify(log, Some(1)));
}
