//! What Spark takes where a key is not set: its configuration guide, 4.1.

use paramedic_domain::Configuration;

const DEFAULTS: &[(&str, &str)] = &[
    ("spark.driver.maxResultSize", "1g"),
    ("spark.driver.memory", "1g"),
    ("spark.executor.memory", "1g"),
    ("spark.kryoserializer.buffer", "64k"),
    ("spark.kryoserializer.buffer.max", "64m"),
    ("spark.port.maxRetries", "16"),
    ("spark.rpc.message.maxSize", "128"),
    ("spark.sql.autoBroadcastJoinThreshold", "10m"),
    ("spark.sql.broadcastTimeout", "300"),
];

/// Spark's default for `key`, where it has one that does not depend on anything else.
pub fn default_of(key: &str) -> Option<&'static str> {
    DEFAULTS.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// The value that `key` has under `config`: what is set, else Spark's default.
pub fn value_of<'c>(config: &'c Configuration, key: &str) -> Option<&'c str> {
    config.get(key).map(String::as_str).or_else(|| default_of(key))
}
