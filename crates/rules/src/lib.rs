//! Rules: YAML to a rule set, matching, lint and examples. Pure: nothing here performs input or output but
//! [`RuleSet::load_dir`], which reads the rule files.
//!
//! A log is cut into [`block`]s (a log entry with its stack trace is one); a rule's pattern is tried on blocks only, so
//! a hit never spans two entries. Rules are ordered, and the first that matches decides.

pub mod backtest;
pub mod block;
mod cause;
pub mod circumstances;
mod container;
pub mod coverage;
mod entry;
pub mod error;
mod error_condition;
pub mod evaluate;
pub mod example;
pub mod expectation;
pub mod explain;
pub mod lint;
#[doc(hidden)]
pub mod literal;
pub mod load;
mod matcher;
mod noise;
mod pattern;
mod rarity;
mod recovery;
mod remedy;
mod replacement;
pub mod rule;
pub mod schema;
pub mod set;
mod source;
mod structure;
mod structured_log;
mod transport;

pub use circumstances::Circumstances;
pub use coverage::{Coverage, run_with_coverage};
pub use error::{RuleError, RuleErrors};
pub use evaluate::{Evaluation, LabelledLog, evaluate};
pub use example::{ExampleOutcome, run_examples, run_examples_of};
pub use expectation::{Expectation, Mismatch};
pub use explain::{Explanation, Question, explain, explain_in};
pub use lint::{Finding, FindingKind, lint};
pub use rule::{Example, Examples, Rule, RuleStatus, Within};
pub use schema::json_schema;
pub use set::{LogText, RuleHit, RuleSet};
