//! Who is who: which workload a process belongs to.

mod application;
mod container;
mod spark;
mod table;

use serde::Serialize;

pub use container::Container;
pub use spark::SparkProcess;
pub use table::{Process, Table};

/// What waits, runs and holds memory together: its processes are one to the agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Workload {
    /// An executor's JVM and what descends from it: its Python workers.
    Executor {
        /// The Spark application.
        application_id: String,
        /// The executor's id.
        executor_id: String,
    },
    /// A driver's JVM and what descends from it, and the Python process that started it.
    Driver {
        /// The JVM.
        pid: u32,
    },
    /// Any other container.
    Container(Container),
    /// A service or session of the host.
    System {
        /// Its name.
        name: String,
    },
    /// The kernel's threads.
    Kernel,
}

impl Workload {
    /// Part of the host itself, not of anybody's job?
    pub fn is_system(&self) -> bool {
        matches!(self, Self::System { .. } | Self::Kernel)
    }

    /// Part of a Spark application?
    pub fn is_spark(&self) -> bool {
        matches!(self, Self::Executor { .. } | Self::Driver { .. })
    }

    /// One word for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Executor { .. } => "executor",
            Self::Driver { .. } => "driver",
            Self::Container(_) => "container",
            Self::System { .. } => "system",
            Self::Kernel => "kernel",
        }
    }

    /// A name for people.
    pub fn name(&self) -> String {
        match self {
            Self::Executor { application_id, executor_id } => format!("{application_id} executor {executor_id}"),
            Self::Driver { pid } => format!("driver {pid}"),
            Self::Container(container) => container.name(),
            Self::System { name } => name.clone(),
            Self::Kernel => "kernel".to_owned(),
        }
    }
}
