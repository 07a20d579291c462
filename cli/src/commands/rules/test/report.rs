//! What `paramedic rules test` prints.

use paramedic_rules::{Coverage, ExampleOutcome, coverage::Unreached};

use crate::output::{counted, shown};

/// The failures one by one, what is not reached where that was asked for, and the counts.
pub(super) fn text(outcomes: &[ExampleOutcome], coverage: Option<&Coverage>) -> String {
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    let mut parts: Vec<_> = failed.iter().map(|outcome| failure(outcome)).collect();
    parts.extend(coverage.map(unreached).filter(|text| !text.is_empty()));
    let passed = outcomes.len() - failed.len();
    let mut last = format!("{} passed, {} failed", counted(passed, "example"), failed.len());
    if let Some(coverage) = coverage {
        let (rules, alternatives) = (coverage.rules, coverage.alternatives);
        last.push_str(&format!(
            "\n{} of {} rules decide an example ({:.1} %), {} of {} alternatives are tried ({:.1} %)",
            rules.reached,
            rules.of,
            rules.percent(),
            alternatives.reached,
            alternatives.of,
            alternatives.percent()
        ));
    }
    parts.push(last);
    parts.join("\n")
}

/// One failure: what was expected, what came, and who took it.
pub(super) fn failure(outcome: &ExampleOutcome) -> String {
    let mut lines = vec![format!("{}:{}: {} {} failed", outcome.file, outcome.line, outcome.rule, outcome.place())];
    if outcome.mismatches.is_empty() {
        let wanted = if outcome.expected_match { "decided by it" } else { "not matched by it" };
        let came = match &outcome.decided_by {
            Some(rule) if *rule == outcome.rule => "decided by it".to_owned(),
            Some(rule) if outcome.matched => format!("matched by it, and decided by {rule}"),
            Some(rule) => format!("decided by {rule}"),
            None if outcome.matched => "matched by it, and decided by no rule".to_owned(),
            None => "matched by no rule".to_owned(),
        };
        lines.push(format!("  expected: {wanted}\n  came:     {came}\n  {}", shown(&outcome.detail, 600)));
    }
    for mismatch in &outcome.mismatches {
        let (expected, actual) = (shown(&mismatch.expected, 300), shown(&mismatch.actual, 300));
        lines.push(format!("  {}\n    expected: {expected}\n    came:     {actual}", mismatch.field));
    }
    if !outcome.mismatches.is_empty() {
        lines.push(format!("  decided by {}", outcome.decided_by.as_deref().unwrap_or("no rule")));
    }
    lines.join("\n")
}

/// A line a rule.
fn unreached(coverage: &Coverage) -> String {
    let place = |of: &Unreached| format!("{}:{}: {}", of.file, of.line, of.rule);
    let rules = coverage.unreached_rules.iter().map(|of| format!("{} decides no example", place(of)));
    let by_rule = coverage.unreached_alternatives.chunk_by(|one, next| one.rule == next.rule);
    let alternatives = by_rule.filter_map(|of_rule| {
        let parts: Vec<_> = of_rule.iter().filter_map(|of| of.part.as_deref()).collect();
        let count = counted(parts.len(), "alternative");
        Some(format!("{}: no example tries {count}: {}", place(of_rule.first()?), shown(&parts.join(", "), 300)))
    });
    rules.chain(alternatives).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use paramedic_rules::{RuleSet, run_examples, run_with_coverage};

    use super::*;

    const RULES: &str = "rules:
  - name: TeaIsOut
    source: kitchen
    log: [driver.stderr]
    summary: The tea is out.
    category: platform
    restartable: true
    regex: '(?<drink>tea) is (?:out|cold|gone)'
    unless: 'never'
    examples:
      match:
        - 'the tea is out'
        - {text: 'the tea is cold', expect: {captures: {drink: coffee}, restartable: false}}
        - 'the coffee is out'
      no_match: ['tea is here']
  - name: AnyDrinkIsOut
    source: kitchen
    log: [driver.stderr]
    summary: Something is out.
    category: platform
    restartable: true
    regex: 'is out'
    examples: {match: ['tea is out'], no_match: ['sugar is out']}
";

    fn set() -> RuleSet {
        RuleSet::from_sources(&[("10-drinks.yaml".to_owned(), RULES.to_owned())]).unwrap()
    }

    pub(in super::super) fn outcomes() -> Vec<ExampleOutcome> {
        run_examples(&set())
    }

    #[test]
    fn each_failure_says_what_was_expected_and_what_came() {
        insta::assert_snapshot!(text(&outcomes(), None));
    }

    #[test]
    fn coverage_lists_what_no_example_reaches() {
        let set = set();
        let (outcomes, coverage) = run_with_coverage(&set, |name| name == "TeaIsOut");
        assert_eq!((coverage.rules.reached, coverage.rules.of), (1, 1));
        let text = text(&outcomes, Some(&coverage));
        assert!(text.contains("TeaIsOut: no example tries 2 alternatives: regex: gone, unless: never"), "{text}");
        assert!(text.ends_with("1 of 1 rules decide an example (100.0 %), 2 of 4 alternatives are tried (50.0 %)"));
    }
}
