"""What others do after an out-of-memory failure, as ladders: the configurations of the first retry, the second, ...

Each takes the failed configuration, the failing side (of `SIDE_SETTINGS`, or None) and the master.
"""

from spark_memory import master_cores, mebibytes, overhead_mib

# The setting that decides each side's size, and Spark's default for it.
SIDE_SETTINGS = {
    "executor_heap": ("spark.executor.memory", "1g"),
    "gc_overhead": ("spark.executor.memory", "1g"),
    "executor_overhead": ("spark.executor.memoryOverhead", None),
    "driver_heap": ("spark.driver.memory", "1g"),
    "driver_overhead": ("spark.driver.memoryOverhead", None),
    "python_worker": ("spark.executor.pyspark.memory", "512m"),
    "driver_result_size": ("spark.driver.maxResultSize", "1g"),
    "kryo_buffer": ("spark.kryoserializer.buffer.max", "64m"),
    "offheap": ("spark.memory.offHeap.size", "512m"),
}

EXECUTOR_SIDES = {"executor_heap", "gc_overhead", "executor_overhead", "python_worker", "offheap"}
VPA_STEPS = 5


def side_mib(conf, side):
    """(setting, MiB in force) of the failing side."""
    key, default = SIDE_SETTINGS[side]
    if key in conf:
        return key, mebibytes(conf[key], default_unit="b" if key.endswith("offHeap.size") else "m")
    if default:
        return key, mebibytes(default)
    process = "driver" if side == "driver_overhead" else "executor"
    return key, overhead_mib(conf, mebibytes(conf.get(f"spark.{process}.memory", "1g")), process)


def unchanged(conf, _side, _master):
    """The scheduler's own retry, once."""
    return [conf]


def doubled(conf, side, _master):
    """The failing side's memory doubled, once."""
    key, now = side_mib(conf, side)
    return [{**conf, key: f"{int(2 * now)}m"}]


def vertical_pod_autoscaler(conf, side, _master):
    """Kubernetes' Vertical Pod Autoscaler after an OOM: max(+100 MiB, x 1.2), each time anew (its `oom-min-bump-up-bytes` and
    `oom-bump-up-ratio`). It knows containers only; here it is told which of Spark's settings ran out."""
    key, now = side_mib(conf, side)
    ladder = []
    for _ in range(VPA_STEPS):
        now = max(now + 100, now * 1.2)
        ladder.append({**conf, key: f"{int(now)}m"})
    return ladder


def pinterest(conf, side, master):
    """Pinterest's automatic memory retries, of executors only: the cores of a task doubled, where an executor has them, then
    executors of 2, 3 and 4 times the memory, as Pinterest's engineers have told of them."""
    if side not in EXECUTOR_SIDES:
        return []
    _, worker_cores, _ = master_cores(master)
    cores = int(conf.get("spark.executor.cores", worker_cores))
    task_cpus = int(conf.get("spark.task.cpus", 1))
    ladder = []
    if task_cpus * 2 <= cores:
        conf = {**conf, "spark.task.cpus": str(task_cpus * 2)}
        ladder.append(conf)
    return ladder + [larger_executors(conf, factor) for factor in (2, 3, 4)]


def larger_executors(conf, factor):
    """Every part of an executor's memory times a factor."""
    heap = mebibytes(conf.get("spark.executor.memory", "1g"))
    larger = {"spark.executor.memory": heap, "spark.executor.memoryOverhead": overhead_mib(conf, heap, "executor")}
    for key, unit in (("spark.memory.offHeap.size", "b"), ("spark.executor.pyspark.memory", "m")):
        if key in conf:
            larger[key] = mebibytes(conf[key], default_unit=unit)
    return {**conf, **{key: f"{int(factor * size)}m" for key, size in larger.items()}}


LADDERS = {"unchanged": unchanged, "doubled": doubled, "VPA": vertical_pod_autoscaler, "Pinterest": pinterest}
