//! What a rule file must be.

use proptest::prelude::*;

use crate::{rule, rules};

/// The messages of a set that is refused.
fn refusals(texts: &[String]) -> String {
    rules(texts).map_or_else(|errors| errors.to_string(), |_| "nothing was refused".to_owned())
}

#[test]
fn a_bad_pattern_is_named_with_file_line_and_rule() {
    let said = refusals(&[rule("FirstRule", "fine", ""), rule("SecondRule", "(unclosed", "")]);
    assert!(said.contains("rules.yaml:") && said.contains("SecondRule") && said.contains("regex"), "{said}");
    assert!(!said.contains("FirstRule"), "{said}");
}

#[test]
fn a_bad_pattern_is_shown_with_a_mark_under_the_place() {
    let said = refusals(&[rule("FirstRule", "it''s (unclosed", "")]);
    let expected = "rules.yaml:8:19: rule FirstRule: `regex` is no pattern: unclosed group; close it with `)`, or write `\\(` \
                    for the character\n    regex: 'it''s (unclosed'\n                  ^";
    assert_eq!(said, expected);
    let said = refusals(&[rule("FirstRule", "fine", "    unless: |-\n      one\n      two(?=three)\n")]);
    assert!(said.contains("rules.yaml:11:10: ") && said.contains("in `unless`"), "{said}");
}

#[test]
fn a_skeleton_that_waits_to_be_filled_in_is_refused_field_by_field() {
    let skeleton = rule("FirstRule", "TODO the pattern", "    unless: TODO\n").replace("A summary.", "TODO say it");
    let said = refusals(&[skeleton.replace("restartable: false", "restartable: TODO").replace("[one]", "[TODO one]")]);
    for field in ["`summary`", "`regex`", "`unless`", "`restartable`", "`examples: match`"] {
        assert_eq!(said.lines().filter(|line| line.contains(field)).count(), 1, "{field}: {said}");
    }
}

#[test]
fn a_name_used_twice_is_refused() {
    let said = refusals(&[rule("SameName", "a", ""), rule("SameName", "b", "")]);
    assert!(said.contains("SameName"), "{said}");
}

#[test]
fn every_error_is_told_at_once() {
    let said = refusals(&[rule("notCamelCase", "a", ""), rule("SecondRule", "(", "")]);
    assert!(said.lines().count() >= 2, "{said}");
}

#[test]
fn an_unknown_field_is_refused() {
    let said = refusals(&[rule("FirstRule", "a", "    restartible: true\n")]);
    assert!(said.contains("restartible"), "{said}");
}

#[test]
fn a_memory_side_belongs_to_memory_rules() {
    let said = refusals(&[rule("FirstRule", "a", "    memory_side: executor_heap\n")]);
    assert!(said.contains("memory_side"), "{said}");
}

#[test]
fn a_deprecated_rule_names_a_replacement_that_exists() {
    let old = |replaced_by: &str| rule("OldName", "a", &format!("    status: deprecated\n{replaced_by}"));
    assert!(refusals(&[old("")]).contains("`replaced_by` is missing"));
    let said = refusals(&[old("    replaced_by: Nobody\n")]);
    assert!(said.contains("rules.yaml:10:18: rule OldName") && said.contains("names no rule"), "{said}");
    assert!(refusals(&[old("    replaced_by: OldName\n")]).contains("leads back"));
    assert!(refusals(&[rule("FirstRule", "a", "    replaced_by: FirstRule\n")]).contains("status: deprecated"));
    assert!(refusals(&[rule("FirstRule", "a", "    status: trial\n")]).contains("experimental, stable, deprecated"));
}

#[test]
fn the_version_names_the_contents() {
    let version = |regex: &str| rules(&[rule("FirstRule", regex, "")]).unwrap().version().to_owned();
    assert_eq!(version("a"), version("a"));
    assert_ne!(version("a"), version("b"));
}

proptest! {
    #[test]
    fn any_text_is_a_rule_file_or_refused(text in "\\PC{0,300}") {
        let _ = paramedic_rules::RuleSet::from_sources(&[("any.yaml".to_owned(), text)]);
    }

    #[test]
    fn any_damage_to_a_rule_file_is_survived(cut in 0_usize..400, put in "\\PC{0,3}") {
        let mut text = format!("rules:\n{}", rule("FirstRule", "a(?<b>c)", ""));
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &put);
        let _ = paramedic_rules::RuleSet::from_sources(&[("damaged.yaml".to_owned(), text)]);
    }
}
