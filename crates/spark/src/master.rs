//! Where a job runs: `spark.master`.

use paramedic_domain::ClusterLimits;

/// A master URL, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    /// `local`, `local[N]`, `local[*]`, `local[N,F]`: one JVM.
    Local {
        /// Threads; `None` for `*`.
        cores: Option<u32>,
    },
    /// `local-cluster[workers,cores,memory]`: separate executor JVMs on this host.
    LocalCluster {
        /// Workers.
        workers: u32,
        /// Cores of each.
        cores: u32,
        /// Memory of each, in MiB.
        memory_mib: u64,
    },
    /// `spark://…`.
    Standalone,
    /// `yarn`.
    Yarn,
    /// `k8s://…`.
    Kubernetes,
    /// Something else, or nothing.
    Other,
}

impl Master {
    /// Reads a master URL; anything unknown is [`Master::Other`].
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(arguments) = bracketed(text, "local-cluster") {
            let mut numbers = arguments.split(',').map(|number| number.trim().parse::<u64>().ok());
            if let (Some(Some(workers)), Some(Some(cores)), Some(Some(memory_mib))) =
                (numbers.next(), numbers.next(), numbers.next())
            {
                let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                return Self::LocalCluster { workers: small(workers), cores: small(cores), memory_mib };
            }
            return Self::Other;
        }
        if text == "local" {
            return Self::Local { cores: Some(1) };
        }
        if let Some(arguments) = bracketed(text, "local") {
            let first = arguments.split(',').next().unwrap_or_default().trim();
            return if first == "*" {
                Self::Local { cores: None }
            } else {
                first.parse().map_or(Self::Other, |cores| Self::Local { cores: Some(cores) })
            };
        }
        match text {
            "yarn" | "yarn-client" | "yarn-cluster" => Self::Yarn,
            _ if text.starts_with("spark://") => Self::Standalone,
            _ if text.starts_with("k8s://") => Self::Kubernetes,
            _ => Self::Other,
        }
    }

    /// What this master itself says that an executor can get. A worker of `local-cluster` gives its memory to executor
    /// heaps (and off-heap memory) alone.
    pub fn limits(&self) -> ClusterLimits {
        match self {
            Self::LocalCluster { cores, memory_mib, .. } => ClusterLimits {
                executor_memory_bytes: memory_mib.checked_mul(1 << 20),
                executor_cores: Some(*cores),
                driver_memory_bytes: None,
            },
            _ => ClusterLimits::default(),
        }
    }
}

fn bracketed<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?.trim().strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_told_apart() {
        assert_eq!(Master::parse("local[2]"), Master::Local { cores: Some(2) });
        assert_eq!(Master::parse("local[*, 4]"), Master::Local { cores: None });
        assert_eq!(
            Master::parse("local-cluster[1, 2 ,8192]"),
            Master::LocalCluster { workers: 1, cores: 2, memory_mib: 8192 }
        );
        assert_eq!(Master::parse("local-cluster[1,2]"), Master::Other);
        assert_eq!(Master::parse("yarn"), Master::Yarn);
        assert_eq!(Master::parse("k8s://https://x:6443"), Master::Kubernetes);
        assert_eq!(Master::parse(""), Master::Other);
        assert_eq!(Master::parse("local-cluster[1,1,1024]").limits().executor_memory_bytes, Some(1 << 30));
    }
}
