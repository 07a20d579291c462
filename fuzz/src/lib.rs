//! What fuzzing feeds: each target gives any bytes to one reader of the outside world, and asserts what must hold of
//! the answer.
//!
//! The bodies stand here so that they are checked and run like all other code: `targets/` hands them to libFuzzer,
//! `tests/seeds.rs` runs them over their seeds and over mutations of these.

#![expect(clippy::missing_panics_doc, reason = "a target says by a panic what does not hold")]
#![expect(clippy::expect_used, reason = "as above, of what the target itself has set up")]

mod cluster_answers;
mod compressed_log;
mod event_log;
mod failure_report;
mod input;
mod log_template;
mod log_url;
mod patch;
mod proc_text;
mod rule_file;
mod rule_match;
mod secrets;
mod spark_text;

pub use cluster_answers::cluster_answers;
pub use compressed_log::compressed_log;
pub use event_log::event_log;
pub use failure_report::failure_report;
pub use log_template::log_template;
pub use log_url::log_url;
pub use patch::patch;
pub use proc_text::proc_text;
pub use rule_file::rule_file;
pub use rule_match::rule_match;
pub use secrets::secrets;
pub use spark_text::spark_text;

/// A target's body.
pub type Target = fn(&[u8]);

/// Every target by its name, which its binary and its folder of seeds have too.
pub const TARGETS: [(&str, Target); 12] = [
    ("cluster_answers", cluster_answers),
    ("compressed_log", compressed_log),
    ("event_log", event_log),
    ("failure_report", failure_report),
    ("log_template", log_template),
    ("log_url", log_url),
    ("patch", patch),
    ("proc_text", proc_text),
    ("rule_file", rule_file),
    ("rule_match", rule_match),
    ("secrets", secrets),
    ("spark_text", spark_text),
];
