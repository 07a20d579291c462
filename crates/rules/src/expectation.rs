//! What an example must be classified as: only what its author names is compared.

use std::{collections::BTreeMap, fmt, str::FromStr};

use paramedic_domain::{Category, Classification, Configuration, MemorySide};
use serde::Serialize;
use utoipa::ToSchema;

use crate::load::NO_MEMORY_SIDE;

/// What an example must be classified as, as far as it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Expectation {
    /// The class: the name of the rule that decides, or `Unclassified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The kind of cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Which memory ran out, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub memory_side: Option<ExpectedSide>,
    /// Would a retry with nothing changed plausibly succeed?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restartable: Option<bool>,
    /// What follows from the rules alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ExpectedAction>,
    /// Captures by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<String, String>,
    /// Values of the remedy by Spark key.
    #[serde(skip_serializing_if = "Configuration::is_empty")]
    pub remedy: Configuration,
    /// A text that one of the lines of evidence holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Number of the first line of evidence within the excerpt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// A memory side, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedSide {
    /// This one.
    Side(MemorySide),
    /// None.
    None,
}

impl ExpectedSide {
    fn of(side: Option<MemorySide>) -> Self {
        side.map_or(Self::None, Self::Side)
    }
}

impl fmt::Display for ExpectedSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Side(side) => side.fmt(f),
            Self::None => f.pad(NO_MEMORY_SIDE),
        }
    }
}

impl FromStr for ExpectedSide {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NO_MEMORY_SIDE { Ok(Self::None) } else { text.parse().map(Self::Side) }
    }
}

impl Serialize for ExpectedSide {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What follows from the rules alone, before any model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedAction {
    /// The rule's remedy changes the configuration, and the job is retried.
    RetryWithConfig,
    /// The job is retried as it was.
    RetryUnchanged,
    /// The job is left failed.
    DoNotRetry,
    /// The recommender decides: a memory failure, or one that no rule matched.
    AskRecommender,
}

impl ExpectedAction {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::RetryWithConfig, Self::RetryUnchanged, Self::DoNotRetry, Self::AskRecommender];

    /// Its name in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetryWithConfig => "retry_with_config",
            Self::RetryUnchanged => "retry_unchanged",
            Self::DoNotRetry => "do_not_retry",
            Self::AskRecommender => "ask_recommender",
        }
    }

    /// What follows from a verdict.
    pub fn of(verdict: &Classification) -> Self {
        if !verdict.remedy.is_empty() {
            Self::RetryWithConfig
        } else if verdict.needs_recommendation() {
            Self::AskRecommender
        } else if verdict.restartable {
            Self::RetryUnchanged
        } else {
            Self::DoNotRetry
        }
    }
}

impl FromStr for ExpectedAction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is none of {all}")
        })
    }
}

/// One thing that came otherwise than expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mismatch {
    /// What: `category`, `captures.required_bytes`, …
    pub field: String,
    /// As the example says.
    pub expected: String,
    /// As it came.
    pub actual: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, came {}", self.field, self.expected, self.actual)
    }
}

/// What is shown for a value that is not there.
const NOTHING: &str = "nothing";

impl Expectation {
    /// Is nothing named?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What of the verdict is otherwise than expected.
    pub fn mismatches(&self, verdict: &Classification) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        let mut compare = |field: String, expected: Option<String>, actual: String| {
            if let Some(expected) = expected.filter(|expected| *expected != actual) {
                mismatches.push(Mismatch { field, expected, actual });
            }
        };
        let text = |value: &dyn fmt::Display| value.to_string();
        let or_nothing = |value: Option<&String>| value.cloned().unwrap_or_else(|| NOTHING.to_owned());
        compare("class".into(), self.class.clone(), verdict.class.clone());
        compare("category".into(), self.category.map(|category| text(&category)), text(&verdict.category));
        let side = ExpectedSide::of(verdict.memory_side);
        compare("memory_side".into(), self.memory_side.map(|side| text(&side)), text(&side));
        compare("restartable".into(), self.restartable.map(|yes| text(&yes)), text(&verdict.restartable));
        let action = |action: ExpectedAction| action.as_str().to_owned();
        compare("action".into(), self.action.map(action), action(ExpectedAction::of(verdict)));
        for (name, value) in &self.captures {
            compare(format!("captures.{name}"), Some(value.clone()), or_nothing(verdict.captures.get(name)));
        }
        for (key, value) in self.remedy.iter() {
            compare(format!("remedy.{key}"), Some(value.clone()), or_nothing(verdict.remedy.get(key)));
        }
        let first = verdict.evidence.first();
        let line = first.map_or_else(|| NOTHING.to_owned(), |evidence| text(&evidence.line));
        compare("line".into(), self.line.map(|line| text(&line)), line);
        if let Some(wanted) = &self.evidence
            && !verdict.evidence.iter().any(|evidence| evidence.text.contains(wanted))
        {
            compare("evidence".into(), Some(wanted.clone()), or_nothing(first.map(|evidence| &evidence.text)));
        }
        mismatches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict() -> Classification {
        Classification {
            class: "Heap".into(),
            category: Category::MemoryConfiguration,
            memory_side: Some(MemorySide::DriverHeap),
            captures: BTreeMap::from([("required_bytes".into(), "7".into())]),
            ..Classification::unclassified()
        }
    }

    #[test]
    fn only_what_is_named_is_compared() {
        assert_eq!(Expectation::default().mismatches(&verdict()), []);
        let right = Expectation {
            class: Some("Heap".into()),
            action: Some(ExpectedAction::AskRecommender),
            captures: BTreeMap::from([("required_bytes".into(), "7".into())]),
            ..Expectation::default()
        };
        assert_eq!(right.mismatches(&verdict()), []);
    }

    #[test]
    fn each_difference_is_told_with_both_values() {
        let wrong = Expectation {
            memory_side: Some(ExpectedSide::None),
            captures: BTreeMap::from([("limit".into(), "8".into())]),
            remedy: Configuration::from_iter([("spark.driver.memory", "2g")]),
            line: Some(3),
            ..Expectation::default()
        };
        let told: Vec<_> = wrong.mismatches(&verdict()).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "memory_side: expected none, came driver_heap",
                "captures.limit: expected 8, came nothing",
                "remedy.spark.driver.memory: expected 2g, came nothing",
                "line: expected 3, came nothing",
            ]
        );
    }

    #[test]
    fn the_action_follows_from_the_verdict() {
        let of = |remedy: bool, category, restartable| {
            let remedy = if remedy { Configuration::from_iter([("a", "b")]) } else { Configuration::default() };
            ExpectedAction::of(&Classification { remedy, category, restartable, ..verdict() }).as_str()
        };
        assert_eq!(of(true, Category::MemoryConfiguration, false), "retry_with_config");
        assert_eq!(of(false, Category::Unclassified, false), "ask_recommender");
        assert_eq!(of(false, Category::Network, true), "retry_unchanged");
        assert_eq!(of(false, Category::UserSql, false), "do_not_retry");
    }
}
