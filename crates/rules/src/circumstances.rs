//! What is known of a failure beside its logs.

use paramedic_domain::{Configuration, ContainerEnd};

/// What is known of a failure beside its logs. The default: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Exit code of the driver's process.
    pub exit_code: Option<i32>,
    /// The configuration that the attempt ran with.
    pub config: Configuration,
    /// How its containers ended.
    pub containers: Vec<ContainerEnd>,
}

impl Circumstances {
    /// From the parts of a report.
    pub fn new(exit_code: Option<i32>, config: &Configuration, containers: &[ContainerEnd]) -> Self {
        Self { exit_code, config: config.clone(), containers: containers.to_vec() }
    }
}
