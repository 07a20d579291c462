//! What a configuration sets, as numbers: a search changes them some thousand times without writing and reading text.

use paramedic_domain::Configuration;

use super::{SparkConfigError, whole_mebibytes};
use crate::{master::Master, size::parse_value};

/// Overhead as a share of the heap, where nothing else is said.
const OVERHEAD_FACTOR: f64 = 0.1;
/// The same for Python and R on Kubernetes: `NON_JVM_MEMORY_OVERHEAD_FACTOR`.
const KUBERNETES_NON_JVM_FACTOR: f64 = 0.4;

/// What a container has beside the heap: given, or the greater of a minimum and a share of the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overhead {
    /// Given in so many words, bytes.
    pub given: Option<u64>,
    /// The minimum, bytes.
    pub least: u64,
    /// The share of the heap.
    pub factor: f64,
}

impl Overhead {
    /// The overhead beside a heap: Spark multiplies whole MiB and cuts what is over.
    pub fn bytes(&self, heap: u64) -> u64 {
        let share = ((heap >> 20) as f64 * self.factor) as u64;
        self.given.map_or_else(|| whole_mebibytes(self.least).max(share.saturating_mul(1 << 20)), whole_mebibytes)
    }
}

/// The values of the keys that the memory model reads. Bytes where nothing else is said; Spark's defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemorySettings {
    /// `spark.master`.
    pub master: Master,
    /// `spark.executor.memory`.
    pub executor_memory: u64,
    /// `spark.executor.memoryOverhead` and what stands in for it.
    pub executor_overhead: Overhead,
    /// `spark.executor.pyspark.memory`.
    pub executor_pyspark: u64,
    /// `spark.memory.offHeap.enabled`.
    pub offheap_enabled: bool,
    /// `spark.memory.offHeap.size`.
    pub offheap_size: u64,
    /// `spark.executor.cores`.
    pub executor_cores: Option<u32>,
    /// `spark.executor.instances`.
    pub executor_instances: Option<u32>,
    /// `spark.dynamicAllocation.maxExecutors`, where it is bounded.
    pub max_executors: Option<u32>,
    /// `spark.task.cpus`.
    pub task_cpus: u32,
    /// `spark.memory.fraction`.
    pub memory_fraction: f64,
    /// `spark.memory.storageFraction`.
    pub storage_fraction: f64,
    /// `spark.driver.memory`.
    pub driver_memory: u64,
    /// `spark.driver.memoryOverhead` and what stands in for it.
    pub driver_overhead: Overhead,
    /// `spark.driver.cores`.
    pub driver_cores: u32,
    /// `spark.driver.maxResultSize`; 0 is unlimited.
    pub max_result_size: u64,
    /// `spark.kryoserializer.buffer.max`.
    pub kryo_buffer_max: u64,
    /// `spark.sql.shuffle.partitions`.
    pub shuffle_partitions: u32,
    /// `spark.sql.autoBroadcastJoinThreshold`; 0 where broadcasting is off (−1).
    pub broadcast_threshold: u64,
}

impl MemorySettings {
    /// Reads a configuration; the first value that Spark would refuse is named.
    pub fn read(config: &Configuration) -> Result<Self, SparkConfigError> {
        Self::read_by(&|key| config.get(key).map(String::as_str))
    }

    /// Reads a configuration of which `value` gives the values, as [`read`](Self::read) does.
    pub fn read_by<'a>(value: &dyn Fn(&str) -> Option<&'a str>) -> Result<Self, SparkConfigError> {
        let read = Reader(value);
        let master = Master::parse(value("spark.master").unwrap_or(""));
        let enabled = value("spark.memory.offHeap.enabled");
        Ok(Self {
            master,
            driver_memory: read.size("spark.driver.memory", 1 << 30)?,
            driver_overhead: read.overhead("driver", &master)?,
            executor_memory: read.size("spark.executor.memory", 1 << 30)?,
            executor_overhead: read.overhead("executor", &master)?,
            offheap_enabled: enabled.is_some_and(|text| text.trim().eq_ignore_ascii_case("true")),
            offheap_size: read.size("spark.memory.offHeap.size", 0)?,
            executor_cores: read.count("spark.executor.cores")?,
            executor_instances: read.count("spark.executor.instances")?,
            max_executors: read.count("spark.dynamicAllocation.maxExecutors")?,
            executor_pyspark: read.size("spark.executor.pyspark.memory", 0)?,
            task_cpus: read.count("spark.task.cpus")?.unwrap_or(1),
            memory_fraction: read.fraction("spark.memory.fraction", 0.6)?,
            storage_fraction: read.fraction("spark.memory.storageFraction", 0.5)?,
            driver_cores: read.count("spark.driver.cores")?.unwrap_or(1),
            max_result_size: read.size("spark.driver.maxResultSize", 1 << 30)?,
            kryo_buffer_max: read.size("spark.kryoserializer.buffer.max", 64 << 20)?,
            shuffle_partitions: read.count("spark.sql.shuffle.partitions")?.unwrap_or(200),
            broadcast_threshold: read.threshold("spark.sql.autoBroadcastJoinThreshold", 10 << 20)?,
        })
    }
}

