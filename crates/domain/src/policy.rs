//! The bounds that no patch may leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::validation::{Validate, Violation, escape_pointer_token};

/// `GET` and `PUT /v1/policy`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Keys that a patch may set: exact names, or prefixes that end in `*`.
    #[schema(example = json!(["spark.executor.memory", "spark.sql.*"]))]
    pub allowed_keys: Vec<String>,
    /// Least and greatest value by key: Spark sizes, or plain numbers.
    #[serde(default)]
    pub bounds: BTreeMap<String, Bound>,
}

/// Least and greatest value, both inclusive, as the key's own kind of value: `1g`, `8`, `0.9`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

impl Policy {
    /// May a patch set this key?
    pub fn allows(&self, key: &str) -> bool {
        self.allowed_keys.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == allowed,
        })
    }
}

impl Default for Policy {
    /// The memory and sizing parameters that the recommender frees, and the limits that remedies of rules raise. Nothing that runs code or reaches elsewhere.
    /// The upper bounds are those of the largest general-purpose nodes in wide use (128 vCPU, 512 GiB).
    fn default() -> Self {
        const BOUNDS: &[(&str, &str, &str)] = &[
            ("spark.executor.memory", "471859200b", "256g"),
            ("spark.executor.memoryOverhead", "64m", "128g"),
            ("spark.executor.memoryOverheadFactor", "0.05", "2.0"),
            ("spark.executor.cores", "1", "32"),
            ("spark.task.cpus", "1", "32"),
            ("spark.executor.instances", "1", "2000"),
            ("spark.dynamicAllocation.maxExecutors", "1", "2000"),
            ("spark.memory.fraction", "0.3", "0.9"),
            ("spark.memory.storageFraction", "0.05", "0.9"),
            ("spark.memory.offHeap.size", "0", "128g"),
            ("spark.executor.pyspark.memory", "64m", "128g"),
            ("spark.driver.memory", "471859200b", "128g"),
            ("spark.driver.memoryOverhead", "64m", "64g"),
            ("spark.driver.memoryOverheadFactor", "0.05", "2.0"),
            ("spark.driver.maxResultSize", "0", "64g"),
            ("spark.kryoserializer.buffer.max", "1m", "2047m"),
            ("spark.rpc.message.maxSize", "1", "2047"),
            ("spark.sql.broadcastTimeout", "1", "36000"),
            ("spark.sql.shuffle.partitions", "1", "100000"),
            ("spark.sql.autoBroadcastJoinThreshold", "-1", "1g"),
        ];
        let bounds: BTreeMap<_, _> = BOUNDS
            .iter()
            .map(|(key, min, max)| {
                ((*key).to_owned(), Bound { min: Some((*min).to_owned()), max: Some((*max).to_owned()) })
            })
            .collect();
        let mut allowed_keys: Vec<String> = bounds.keys().cloned().collect();
        allowed_keys.push("spark.memory.offHeap.enabled".to_owned());
        allowed_keys.sort();
        Self { allowed_keys, bounds }
    }
}

impl Validate for Policy {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        for (index, key) in self.allowed_keys.iter().enumerate() {
            let stars = key.matches('*').count();
            if key.is_empty() || stars > 1 || (stars == 1 && !key.ends_with('*')) {
                violations.push(Violation::at(
                    format!("{pointer}/allowed_keys/{index}"),
                    "give a key, or a prefix that ends in `*`",
                ));
            }
        }
        for (key, bound) in &self.bounds {
            if bound.min.is_none() && bound.max.is_none() {
                violations.push(Violation::at(
                    format!("{pointer}/bounds/{}", escape_pointer_token(key)),
                    "give `min`, `max` or both",
                ));
            }
        }
    }
}
