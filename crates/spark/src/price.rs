//! What a configuration costs an hour, where the platform reports no cost.

use crate::memory::MemoryModel;

/// US dollars an hour. The defaults are a public serverless Spark price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceTable {
    /// One virtual core for an hour. Default: 0.0526 USD.
    pub vcore_hour_usd: f64,
    /// One GiB of memory for an hour. Default: 0.0058 USD.
    pub gibibyte_hour_usd: f64,
}

impl Default for PriceTable {
    fn default() -> Self {
        Self { vcore_hour_usd: 0.0526, gibibyte_hour_usd: 0.0058 }
    }
}

impl PriceTable {
    /// The driver and every executor for an hour. In local mode the driver's JVM runs the tasks: its cores are theirs.
    pub fn hourly_usd(&self, memory: &MemoryModel) -> f64 {
        let executors = if memory.local { 0.0 } else { f64::from(memory.executors.max(1)) };
        let driver_cores = if memory.local { memory.executor_cores } else { memory.driver_cores };
        let cores = f64::from(driver_cores) + executors * f64::from(memory.executor_cores);
        let bytes = memory.driver_container as f64 + executors * memory.container as f64;
        cores * self.vcore_hour_usd + bytes / f64::from(1 << 30) * self.gibibyte_hour_usd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_executors_and_the_driver() {
        let config = [
            ("spark.master", "yarn"),
            ("spark.executor.instances", "2"),
            ("spark.executor.cores", "2"),
            ("spark.executor.memory", "3g"),
            ("spark.executor.memoryOverhead", "1g"),
            ("spark.driver.memory", "1536m"),
            ("spark.driver.memoryOverhead", "512m"),
        ];
        let memory = MemoryModel::of(&config.into_iter().collect()).unwrap();
        let hour = PriceTable::default().hourly_usd(&memory);
        assert!((hour - (5.0 * 0.0526 + 10.0 * 0.0058)).abs() < 1e-12, "{hour}");
    }

    #[test]
    fn local_mode_pays_for_its_threads() {
        let memory = MemoryModel::of(&[("spark.master", "local[4]")].into_iter().collect()).unwrap();
        assert!(PriceTable::default().hourly_usd(&memory) > 4.0 * 0.0526);
    }
}
