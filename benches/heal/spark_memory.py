"""What a Spark configuration asks of a cluster, and what that costs by the hour."""

import re

MIB = 1
GIB = 1024 * MIB

# A public serverless Spark price; the services' own price table has the same defaults.
USD_PER_VCORE_HOUR = 0.0526
USD_PER_GB_HOUR = 0.0058

OVERHEAD_MIN_MIB = 384
OVERHEAD_FACTOR = 0.10

_UNITS = {"b": 1 / 1024**2, "k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2, "p": 1024**3}
_SIZE = re.compile(r"^(\d+)([bkmgtp]?)b?$")


def mebibytes(text, default_unit="m"):
    """A Spark size string in MiB: `512m`, `2g`, `1073741824b`; a bare number is in `default_unit`."""
    match = _SIZE.match(text.strip().lower())
    if not match:
        raise ValueError(f"{text!r} is no Spark size")
    return int(match.group(1)) * _UNITS[match.group(2) or default_unit]


def master_cores(master):
    """(executors, cores of each, MiB of each worker) of `local[n]` or `local-cluster[workers,cores,MiB]`."""
    cluster = re.match(r"^local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*]$", master)
    if cluster:
        return tuple(int(number) for number in cluster.groups())
    local = re.match(r"^local(?:\[(\d+)])?$", master)
    if local:
        return 0, int(local.group(1) or 1), 0
    raise ValueError(f"{master!r} is neither local[n] nor local-cluster[workers,cores,memory]")


def overhead_mib(conf, heap_mib, side):
    """Memory of a container beside the heap, as YARN and Kubernetes reckon it; `side` is executor or driver."""
    explicit = conf.get(f"spark.{side}.memoryOverhead")
    if explicit:
        return mebibytes(explicit)
    factor = float(conf.get(f"spark.{side}.memoryOverheadFactor", OVERHEAD_FACTOR))
    minimum = mebibytes(conf.get(f"spark.{side}.minMemoryOverhead", f"{OVERHEAD_MIN_MIB}m"))
    return max(minimum, factor * heap_mib)


def executor_mib(conf):
    """Memory of one executor's container: heap, overhead, off-heap, Python."""
    heap = mebibytes(conf.get("spark.executor.memory", "1g"))
    total = heap + overhead_mib(conf, heap, "executor")
    if conf.get("spark.memory.offHeap.enabled", "false").lower() == "true":
        total += mebibytes(conf.get("spark.memory.offHeap.size", "0"), default_unit="b")
    return total + mebibytes(conf.get("spark.executor.pyspark.memory", "0"))


def driver_mib(conf):
    """Memory of the driver's container."""
    heap = mebibytes(conf.get("spark.driver.memory", "1g"))
    return heap + overhead_mib(conf, heap, "driver")


def usd_per_hour(conf, master):
    """Price of an hour of this configuration on this master."""
    workers, worker_cores, worker_mib = master_cores(master)
    if workers == 0:
        return _price(worker_cores, driver_mib(conf))
    cores = int(conf.get("spark.executor.cores", worker_cores))
    heap = mebibytes(conf.get("spark.executor.memory", "1g"))
    per_worker = max(1, min(worker_cores // max(cores, 1), int(worker_mib // heap)))
    executors = min(workers * per_worker, int(conf.get("spark.executor.instances", workers * per_worker)))
    driver = _price(int(conf.get("spark.driver.cores", 1)), driver_mib(conf))
    return driver + executors * _price(cores, executor_mib(conf))


def cost_usd(conf, master, wall_s):
    """Price of a run that took `wall_s` seconds."""
    return usd_per_hour(conf, master) * wall_s / 3600


def _price(cores, memory_mib):
    return cores * USD_PER_VCORE_HOUR + memory_mib / GIB * USD_PER_GB_HOUR
