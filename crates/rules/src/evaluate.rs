//! How well the rules classify logs whose cause somebody has labelled.

use std::{collections::BTreeMap, ops::AddAssign};

use paramedic_domain::{Category, Classification, Configuration, ContainerEnd, LogKind, MemorySide};
use serde::{Deserialize, Serialize};

use crate::{
    circumstances::Circumstances,
    set::{LogText, RuleSet},
};

/// A log with its label: one line of an evaluation file. Fields that are not listed here are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LabelledLog {
    /// Names the case.
    pub id: String,
    /// The layer that wrote the log.
    pub log: LogKind,
    /// The log.
    pub text: String,
    /// What it should be classified as.
    pub label: Label,
    /// How sure the labeller is: `high`, `medium`, `low`. Default: high.
    #[serde(default)]
    pub confidence: Confidence,
    /// The driver's exit code.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// How its containers ended.
    #[serde(default)]
    pub containers: Vec<ContainerEnd>,
    /// The job's configuration, as far as it matters.
    #[serde(default)]
    pub config: Configuration,
}

/// What a log should be classified as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The kind of cause; missing for a healthy log.
    #[serde(default)]
    pub category: Option<Category>,
    /// Which memory ran out.
    #[serde(default)]
    pub memory_side: Option<MemorySide>,
    /// Would a plain retry plausibly succeed? Missing for a healthy log.
    #[serde(default)]
    pub restartable: Option<bool>,
    /// The log of a run that did not fail: nothing may match.
    #[serde(default)]
    pub healthy: bool,
}

/// How sure the labeller is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Guessed.
    Low,
    /// Plausible.
    Medium,
    /// Certain.
    #[default]
    High,
}

/// How many were right, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Right.
    pub right: u64,
    /// All.
    pub of: u64,
}

impl Tally {
    /// Share of the right ones, 0 to 1; 1 where there was none to get wrong.
    pub fn share(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.right as f64 / self.of as f64 }
    }
}

impl AddAssign<bool> for Tally {
    fn add_assign(&mut self, right: bool) {
        self.right += u64::from(right);
        self.of += 1;
    }
}

/// The figures over a set of labelled logs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evaluation {
    /// Memory or not, over the failures.
    pub memory: Tally,
    /// The memory side, over the memory failures.
    pub memory_side: Tally,
    /// The category, over the failures.
    pub category: Tally,
    /// Restartable or not, over the failures.
    pub restartable: Tally,
    /// Failures that some rule decided.
    pub classified: Tally,
    /// Healthy logs that nothing matched.
    pub healthy: Tally,
    /// How often a labelled category was given another: label, verdict, count.
    pub confusions: Vec<(Category, Category, u64)>,
    /// The cases that are wrong in any of these, in the order given.
    pub misses: Vec<Miss>,
}

/// A case that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Miss {
    /// The case.
    pub id: String,
    /// What is wrong: `memory`, `memory_side`, `category`, `restartable`, `healthy`.
    pub wrong: Vec<&'static str>,
    /// What it should be classified as.
    pub label: Label,
    /// What the rules say.
    pub verdict: Classification,
}

/// Classifies every case and compares.
pub fn evaluate(rules: &RuleSet, cases: &[LabelledLog]) -> Evaluation {
    let mut evaluation = Evaluation::default();
    let mut confusions = BTreeMap::new();
    for case in cases {
        let log = LogText { log: case.log, name: case.id.clone(), text: case.text.clone() };
        let circumstances = Circumstances::new(case.exit_code, &case.config, &case.containers);
        let verdict = rules.classify_in(&[log], &circumstances);
        let wrong = evaluation.count(&case.label, &verdict);
        if let Some(category) = case.label.category.filter(|category| *category != verdict.category) {
            *confusions.entry((category, verdict.category)).or_insert(0) += 1;
        }
        if !wrong.is_empty() {
            evaluation.misses.push(Miss { id: case.id.clone(), wrong, label: case.label.clone(), verdict });
        }
    }
    evaluation.confusions = confusions.into_iter().map(|((label, verdict), count)| (label, verdict, count)).collect();
    evaluation.confusions.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    evaluation
}

impl Evaluation {
    /// Counts one case; what of it is wrong.
    fn count(&mut self, label: &Label, verdict: &Classification) -> Vec<&'static str> {
        let mut wrong = Vec::new();
        let mut score = |tally: &mut Tally, name, right| {
            *tally += right;
            if !right {
                wrong.push(name);
            }
        };
        if label.healthy {
            score(&mut self.healthy, "healthy", verdict.matched.is_empty());
            return wrong;
        }
        let is_memory = label.category == Some(Category::MemoryConfiguration);
        score(&mut self.memory, "memory", is_memory == (verdict.category == Category::MemoryConfiguration));
        if is_memory {
            score(&mut self.memory_side, "memory_side", label.memory_side == verdict.memory_side);
        }
        score(&mut self.category, "category", label.category == Some(verdict.category));
        score(&mut self.restartable, "restartable", label.restartable == Some(verdict.restartable));
        self.classified += verdict.rule.is_some();
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "rules:
  - name: ExecutorHeap
    source: jvm
    log: [executor.stderr]
    summary: Heap.
    category: memory_configuration
    memory_side: executor_heap
    restartable: false
    regex: 'OutOfMemoryError: Java heap space'
    examples: {match: ['java.lang.OutOfMemoryError: Java heap space'], no_match: ['x']}
";

    fn case(id: &str, text: &str, label: &str) -> LabelledLog {
        let json =
            format!(r#"{{"id": "{id}", "log": "executor.stderr", "text": "{text}", "label": {label}, "source": 1}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn every_figure_counts_what_it_says() {
        let rules = RuleSet::from_sources(&[("a.yaml".into(), RULES.into())]).unwrap();
        let oom = "java.lang.OutOfMemoryError: Java heap space";
        let heap = r#"{"category": "memory_configuration", "memory_side": "executor_heap", "restartable": false}"#;
        let evaluation = evaluate(
            &rules,
            &[
                case("right", oom, heap),
                case("other side", oom, &heap.replace("executor_heap", "offheap")),
                case("not found", "odd", r#"{"category": "network", "restartable": true}"#),
                case("quiet", "fine", r#"{"healthy": true}"#),
                case("loud", oom, r#"{"healthy": true}"#),
            ],
        );
        let figures = [evaluation.memory, evaluation.memory_side, evaluation.category, evaluation.restartable];
        assert_eq!(figures.map(|tally| (tally.right, tally.of)), [(3, 3), (1, 2), (2, 3), (2, 3)]);
        assert_eq!((evaluation.healthy.right, evaluation.healthy.of), (1, 2));
        assert_eq!(evaluation.confusions, [(Category::Network, Category::Unclassified, 1)]);
        let wrong: Vec<_> = evaluation.misses.iter().map(|miss| (miss.id.as_str(), miss.wrong.join(" "))).collect();
        let expected = [("other side", "memory_side"), ("not found", "category restartable"), ("loud", "healthy")];
        assert_eq!(wrong, expected.map(|(id, wrong)| (id, wrong.to_owned())));
    }
}
