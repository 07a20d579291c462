//! What a failure was: the verdict of the rules.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{configuration::Configuration, log::LogKind};

/// The class of a failure that no rule matched.
pub const UNCLASSIFIED: &str = "Unclassified";

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire, in rules and in tables.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("`{text}` is none of {}", all.join(", "))
                })
            }
        }
    };
}
pub(crate) use wire_enum;

wire_enum! {
    /// The kind of cause.
    Category {
        /// Memory was configured too small (or larger than the cluster has).
        MemoryConfiguration = "memory_configuration",
        /// The job's own code.
        UserCode = "user_code",
        /// The job's own SQL.
        UserSql = "user_sql",
        /// The data: malformed, missing, of another schema.
        Data = "data",
        /// A library or artifact that is missing or does not fit.
        Dependency = "dependency",
        /// Access was denied.
        Permission = "permission",
        /// A peer could not be reached.
        Network = "network",
        /// A disk or an object store.
        Storage = "storage",
        /// Spark, YARN, Kubernetes or the JVM itself.
        Platform = "platform",
        /// The scheduler: timeouts, kills by a person.
        Scheduler = "scheduler",
        /// The cluster has no room now.
        ClusterCapacity = "cluster_capacity",
        /// Something that a plain retry is likely to pass.
        TransientInfrastructure = "transient_infrastructure",
        /// A setting that is wrong, other than memory.
        Configuration = "configuration",
        /// No rule matched.
        Unclassified = "unclassified",
    }
}

wire_enum! {
    /// Which memory ran out.
    MemorySide {
        /// The executor's Java heap, or Spark-managed memory within it.
        ExecutorHeap = "executor_heap",
        /// The executor's container: killed from outside.
        ExecutorOverhead = "executor_overhead",
        /// The driver's Java heap.
        DriverHeap = "driver_heap",
        /// The driver's container: killed from outside.
        DriverOverhead = "driver_overhead",
        /// A Python worker under its own limit.
        PythonWorker = "python_worker",
        /// `spark.driver.maxResultSize`.
        DriverResultSize = "driver_result_size",
        /// `spark.kryoserializer.buffer.max`.
        KryoBuffer = "kryo_buffer",
        /// Off-heap memory: Spark's pool, direct buffers, metaspace.
        Offheap = "offheap",
        /// The collector used nearly all time.
        GcOverhead = "gc_overhead",
    }
}

/// The verdict on one failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Classification {
    /// The rule's name, or `Unclassified`.
    #[schema(example = "SparkExecutorHeapOom")]
    pub class: String,
    /// The kind of cause.
    pub category: Category,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Which memory ran out, for `memory_configuration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_side: Option<MemorySide>,
    /// Would a retry with nothing changed plausibly succeed?
    pub restartable: bool,
    /// The cause in one sentence.
    pub summary: String,
    /// What the job's owner can do, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The log lines that prove it.
    pub evidence: Vec<Evidence>,
    /// What the rule's named groups captured. `docs/vocabulary.md` lists the names with a meaning.
    pub captures: BTreeMap<String, String>,
    /// What the retry needs, where the log itself states it and the rule says how to read it. Only keys that are raised.
    #[serde(default, skip_serializing_if = "Configuration::is_empty")]
    pub remedy: Configuration,
    /// Names of all rules that matched, in rule order.
    pub matched: Vec<String>,
    /// Names the rule set that was asked: a hash of its contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_version: Option<String>,
}

impl Classification {
    /// What is said of a failure that no rule matched.
    pub fn unclassified() -> Self {
        Self {
            class: UNCLASSIFIED.to_owned(),
            category: Category::Unclassified,
            rule: None,
            memory_side: None,
            restartable: false,
            summary: "No rule matched the logs.".to_owned(),
            advice: None,
            evidence: Vec::new(),
            captures: BTreeMap::new(),
            remedy: Configuration::default(),
            matched: Vec::new(),
            rules_version: None,
        }
    }

    /// Does the recommender decide what follows? Memory configuration errors and unclassified failures go to it.
    pub fn needs_recommendation(&self) -> bool {
        matches!(self.category, Category::MemoryConfiguration | Category::Unclassified)
    }
}

/// One log line that proves a classification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The log it stands in.
    pub log: LogKind,
    /// Line number within that log, from 1.
    #[schema(minimum = 1)]
    pub line: u64,
    /// The line, cut to a bounded length.
    pub text: String,
}
