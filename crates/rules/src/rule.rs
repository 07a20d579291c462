//! A rule, as its author wrote it.

use std::collections::BTreeMap;

use paramedic_domain::{Category, Configuration, ContainerEnd, ContainerRole, LogKind, MemorySide};
use serde::Serialize;
use utoipa::ToSchema;

use crate::expectation::Expectation;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rule {
    /// Unique, CamelCase; the class of the failures that it decides.
    #[schema(example = "SparkExecutorHeapOom")]
    pub name: String,
    /// The system that prints what it matches: `spark`, `yarn`, `kubernetes`, `jvm`, `python`, …
    pub source: String,
    /// The logs it reads.
    pub log: Vec<LogKind>,
    /// The cause in one sentence.
    pub summary: String,
    /// The kind of cause.
    pub category: Category,
    /// Which memory ran out; only for `memory_configuration`, and missing there where it is none of the job's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_side: Option<MemorySide>,
    /// Would a retry with nothing changed plausibly succeed?
    pub restartable: bool,
    /// Does it decide?
    pub status: RuleStatus,
    /// The rule that takes its place; only for a deprecated one, and always there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// The pattern, tried on every block of its logs. Missing only in a rule that the exit code alone decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// A pattern that, where it matches in the block around a hit, makes it no hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// The driver's exit codes for which the rule is tried; empty: any, known or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exit_code: Vec<i32>,
    /// Reasons of a container's end, as Kubernetes gives them, of which one must be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub container_reason: Vec<String>,
    /// What must have run in that container; missing: anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_role: Option<ContainerRole>,
    /// Exit codes of a container, of which one must be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub container_exit_code: Vec<i32>,
    /// Exit statuses of a YARN container, of which one must be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub yarn_exit_status: Vec<i32>,
    /// Spark's error conditions (`MAIN`, or `MAIN.SUB`), of which the block must name one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_condition: Vec<String>,
    /// SQLSTATEs (`42P01`, or a class: `22*`), of which the block must name one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sql_state: Vec<String>,
    /// Levels of which the entry must have one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub level: Vec<String>,
    /// A pattern that the entry's logger must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The part of a block that the pattern is tried on.
    pub within: Within,
    /// Spark key to a pattern that its value must match; a key that is not set has the empty value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Spark key to an expression over the captures: what the retry needs, as the log states it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub remedy: BTreeMap<String, String>,
    /// What the job's owner can do, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Pages that tell more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Its proof.
    pub examples: Examples,
    /// The file it stands in.
    pub file: String,
    /// The line its name stands in, from 1.
    #[schema(minimum = 1)]
    pub line: u64,
}

impl Rule {
    /// Does it rest on an exit code alone? Such a rule decides only where no other matches.
    pub fn is_weak(&self) -> bool {
        self.regex.is_none()
            && self.names_no_condition_of_a_block()
            && self.container_reason.is_empty()
            && self.yarn_exit_status.is_empty()
    }

    /// Can it be decided without any text?
    pub(crate) fn names_no_condition_of_a_block(&self) -> bool {
        self.error_condition.is_empty() && self.sql_state.is_empty() && self.level.is_empty() && self.logger.is_none()
    }

    /// Its structured conditions, to compare.
    pub(crate) fn structure_text(&self) -> String {
        format!(
            "{:?}",
            (
                (&self.container_reason, self.container_role, &self.container_exit_code, &self.yarn_exit_status),
                (&self.error_condition, &self.sql_state, &self.level, &self.logger, self.within),
            )
        )
    }
}

/// The part of a block that a rule's pattern is tried on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// All of it.
    #[default]
    Block,
    /// The last cause of a chain of exceptions.
    RootCause,
}

/// Whether a rule decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleStatus {
    /// It is matched, listed in `matched` and counted, and decides nothing.
    Experimental,
    /// It decides.
    #[default]
    Stable,
    /// It decides still, and `replaced_by` names the rule that takes its place.
    Deprecated,
}

impl RuleStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Experimental, Self::Stable, Self::Deprecated];

    /// Its name in rule files and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Experimental => "experimental",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
        }
    }

    /// May a rule of this status decide a failure?
    pub const fn decides(self) -> bool {
        !matches!(self, Self::Experimental)
    }
}

/// A rule's proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Examples {
    /// Excerpts that the rule must decide.
    #[serde(rename = "match")]
    pub hits: Vec<Example>,
    /// Excerpts that the rule must not match.
    #[serde(rename = "no_match")]
    pub near_misses: Vec<Example>,
}

/// A log excerpt. In YAML the text alone, or a mapping where the circumstances matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Example {
    /// The excerpt.
    pub text: String,
    /// The log it stands in; the rule's first where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogKind>,
    /// The driver's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How its containers ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerEnd>,
    /// The job's configuration, as far as it matters.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub config: Configuration,
    /// What must come of it, beside who decides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
    /// The line it stands in, from 1.
    #[schema(minimum = 1)]
    pub line: u64,
}
