//! Spark's memory model: what a configuration gives to whom.
//!
//! Sources, Spark 4.1: `UnifiedMemoryManager` (300 MiB reserved; unified region; half for storage), `ExecutionMemoryPool`
//! (a task gets between 1/(2N) and 1/N of the region), `ResourceProfile.calculateOverHeadMemory` (the greater of a
//! minimum and a share of the heap), `YarnSparkHadoopUtil`, `KubernetesConf`.

use paramedic_domain::Configuration;

use crate::{master::Master, size::parse_value};

/// Heap that Spark keeps for itself.
pub const RESERVED_BYTES: u64 = 300 << 20;
/// The least heap that Spark starts with: 1.5 times [`RESERVED_BYTES`].
pub const HEAP_BYTES_MIN: u64 = 471_859_200;

/// Overhead as a share of the heap, where nothing else is said.
const OVERHEAD_FACTOR: f64 = 0.1;
/// The same for Python and R on Kubernetes: `NON_JVM_MEMORY_OVERHEAD_FACTOR`.
const KUBERNETES_NON_JVM_FACTOR: f64 = 0.4;

/// The keys that the model reads: all else of a configuration makes no difference to it.
pub const KEYS: [&str; 28] = [
    "spark.master",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.executor.memoryOverheadFactor",
    "spark.executor.minMemoryOverhead",
    "spark.executor.pyspark.memory",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.dynamicAllocation.maxExecutors",
    "spark.task.cpus",
    "spark.memory.fraction",
    "spark.memory.storageFraction",
    "spark.memory.offHeap.enabled",
    "spark.memory.offHeap.size",
    "spark.kubernetes.memoryOverheadFactor",
    "spark.kubernetes.resource.type",
    "spark.submit.pyFiles",
    "spark.yarn.executor.memoryOverhead",
    "spark.yarn.driver.memoryOverhead",
    "spark.driver.memory",
    "spark.driver.memoryOverhead",
    "spark.driver.memoryOverheadFactor",
    "spark.driver.minMemoryOverhead",
    "spark.driver.cores",
    "spark.driver.maxResultSize",
    "spark.kryoserializer.buffer.max",
    "spark.sql.shuffle.partitions",
    "spark.sql.autoBroadcastJoinThreshold",
];

/// A value that Spark would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {detail}")]
pub struct SparkConfigError {
    /// The key.
    pub key: String,
    /// What is wrong with its value, and the mend.
    pub detail: String,
}

/// What a configuration gives to whom. Bytes where nothing else is said; Spark's defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryModel {
    /// One JVM for everything: `local[N]`. Then the executor's figures are the driver's.
    pub local: bool,
    /// Heap of one executor.
    pub executor_heap: u64,
    /// What its container has beside: threads, native libraries, Python.
    pub executor_overhead: u64,
    /// `spark.executor.pyspark.memory`, 0 when not set.
    pub executor_pyspark: u64,
    /// Off-heap memory, 0 when not enabled.
    pub offheap: u64,
    /// Heap, overhead, off-heap and Python memory of one executor.
    pub container: u64,
    /// Unified region: (heap − 300 MiB) × `spark.memory.fraction`.
    pub unified: u64,
    /// Part of it that storage keeps under pressure.
    pub storage: u64,
    /// Least execution memory of one of N running tasks: 1/(2N) of the region.
    pub execution_per_task_min: u64,
    /// Greatest execution memory of one of N running tasks: 1/N of the region.
    pub execution_per_task_max: u64,
    /// Heap outside the unified region and the reserve.
    pub user_memory: u64,
    /// Tasks that one executor runs at once.
    pub task_slots: u32,
    /// Cores of one executor.
    pub executor_cores: u32,
    /// Cores of one task.
    pub task_cpus: u32,
    /// Executors: configured, or what the master has.
    pub executors: u32,
    /// Heap of the driver.
    pub driver_heap: u64,
    /// What its container has beside.
    pub driver_overhead: u64,
    /// Heap and overhead of the driver.
    pub driver_container: u64,
    /// Cores of the driver.
    pub driver_cores: u32,
    /// `spark.driver.maxResultSize`; 0 is unlimited.
    pub max_result_size: u64,
    /// `spark.kryoserializer.buffer.max`.
    pub kryo_buffer_max: u64,
    /// `spark.sql.shuffle.partitions`.
    pub shuffle_partitions: u32,
    /// `spark.sql.autoBroadcastJoinThreshold`; 0 where broadcasting is off (−1).
    pub broadcast_threshold: u64,
    /// `spark.memory.fraction`.
    pub memory_fraction: f64,
    /// `spark.memory.storageFraction`.
    pub storage_fraction: f64,
}

