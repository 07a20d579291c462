//! What the cluster can give, as far as this host and the master's name tell.

use std::{fs, path::Path};

use paramedic_domain::{ClusterLimits, Configuration};
use paramedic_spark::Master;

/// The limits for a job with this configuration. A driver in the cluster has its host's memory, which is not known here.
pub(crate) fn limits(config: &Configuration, driver_in_cluster: bool) -> ClusterLimits {
    let master = Master::parse(config.get("spark.master").map_or("", String::as_str));
    bounded_by_host(&master, host_memory_bytes(), driver_in_cluster)
}

fn bounded_by_host(master: &Master, host_memory_bytes: Option<u64>, driver_in_cluster: bool) -> ClusterLimits {
    let mut limits = master.limits();
    if !driver_in_cluster {
        limits.driver_memory_bytes = host_memory_bytes;
    }
    if matches!(master, Master::LocalCluster { .. }) {
        let bounds = [limits.executor_memory_bytes, host_memory_bytes];
        limits.executor_memory_bytes = bounds.into_iter().flatten().min();
    }
    limits
}

/// Memory of this host, or of the container that we run in.
fn host_memory_bytes() -> Option<u64> {
    let of_host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory_total_bytes(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or("");
    let root = Path::new("/sys/fs/cgroup");
    let of_groups =
        root.join(group).ancestors().take_while(|path| path.starts_with(root)).filter_map(group_limit_bytes).min();
    [of_host, of_groups].into_iter().flatten().min()
}

fn memory_total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// `max` is no number, and no limit.
fn group_limit_bytes(group: &Path) -> Option<u64> {
    fs::read_to_string(group.join("memory.max")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn local_clusters_executors_share_the_host_and_others_do_not() {
        let of = |master: &str| bounded_by_host(&Master::parse(master), Some(4 * GIB), false);
        assert_eq!(of("local-cluster[1,2,8192]").executor_memory_bytes, Some(4 * GIB));
        assert_eq!(of("local-cluster[1,2,1024]").executor_memory_bytes, Some(GIB));
        assert_eq!(of("yarn").executor_memory_bytes, None);
        assert_eq!(of("yarn").driver_memory_bytes, Some(4 * GIB));
    }

    #[test]
    fn a_driver_in_the_cluster_is_not_bound_by_this_host() {
        assert_eq!(bounded_by_host(&Master::Yarn, Some(GIB), true).driver_memory_bytes, None);
    }

    #[test]
    fn the_hosts_memory_is_read() {
        assert_eq!(memory_total_bytes("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 * 1024 * 1024));
        assert!(host_memory_bytes().is_some_and(|bytes| bytes > 64 * 1024 * 1024));
    }
}
