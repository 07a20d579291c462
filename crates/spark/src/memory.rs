//! Spark's memory model: what a configuration gives to whom.
//!
//! Sources, Spark 4.1: `UnifiedMemoryManager` (300 MiB reserved; unified region; half for storage), `ExecutionMemoryPool`
//! (a task gets between 1/(2N) and 1/N of the region), `ResourceProfile.calculateOverHeadMemory` (the greater of a
//! minimum and a share of the heap, in whole MiB), `YarnSparkHadoopUtil` (sizes are cut to whole MiB, then added up),
//! `KubernetesConf`.

mod settings;

use paramedic_domain::Configuration;

use crate::master::Master;
pub use settings::{MemorySettings, Overhead};

/// Heap that Spark keeps for itself.
pub const RESERVED_BYTES: u64 = 300 << 20;
/// The least heap that Spark starts with: 1.5 times [`RESERVED_BYTES`].
pub const HEAP_BYTES_MIN: u64 = 471_859_200;

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
        MemorySettings::read(config).map(|settings| settings.model())
    }
}

impl MemorySettings {
    /// What these settings give to whom, in Spark's own arithmetic.
    pub fn model(&self) -> MemoryModel {
        let driver_heap = whole_mebibytes(self.driver_memory);
        let driver_overhead = self.driver_overhead.bytes(driver_heap);
        let local = matches!(self.master, Master::Local { .. });
        let heap = if local { driver_heap } else { whole_mebibytes(self.executor_memory) };
        let overhead = if local { driver_overhead } else { self.executor_overhead.bytes(heap) };
        let pyspark = whole_mebibytes(self.executor_pyspark);
        let offheap = if self.offheap_enabled { self.offheap_size } else { 0 };
        let cores = self.cores_of_executor();
        let task_cpus = self.task_cpus.max(1);
        let slots = (cores / task_cpus).max(1);
        let usable = heap.saturating_sub(RESERVED_BYTES) as f64;
        let unified = (usable * self.memory_fraction) as u64;
        MemoryModel {
            local,
            executor_heap: heap,
            executor_overhead: overhead,
            executor_pyspark: pyspark,
            offheap,
            container: heap.saturating_add(overhead).saturating_add(pyspark).saturating_add(whole_mebibytes(offheap)),
            unified,
            storage: (unified as f64 * self.storage_fraction) as u64,
            execution_per_task_min: unified / u64::from(slots) / 2,
            execution_per_task_max: unified / u64::from(slots),
            user_memory: (usable * (1.0 - self.memory_fraction)) as u64,
            task_slots: slots,
            executor_cores: cores,
            task_cpus,
            executors: if local { 1 } else { self.executors(cores, heap) },
            driver_heap,
            driver_overhead,
            driver_container: driver_heap.saturating_add(driver_overhead),
            driver_cores: self.driver_cores,
            max_result_size: self.max_result_size,
            kryo_buffer_max: self.kryo_buffer_max,
            shuffle_partitions: self.shuffle_partitions,
            broadcast_threshold: self.broadcast_threshold,
            memory_fraction: self.memory_fraction,
            storage_fraction: self.storage_fraction,
        }
    }

    fn cores_of_executor(&self) -> u32 {
        match self.master {
            Master::Local { cores } => cores.unwrap_or(1),
            Master::LocalCluster { cores, .. } => self.executor_cores.unwrap_or(cores),
            _ => self.executor_cores.unwrap_or(1),
        }
        .max(1)
    }

    fn executors(&self, cores: u32, heap: u64) -> u32 {
        let running = match self.master {
            Master::LocalCluster { workers, cores: all, memory_mib } => {
                workers.saturating_mul(executors_per_worker(all, memory_mib, cores, heap))
            }
            _ => 2,
        };
        self.executor_instances.or(self.max_executors).unwrap_or(running).max(1)
    }
}

/// Spark keeps these sizes in MiB and cuts what is over.
const fn whole_mebibytes(bytes: u64) -> u64 {
    bytes >> 20 << 20
}

/// A standalone worker starts executors while it has cores and memory for one more.
fn executors_per_worker(worker_cores: u32, worker_mib: u64, executor_cores: u32, heap: u64) -> u32 {
    let by_memory = worker_mib / (heap >> 20).max(1);
    (worker_cores / executor_cores.max(1)).min(u32::try_from(by_memory).unwrap_or(u32::MAX)).max(1)
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

    /// The share was shifted to bytes, which drops what does not fit.
    #[test]
    fn an_overhead_that_no_number_holds_stops_at_the_greatest() {
        let memory =
            model(&[("spark.executor.memory", "8191p"), ("spark.executor.memoryOverheadFactor", "100")]).unwrap();
        assert_eq!((memory.executor_overhead, memory.container), (u64::MAX, u64::MAX));
    }

    #[test]
    fn only_the_named_keys_matter() {
        let code = include_str!("memory/settings.rs");
        let read = code.split('"').filter(|word| word.starts_with("spark.") && !word.contains('{'));
        read.for_each(|key| assert!(KEYS.contains(&key), "{key} is read and not in KEYS"));
    }

    #[test]
    fn sizes_are_cut_to_whole_mebibytes_as_spark_does() {
        // 1500000 KiB are 1464.8 MiB: `-Xmx1464m`; a tenth of that is 146.4, below the least overhead.
        let memory = model(&[("spark.executor.memory", "1500000k"), ("spark.driver.memory", "5000001k")]).unwrap();
        assert_eq!((memory.executor_heap >> 20, memory.executor_heap & 0xf_ffff), (1_464, 0));
        // 4882 MiB × 0.1 = 488.2: 488 MiB.
        assert_eq!((memory.driver_heap >> 20, memory.driver_overhead), (4_882, 488 << 20));
        assert_eq!(memory.container, (1_464 + 384) << 20);
        let offheap = [("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "1500k")];
        let memory = model(&offheap).unwrap();
        assert_eq!((memory.offheap, memory.container), (1_500 << 10, (1_024 + 384 + 1) << 20));
    }

    #[test]
    fn a_changed_setting_is_what_its_text_would_be() {
        let config: Configuration = [("spark.master", "local-cluster[2,4,8192]")].into_iter().collect();
        let mut settings = MemorySettings::read(&config).unwrap();
        settings.executor_memory = 3 << 30;
        settings.task_cpus = 2;
        let text = [("spark.executor.memory", "3g"), ("spark.task.cpus", "2")];
        let written: Configuration = [("spark.master", "local-cluster[2,4,8192]")].into_iter().chain(text).collect();
        assert_eq!(settings.model(), MemoryModel::of(&written).unwrap());
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