impl MemoryModel {
    /// The model of a configuration; the first value that Spark would refuse is named.
    pub fn of(config: &Configuration) -> Result<Self, SparkConfigError> {
        let read = Reader(config);
        let master = Master::parse(config.get("spark.master").map_or("", String::as_str));
        let driver_heap = read.size("spark.driver.memory", 1 << 30)?;
        let driver_overhead = read.overhead("driver", driver_heap, &master)?;
        let executor = Executor::read(&read, &master, driver_heap, driver_overhead)?;
        let memory_fraction = read.fraction("spark.memory.fraction", 0.6)?;
        let storage_fraction = read.fraction("spark.memory.storageFraction", 0.5)?;
        let usable = executor.heap.saturating_sub(RESERVED_BYTES) as f64;
        let unified = (usable * memory_fraction) as u64;
        let slots = (executor.cores / executor.task_cpus).max(1);
        Ok(Self {
            local: executor.local,
            executor_heap: executor.heap,
            executor_overhead: executor.overhead,
            executor_pyspark: executor.pyspark,
            offheap: executor.offheap,
            container: executor.container(),
            unified,
            storage: (unified as f64 * storage_fraction) as u64,
            execution_per_task_min: unified / u64::from(slots) / 2,
            execution_per_task_max: unified / u64::from(slots),
            user_memory: (usable * (1.0 - memory_fraction)) as u64,
            task_slots: slots,
            executor_cores: executor.cores,
            task_cpus: executor.task_cpus,
            executors: executor.instances,
            driver_heap,
            driver_overhead,
            driver_container: driver_heap.saturating_add(driver_overhead),
            driver_cores: read.count("spark.driver.cores")?.unwrap_or(1),
            max_result_size: read.size("spark.driver.maxResultSize", 1 << 30)?,
            kryo_buffer_max: read.size("spark.kryoserializer.buffer.max", 64 << 20)?,
            shuffle_partitions: read.count("spark.sql.shuffle.partitions")?.unwrap_or(200),
            broadcast_threshold: read.threshold("spark.sql.autoBroadcastJoinThreshold", 10 << 20)?,
            memory_fraction,
            storage_fraction,
        })
    }
}

struct Executor {
    local: bool,
    heap: u64,
    overhead: u64,
    pyspark: u64,
    offheap: u64,
    cores: u32,
    task_cpus: u32,
    instances: u32,
}

impl Executor {
    fn read(
        read: &Reader<'_>,
        master: &Master,
        driver_heap: u64,
        driver_overhead: u64,
    ) -> Result<Self, SparkConfigError> {
        let local = matches!(master, Master::Local { .. });
        let heap = read.size("spark.executor.memory", 1 << 30)?;
        let overhead = read.overhead("executor", heap, master)?;
        let enabled =
            read.0.get("spark.memory.offHeap.enabled").is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
        let offheap = read.size("spark.memory.offHeap.size", 0)?;
        let cores = read.count("spark.executor.cores")?;
        let of_worker = match master {
            Master::Local { cores } => cores.unwrap_or(1),
            Master::LocalCluster { cores, .. } => *cores,
            _ => 1,
        };
        let cores = if local { of_worker } else { cores.unwrap_or(of_worker) }.max(1);
        let running = match master {
            Master::LocalCluster { workers, cores: all, memory_mib } => {
                workers.saturating_mul(executors_per_worker(*all, *memory_mib, cores, heap))
            }
            _ => 2,
        };
        let instances = read.count("spark.executor.instances")?.or(read.count("spark.dynamicAllocation.maxExecutors")?);
        Ok(Self {
            local,
            heap: if local { driver_heap } else { heap },
            overhead: if local { driver_overhead } else { overhead },
            pyspark: read.size("spark.executor.pyspark.memory", 0)?,
            offheap: if enabled { offheap } else { 0 },
            cores,
            task_cpus: read.count("spark.task.cpus")?.unwrap_or(1).max(1),
            instances: if local { 1 } else { instances.unwrap_or(running).max(1) },
        })
    }

    const fn container(&self) -> u64 {
        self.heap.saturating_add(self.overhead).saturating_add(self.pyspark).saturating_add(self.offheap)
    }
}

/// A standalone worker starts executors while it has cores and memory for one more.
fn executors_per_worker(worker_cores: u32, worker_mib: u64, executor_cores: u32, heap: u64) -> u32 {
    let by_memory = worker_mib / (heap >> 20).max(1);
    (worker_cores / executor_cores.max(1)).min(u32::try_from(by_memory).unwrap_or(u32::MAX)).max(1)
}

/// Reads single values.
struct Reader<'a>(&'a Configuration);

