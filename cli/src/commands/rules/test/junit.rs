//! The results as XML in the form of `JUnit`, which every build server shows.

use paramedic_rules::ExampleOutcome;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// A suite a rule, a test case an example.
pub(super) fn report(outcomes: &[ExampleOutcome]) -> Result<String, SerializeError> {
    let mut report = Report::new("paramedic rules test");
    for of_rule in outcomes.chunk_by(|one, next| one.rule == next.rule) {
        let Some(first) = of_rule.first() else { continue };
        let mut suite = TestSuite::new(first.rule.as_str());
        suite.add_test_cases(of_rule.iter().map(case));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn case(outcome: &ExampleOutcome) -> TestCase {
    let status = if outcome.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(outcome.detail.as_str());
        status.set_type(if outcome.mismatches.is_empty() { "decision" } else { "expectation" });
        status.set_description(super::report::failure(outcome));
        status
    };
    let mut case = TestCase::new(outcome.place(), status);
    case.set_classname(outcome.rule.as_str());
    let line = outcome.line.to_string();
    case.extra.insert("file".into(), outcome.file.as_str().into());
    case.extra.insert("line".into(), line.as_str().into());
    case
}

#[cfg(test)]
mod tests {
    use super::{super::report::tests::outcomes, *};

    #[test]
    fn a_suite_a_rule_and_a_case_an_example() {
        let xml = report(&outcomes()).unwrap();
        insta::assert_snapshot!(xml);
    }
}
