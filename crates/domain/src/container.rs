//! How a container ended, as the resource manager tells it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::wire_enum,
    validation::{Validate, Violation},
};
use std::fmt;

/// Most containers in one report: a driver's and its executors', lost ones included.
pub const CONTAINERS_MAX: usize = 1_024;
/// Longest reason or executor id, in bytes.
const TEXT_BYTES_MAX: usize = 256;

wire_enum! {
    /// What ran in a container.
    ContainerRole {
        /// The driver; on YARN in cluster mode the application master.
        Driver = "driver",
        /// An executor.
        Executor = "executor",
        /// Anything else: a sidecar, an init container.
        Other = "other",
    }
}

/// The end of one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerEnd {
    /// What ran in it.
    pub role: ContainerRole,
    /// Spark's id of the executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor_id: Option<String>,
    /// Kubernetes' reason of the container or its pod: `OOMKilled`, `Evicted`, `Error`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "OOMKilled")]
    pub reason: Option<String>,
    /// The exit code of its process; on YARN the container's exit status, which may be negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// Checks the containers of a report.
pub(crate) fn validate_containers(containers: &[ContainerEnd], pointer: &str, violations: &mut Vec<Violation>) {
    if containers.len() > CONTAINERS_MAX {
        let message = format!("holds {} containers; at most {CONTAINERS_MAX} are allowed", containers.len());
        violations.push(Violation::at(pointer, message));
    }
    for (index, container) in containers.iter().enumerate() {
        container.validate(&format!("{pointer}/{index}"), violations);
    }
}

impl Validate for ContainerEnd {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        for (field, text) in [("reason", &self.reason), ("executor_id", &self.executor_id)] {
            if text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
                let message = format!("is longer than {TEXT_BYTES_MAX} bytes");
                violations.push(Violation::at(format!("{pointer}/{field}"), message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_containers_and_long_texts_are_refused() {
        let end = ContainerEnd {
            role: ContainerRole::Executor,
            executor_id: None,
            reason: Some("x".repeat(TEXT_BYTES_MAX + 1)),
            exit_code: Some(-104),
        };
        let mut violations = Vec::new();
        validate_containers(std::slice::from_ref(&end), "/containers", &mut violations);
        assert_eq!(violations.iter().map(|found| found.pointer.as_str()).collect::<Vec<_>>(), ["/containers/0/reason"]);
        violations.clear();
        let fine = ContainerEnd { reason: None, ..end };
        validate_containers(&vec![fine; CONTAINERS_MAX + 1], "/containers", &mut violations);
        assert_eq!(violations.len(), 1);
    }
}
