//! The packs that ship under `rules/`.

use std::{collections::BTreeSet, path::Path};

use paramedic_domain::{Category, LogKind, MemorySide};
use paramedic_rules::{LogText, RuleSet, lint, run_examples};

fn packs() -> RuleSet {
    RuleSet::load_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")).unwrap()
}

#[test]
fn every_example_holds() {
    let failed: Vec<_> = run_examples(&packs()).into_iter().filter(|outcome| !outcome.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn the_lint_finds_nothing() {
    let findings = lint(&packs());
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn every_side_and_every_category_has_a_rule() {
    let packs = packs();
    let sides: BTreeSet<_> = packs.rules().iter().filter_map(|rule| rule.memory_side).collect();
    let categories: BTreeSet<_> = packs.rules().iter().map(|rule| rule.category).collect();
    assert_eq!(sides, MemorySide::ALL.iter().copied().collect());
    let wanted = Category::ALL.iter().copied().filter(|category| *category != Category::Unclassified);
    assert_eq!(categories, wanted.collect());
    assert!(packs.rules().len() >= 80);
}

#[test]
fn every_rule_has_a_hit_and_a_near_miss() {
    for rule in packs().rules() {
        assert!(!rule.examples.hits.is_empty() && !rule.examples.near_misses.is_empty(), "{}", rule.name);
    }
}

/// Entries of runs that went well, a blank line between two: none is a failure, in whichever log it stands.
#[test]
fn entries_of_healthy_runs_match_nothing() {
    let packs = packs();
    for entry in include_str!("healthy-entries.txt").split("\n\n") {
        for log in LogKind::ALL {
            let text = LogText { log, name: log.to_string(), text: format!("{entry}\n") };
            let verdict = packs.classify(&[text], None);
            assert!(verdict.matched.is_empty(), "{:?} matched in {log}: {entry}", verdict.matched);
        }
    }
}