/// Reads single values.
struct Reader<'r, 'a>(&'r dyn Fn(&str) -> Option<&'a str>);

impl Reader<'_, '_> {
    fn size(&self, key: &str, default: u64) -> Result<u64, SparkConfigError> {
        let Some(text) = (self.0)(key) else { return Ok(default) };
        parse_value(key, text).map_err(|error| refuse(key, error.to_string()))
    }

    /// Any negative size turns it off; −1 is the custom.
    fn threshold(&self, key: &str, default: u64) -> Result<u64, SparkConfigError> {
        match (self.0)(key).and_then(|text| text.trim().strip_prefix('-')) {
            Some(size) => parse_value(key, size).map(|_| 0).map_err(|error| refuse(key, error.to_string())),
            None => self.size(key, default),
        }
    }

    fn count(&self, key: &str) -> Result<Option<u32>, SparkConfigError> {
        let Some(text) = (self.0)(key) else { return Ok(None) };
        // The default of maxExecutors, written out.
        if text.trim() == "2147483647" || text.trim() == "infinity" {
            return Ok(None);
        }
        match text.trim().parse() {
            Ok(count) if count <= 10_000_000 => Ok(Some(count)),
            _ => Err(refuse(key, format!("`{text}` is no count: write a whole number from 0 to 10000000"))),
        }
    }

    fn fraction(&self, key: &str, default: f64) -> Result<f64, SparkConfigError> {
        let Some(text) = (self.0)(key) else { return Ok(default) };
        match text.trim().parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(refuse(key, format!("`{text}` is no share: write a number from 0 to 1"))),
        }
    }

    /// Given, also by YARN's former key, or the greater of a minimum and a share of the heap.
    fn overhead(&self, role: &str, master: &Master) -> Result<Overhead, SparkConfigError> {
        let key = |name: &str| format!("spark.{role}.{name}");
        for given in [key("memoryOverhead"), format!("spark.yarn.{role}.memoryOverhead")] {
            if (self.0)(&given).is_some() {
                return Ok(Overhead { given: Some(self.size(&given, 0)?), ..Overhead::default() });
            }
        }
        let least = self.size(&key("minMemoryOverhead"), 384 << 20)?;
        let default = if *master == Master::Kubernetes {
            let share = if self.is_not_jvm() { KUBERNETES_NON_JVM_FACTOR } else { OVERHEAD_FACTOR };
            self.factor("spark.kubernetes.memoryOverheadFactor", share)?
        } else {
            OVERHEAD_FACTOR
        };
        let factor = self.factor(&key("memoryOverheadFactor"), default)?;
        Ok(Overhead { given: None, least, factor })
    }

    /// The configuration itself tells that the application is Python or R.
    fn is_not_jvm(&self) -> bool {
        let value = |key: &str| (self.0)(key).map_or("", |text| text.trim());
        matches!(value("spark.kubernetes.resource.type"), "python" | "r") || !value("spark.submit.pyFiles").is_empty()
    }

    fn factor(&self, key: &str, default: f64) -> Result<f64, SparkConfigError> {
        let Some(text) = (self.0)(key) else { return Ok(default) };
        match text.trim().parse::<f64>() {
            Ok(factor) if (0.0..=100.0).contains(&factor) => Ok(factor),
            _ => Err(refuse(key, format!("`{text}` is no factor: write a positive number, such as 0.1"))),
        }
    }
}

fn refuse(key: &str, detail: String) -> SparkConfigError {
    SparkConfigError { key: key.to_owned(), detail }
}
