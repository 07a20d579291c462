//! What an attempt cost, where the platform does not report it.

use paramedic_domain::{Configuration, Timestamp};
use paramedic_spark::{MemoryModel, PriceTable};

/// US dollars for the driver and every executor, from start to end. Nothing where a time is missing or the configuration
/// is none that Spark accepts.
pub(crate) fn cost_usd(
    prices: &PriceTable,
    config: &Configuration,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
) -> Option<f64> {
    let hours = finished_at?.seconds_since(started_at?).max(0.0) / 3600.0;
    let memory = MemoryModel::of(config).ok()?;
    Some(hours * prices.hourly_usd(&memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_two_executors_and_the_driver() {
        let config = Configuration::from_iter([
            ("spark.master", "yarn"),
            ("spark.executor.instances", "2"),
            ("spark.executor.cores", "2"),
            ("spark.executor.memory", "3g"),
            ("spark.executor.memoryOverhead", "1g"),
            ("spark.driver.memory", "1536m"),
            ("spark.driver.memoryOverhead", "512m"),
            ("spark.driver.cores", "1"),
        ]);
        let start = Timestamp::from_microseconds(0);
        let cost = cost_usd(&PriceTable::default(), &config, Some(start), Some(start.plus_seconds(3600))).unwrap();
        assert!((cost - (5.0 * 0.0526 + 10.0 * 0.0058)).abs() < 1e-9, "{cost}");
        assert_eq!(cost_usd(&PriceTable::default(), &config, None, Some(start)), None);
    }

    #[test]
    fn a_configuration_that_spark_refuses_has_no_cost() {
        let config = Configuration::from_iter([("spark.executor.memory", "lots")]);
        let start = Timestamp::from_microseconds(0);
        assert_eq!(cost_usd(&PriceTable::default(), &config, Some(start), Some(start)), None);
    }
}