impl Reader<'_> {
    fn size(&self, key: &str, default: u64) -> Result<u64, SparkConfigError> {
        let Some(text) = self.0.get(key) else { return Ok(default) };
        parse_value(key, text).map_err(|error| refuse(key, error.to_string()))
    }

    /// Any negative size turns it off; −1 is the custom.
    fn threshold(&self, key: &str, default: u64) -> Result<u64, SparkConfigError> {
        match self.0.get(key).and_then(|text| text.trim().strip_prefix('-')) {
            Some(size) => parse_value(key, size).map(|_| 0).map_err(|error| refuse(key, error.to_string())),
            None => self.size(key, default),
        }
    }

    fn count(&self, key: &str) -> Result<Option<u32>, SparkConfigError> {
        let Some(text) = self.0.get(key) else { return Ok(None) };
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
        let Some(text) = self.0.get(key) else { return Ok(default) };
        match text.trim().parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(refuse(key, format!("`{text}` is no share: write a number from 0 to 1"))),
        }
    }

    /// Given, also by YARN's former key, or the greater of a minimum and a share of the heap.
    fn overhead(&self, role: &str, heap: u64, master: &Master) -> Result<u64, SparkConfigError> {
        let key = |name: &str| format!("spark.{role}.{name}");
        for given in [key("memoryOverhead"), format!("spark.yarn.{role}.memoryOverhead")] {
            if self.0.contains_key(&given) {
                return self.size(&given, 0);
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
        Ok(least.max((heap as f64 * factor) as u64))
    }

    /// The configuration itself tells that the application is Python or R.
    fn is_not_jvm(&self) -> bool {
        let value = |key: &str| self.0.get(key).map_or("", |text| text.trim());
        matches!(value("spark.kubernetes.resource.type"), "python" | "r") || !value("spark.submit.pyFiles").is_empty()
    }

    fn factor(&self, key: &str, default: f64) -> Result<f64, SparkConfigError> {
        let Some(text) = self.0.get(key) else { return Ok(default) };
        match text.trim().parse::<f64>() {
            Ok(factor) if (0.0..=100.0).contains(&factor) => Ok(factor),
            _ => Err(refuse(key, format!("`{text}` is no factor: write a positive number, such as 0.1"))),
        }
    }
}

fn refuse(key: &str, detail: String) -> SparkConfigError {
    SparkConfigError { key: key.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(entries: &[(&str, &str)]) -> Result<MemoryModel, SparkConfigError> {
        MemoryModel::of(&entries.iter().copied().collect())
    }

    #[test]
    fn sparks_defaults() {
        let memory = model(&[]).unwrap();
        assert_eq!(memory.executor_heap, 1 << 30);
        assert_eq!(memory.executor_overhead, 384 << 20);
        assert_eq!(memory.unified, ((1024.0 - 300.0) * 0.6 * 1_048_576.0) as u64);
        assert_eq!(memory.task_slots, 1);
    }

    #[test]
    fn one_jvm_in_local_mode() {
        let memory =
            model(&[("spark.master", "local[2]"), ("spark.driver.memory", "512m"), ("spark.executor.memory", "4g")])
                .unwrap();
        assert_eq!(memory.executor_heap, 512 << 20);
        assert_eq!(memory.task_slots, 2);
    }

    #[test]
    fn a_workers_cores_and_task_cpus() {
        let memory = model(&[("spark.master", "local-cluster[1,4,8192]"), ("spark.task.cpus", "2")]).unwrap();
        assert_eq!((memory.executor_cores, memory.task_slots), (4, 2));
    }

    #[test]
    fn off_heap_counts_when_enabled() {
        let size = ("spark.memory.offHeap.size", "1g");
        assert_eq!(model(&[size]).unwrap().offheap, 0);
        assert_eq!(model(&[size, ("spark.memory.offHeap.enabled", "true")]).unwrap().offheap, 1 << 30);
    }

    #[test]
    fn overhead_is_given_or_a_share() {
        let overhead = |entries: &[(&str, &str)]| model(entries).unwrap().executor_overhead >> 20;
        let heap = ("spark.executor.memory", "10g");
        assert_eq!(overhead(&[heap]), 1024);
        assert_eq!(overhead(&[heap, ("spark.yarn.executor.memoryOverhead", "700")]), 700);
        assert_eq!(overhead(&[heap, ("spark.executor.minMemoryOverhead", "2g")]), 2048);
        let pod = [heap, ("spark.master", "k8s://h"), ("spark.submit.pyFiles", "a.zip")];
        assert_eq!(overhead(&pod), 4096);
        let [heap, master, files] = pod;
        assert_eq!(overhead(&[heap, master, files, ("spark.kubernetes.memoryOverheadFactor", "0.2")]), 2048);
    }

    #[test]
    fn only_the_named_keys_matter() {
        let source = include_str!("memory.rs");
        let (code, _) = source.split_once("#[cfg(test)]").unwrap();
        let read = code.split('"').filter(|word| word.starts_with("spark.") && !word.contains('{'));
        read.for_each(|key| assert!(KEYS.contains(&key), "{key} is read and not in KEYS"));
    }

    #[test]
    fn a_refused_value_names_its_key() {
        let error = model(&[("spark.executor.memory", "-1g")]).unwrap_err();
        assert_eq!(error.key, "spark.executor.memory");
        assert!(model(&[("spark.memory.fraction", "7")]).is_err());
        assert!(model(&[("spark.sql.autoBroadcastJoinThreshold", "-1")]).unwrap().broadcast_threshold == 0);
        assert!(model(&[("spark.sql.autoBroadcastJoinThreshold", "--1")]).is_err());
    }
}
