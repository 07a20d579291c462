//! The bounds that no patch may leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    scope::Scope,
    validation::{Validate, Violation, escape_pointer_token},
};

/// Most scoped bounds, and most patterns of a list, of one policy: each is looked at for each changed key.
pub const ENTRIES_MAX: usize = 1_024;
/// Memory of the largest general-purpose nodes in wide use, 512 GiB.
const NODE_MEMORY_BYTES: u64 = 512 << 30;

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
    /// Keys that no patch may set, whatever is allowed: names in which `*` stands for anything, upper and lower case
    /// alike. Where not given: what runs code, reaches elsewhere, or is a credential.
    #[serde(default = "forbidden_by_default")]
    #[schema(example = json!(["spark.jars*", "spark.*JavaOptions"]))]
    pub forbidden_keys: Vec<String>,
    /// Narrower bounds for some jobs: each that a job is in holds, beside `bounds`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scoped_bounds: Vec<ScopedBounds>,
    /// Memory of the largest node, in bytes: no patch may make an executor's or the driver's container larger (heap,
    /// overhead, off-heap and Python together). Null: not checked.
    #[serde(default = "node_memory_by_default")]
    pub node_memory_bytes: Option<u64>,
}

/// Bounds for the jobs in a scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopedBounds {
    /// Which jobs.
    pub scope: Scope,
    /// Least and greatest value by key.
    pub bounds: BTreeMap<String, Bound>,
}

fn forbidden_by_default() -> Vec<String> {
    const FORBIDDEN: &[&str] = &[
        // Runs code.
        "spark.*JavaOptions",
        "spark.*.extraClassPath",
        "spark.*.extraLibraryPath",
        "spark.jars*",
        "spark.files*",
        "spark.archives*",
        "spark.submit.*",
        "spark.plugins*",
        "spark.extraListeners",
        "spark.sql.extensions",
        "spark.pyspark.*",
        "spark.executorEnv.*",
        "spark.yarn.appMasterEnv.*",
        "spark.*.podTemplateFile",
        "spark.kubernetes.*container.image",
        // Reaches elsewhere.
        "spark.master",
        "spark.hadoop.fs.*",
        "spark.*.metastore.*",
        "spark.eventLog.dir",
        // Credentials.
        "*password*",
        "*secret*",
        "*credential*",
        "*token*",
        "*access*key*",
        "*private*key*",
        "*keytab*",
        "*principal*",
    ];
    FORBIDDEN.iter().map(|pattern| (*pattern).to_owned()).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
const fn node_memory_by_default() -> Option<u64> {
    Some(NODE_MEMORY_BYTES)
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
        self.lists(key) && self.forbidden_by(key).is_none()
    }

    /// The pattern that forbids this key.
    pub fn forbidden_by(&self, key: &str) -> Option<&str> {
        let key = key.as_bytes();
        self.forbidden_keys.iter().map(String::as_str).find(|pattern| matches_pattern(pattern.as_bytes(), key))
    }

    fn lists(&self, key: &str) -> bool {
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
        Self {
            allowed_keys,
            bounds,
            forbidden_keys: forbidden_by_default(),
            scoped_bounds: Vec::new(),
            node_memory_bytes: node_memory_by_default(),
        }
    }
}

/// `*` stands for anything, also nothing; ASCII letters match in either case. Takes at most the product of the lengths.
fn matches_pattern(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    let mut last_star = None;
    while let Some(byte) = text.get(in_text) {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, in_text));
                at += 1;
            }
            Some(wanted) if wanted.eq_ignore_ascii_case(byte) => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star, taken)) = last_star else { return false };
                last_star = Some((star, taken + 1));
                at = star + 1;
                in_text = taken + 1;
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
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
        for (field, length) in [
            ("allowed_keys", self.allowed_keys.len()),
            ("forbidden_keys", self.forbidden_keys.len()),
            ("scoped_bounds", self.scoped_bounds.len()),
        ] {
            if length > ENTRIES_MAX {
                let detail = format!("holds {length} entries; at most {ENTRIES_MAX} are allowed");
                violations.push(Violation::at(format!("{pointer}/{field}"), detail));
            }
        }
        for (index, pattern) in self.forbidden_keys.iter().enumerate() {
            if pattern.is_empty() {
                let detail = "give a key, or a pattern with `*` for anything";
                violations.push(Violation::at(format!("{pointer}/forbidden_keys/{index}"), detail));
            }
        }
        validate_bounds(&self.bounds, &format!("{pointer}/bounds"), violations);
        for (index, scoped) in self.scoped_bounds.iter().enumerate() {
            let pointer = format!("{pointer}/scoped_bounds/{index}");
            scoped.scope.validate(&format!("{pointer}/scope"), violations);
            validate_bounds(&scoped.bounds, &format!("{pointer}/bounds"), violations);
        }
    }
}

fn validate_bounds(bounds: &BTreeMap<String, Bound>, pointer: &str, violations: &mut Vec<Violation>) {
    for (key, bound) in bounds {
        if bound.min.is_none() && bound.max.is_none() {
            let pointer = format!("{pointer}/{}", escape_pointer_token(key));
            violations.push(Violation::at(pointer, "give `min`, `max` or both"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_code_reaches_elsewhere_or_is_a_credential_is_forbidden_even_where_all_is_allowed() {
        let policy = Policy { allowed_keys: vec!["*".into()], ..Policy::default() };
        for key in [
            "spark.driver.extraJavaOptions",
            "spark.executor.defaultJavaOptions",
            "spark.yarn.am.extraJavaOptions",
            "spark.jars",
            "spark.jars.packages",
            "spark.submit.pyFiles",
            "SPARK.JARS",
            "spark.hadoop.fs.s3a.secret.key",
            "spark.hadoop.fs.s3a.endpoint",
            "spark.ssl.keyPassword",
            "spark.kubernetes.driver.container.image",
            "spark.kubernetes.container.image",
            "spark.master",
        ] {
            assert!(!policy.allows(key), "{key}");
        }
        for key in ["spark.executor.pyspark.memory", "spark.sql.shuffle.partitions", "spark.speculation"] {
            assert!(policy.allows(key), "{key}");
        }
        let default = Policy::default();
        let needed = default.allowed_keys.iter().all(|key| default.allows(key));
        assert!(needed, "no key that is allowed by default is forbidden by default");
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("*b*b*", "abab", true),
            ("*aab", "aaaab", true),
            ("abc", "ab", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(matches_pattern(pattern.as_bytes(), text.as_bytes()), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_policy_that_says_nothing_of_it_has_the_defaults() {
        let policy: Policy = serde_json::from_value(serde_json::json!({"allowed_keys": ["spark.*"]})).unwrap();
        assert_eq!(policy.forbidden_keys, Policy::default().forbidden_keys);
        assert_eq!(policy.node_memory_bytes, Some(NODE_MEMORY_BYTES));
    }
}
