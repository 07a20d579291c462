//! What a configuration costs an hour, where the platform reports no cost.

use paramedic_spark::MemoryModel;

/// US dollars an hour. The defaults are a public serverless Spark price.
#[derive(Clone, Copy, Debug)]
pub struct PriceTable {
    /// A virtual core.
    pub vcore_hour_usd: f64,
    /// A GiB of memory.
    pub gibibyte_hour_usd: f64,
}

impl Default for PriceTable {
    fn default() -> Self {
        Self { vcore_hour_usd: 0.0526, gibibyte_hour_usd: 0.0058 }
    }
}

impl PriceTable {
    /// US dollars an hour for the driver and all executors.
    pub fn hourly_rate_usd(&self, memory: &MemoryModel) -> f64 {
        let executors = if memory.local { 0.0 } else { f64::from(memory.executors.max(1)) };
        let cores = f64::from(memory.driver_cores) + executors * f64::from(memory.executor_cores);
        let bytes = memory.driver_container as f64 + executors * memory.container as f64;
        cores * self.vcore_hour_usd + bytes / f64::from(1 << 30) * self.gibibyte_hour_usd
    }
}
