//! What could not be used on the way to an answer.

use std::fmt::Display;

use paramedic_domain::LogKind;

/// Names of the parts that could not be used, each once, in the order in which they were missed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Degraded(Vec<String>);

pub(crate) const CLASSIFICATION_FAILED: &str = "classification_failed";
pub(crate) const CLASSIFICATION_TIMED_OUT: &str = "classification_timed_out";
pub(crate) const CONFIGSVC_REFUSED: &str = "configsvc_refused";
pub(crate) const CONFIGSVC_UNAVAILABLE: &str = "configsvc_unavailable";
pub(crate) const EVENT_LOG_UNAVAILABLE: &str = "event_log_unavailable";
pub(crate) const LOGS_MISSING: &str = "logs_missing";
pub(crate) const RECOMMENDATION_EMPTY: &str = "recommendation_empty";
pub(crate) const RECOMMENDATION_TOUCHES_SECRET: &str = "recommendation_touches_secret";
pub(crate) const RECOMMENDER_REFUSED: &str = "recommender_refused";
pub(crate) const RECOMMENDER_UNAVAILABLE: &str = "recommender_unavailable";
pub(crate) const STORE_UNAVAILABLE: &str = "store_unavailable";

impl Degraded {
    /// This part could not be used.
    pub(crate) fn add(&mut self, part: impl Into<String>) {
        let part = part.into();
        if !self.0.contains(&part) {
            let kind = part.split(':').next().unwrap_or_default().to_owned();
            metrics::counter!("paramedic_degraded_total", "part" => kind).increment(1);
            self.0.push(part);
        }
    }

    /// The log could not be used: `log_unavailable`, `log_truncated`, `log_empty`.
    pub(crate) fn add_log(&mut self, what: &str, log: LogKind) {
        self.add(format!("{what}:{log}"));
    }

    /// This part could not be used, and why; the reason goes to the service's log only.
    pub(crate) fn add_because(&mut self, part: &str, why: &dyn Display) {
        tracing::warn!(part, %why, "goes on without it");
        self.add(part);
    }

    /// And what else was missed.
    pub(crate) fn absorb(&mut self, other: Self) {
        for part in other.0 {
            if !self.0.contains(&part) {
                self.0.push(part);
            }
        }
    }

    pub(crate) fn into_vec(self) -> Vec<String> {
        self.0
    }
}
