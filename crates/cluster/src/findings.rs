//! What the layers had.

use paramedic_domain::{ContainerEnd, LogKind, container::CONTAINERS_MAX};
use paramedic_fetch::CutText;

use crate::{ClusterError, Layer};

/// What one layer had on an application.
#[derive(Debug)]
pub struct Findings {
    /// The layer.
    pub layer: Layer,
    /// Logs; what the layer itself says is one of kind `orchestrator`.
    pub logs: Vec<FoundLog>,
    /// How containers ended, where the layer says.
    pub containers: Vec<ContainerEnd>,
    /// What could not be had.
    pub missed: Vec<Missed>,
}

/// One log.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundLog {
    /// Whose.
    pub log: LogKind,
    /// What people call it, such as `executor 3 stderr`.
    pub name: String,
    /// Its text, as the layer has it: secrets are not masked.
    pub text: CutText,
}

/// Something that could not be had.
#[derive(Debug)]
pub struct Missed {
    /// All of the layer, or a part.
    pub part: Part,
    /// Why. For a service's own log: it may name hosts.
    pub error: ClusterError,
}

/// How much of a layer could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It told nothing.
    Whole,
    /// It told something, but not all.
    Some,
}

impl Findings {
    pub(crate) fn none_of(layer: Layer) -> Self {
        Self { layer, logs: Vec::new(), containers: Vec::new(), missed: Vec::new() }
    }

    /// What the work gave; where it failed, that is kept.
    pub(crate) fn or_miss<T>(&mut self, part: Part, result: Result<T, ClusterError>) -> Option<T> {
        result.map_err(|error| self.missed.push(Missed { part, error })).ok()
    }

    /// A log, unless it is empty.
    pub(crate) fn add_log(&mut self, log: LogKind, name: impl Into<String>, text: CutText) {
        if !text.text.trim().is_empty() {
            self.logs.push(FoundLog { log, name: name.into(), text });
        }
    }

    /// What the layer itself says.
    pub(crate) fn add_said(&mut self, log: LogKind, name: &str, lines: &[String]) {
        let text = lines.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n");
        self.add_log(log, name, CutText { text, whole: true });
    }

    /// Ends of containers, as many as a report may hold.
    pub(crate) fn add_ends(&mut self, ends: impl IntoIterator<Item = ContainerEnd>) {
        let room = CONTAINERS_MAX - self.containers.len();
        self.containers.extend(ends.into_iter().take(room));
    }
}
