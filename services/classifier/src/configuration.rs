//! The configuration that an attempt really ran with.

use paramedic_domain::{Configuration, EventLogSummary};

/// Keys that decide over memory and sizes. Only these are taken over from the event log: the rest of it (paths, ports,
/// generated names) belongs to one attempt.
const SIZING_KEYS: &[&str] = &[
    "spark.default.parallelism",
    "spark.driver.cores",
    "spark.driver.maxResultSize",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.executor.pyspark.memory",
    "spark.kryoserializer.buffer.max",
    "spark.master",
    "spark.sql.autoBroadcastJoinThreshold",
    "spark.sql.shuffle.partitions",
    "spark.submit.deployMode",
    "spark.task.cpus",
];
/// Prefixes of such keys.
const SIZING_PREFIXES: &[&str] = &[
    "spark.driver.memory",
    "spark.driver.minMemoryOverhead",
    "spark.dynamicAllocation.",
    "spark.executor.memory",
    "spark.executor.minMemoryOverhead",
    "spark.memory.",
    "spark.sql.adaptive.",
];

/// What was submitted, overlaid by what the event log says that the application used: what the job's code set wins.
pub(crate) fn effective(submitted: &Configuration, event_log: Option<&EventLogSummary>) -> Configuration {
    let mut effective = submitted.clone();
    let used = event_log.map(|summary| &summary.spark_properties);
    for (key, value) in used.into_iter().flatten() {
        if sizes(key) {
            effective.insert(key.clone(), value.clone());
        }
    }
    effective
}

fn sizes(key: &str) -> bool {
    SIZING_KEYS.contains(&key) || SIZING_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_code_set_wins_and_what_belongs_to_one_attempt_stays_out() {
        let submitted = Configuration::from_iter([("spark.executor.memory", "1g"), ("spark.app.name", "a")]);
        let summary = EventLogSummary {
            spark_properties: [("spark.executor.memory", "2g"), ("spark.driver.port", "4711"), ("spark.app.name", "b")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..EventLogSummary::default()
        };
        let expected = Configuration::from_iter([("spark.executor.memory", "2g"), ("spark.app.name", "a")]);
        assert_eq!(effective(&submitted, Some(&summary)), expected);
        assert_eq!(effective(&submitted, None), submitted);
    }
}
