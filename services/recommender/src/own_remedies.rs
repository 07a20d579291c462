//! What Spark itself does when memory runs out, by version: a retry does not bring the same remedy again.
//!
//! | remedy | from | on | what it does |
//! |---|---|---|---|
//! | recovery mode | 4.2.0 (SPARK-55639) | Kubernetes, unless switched off | after an executor's OOM new executors run one task at a time |
//! | more cores for the retry of a task | not released (SPARK-58187) | where the increment is set | a task that ran out of memory gets more cores |
//! | splitting of skewed partitions | 3.2.0, with adaptive execution | SQL joins | a skewed join's partition is read by several tasks |

use std::collections::BTreeMap;

use paramedic_domain::Configuration;

use crate::facts::MasterKind;

/// Something that Spark did about the failure before the attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnRemedy {
    /// Executors started after an OOM run one task at a time (`spark.kubernetes.allocation.recoveryMode.enabled`).
    RecoveryMode,
    /// A task that ran out of memory is retried with more cores (`spark.task.oomRetryCpusIncrement`).
    OomRetryCpus,
    /// Adaptive execution splits skewed partitions of joins (`spark.sql.adaptive.skewJoin.enabled`).
    SkewJoin,
}

impl OwnRemedy {
    /// It runs fewer tasks at a time: fewer cores or more cores a task would be the same remedy again.
    pub const fn runs_fewer_tasks(self) -> bool {
        matches!(self, Self::RecoveryMode | Self::OomRetryCpus)
    }
}

/// The remedies in force. `effective` is what the job really ran with, where its event log tells.
pub fn of(
    config: &Configuration,
    effective: &BTreeMap<String, String>,
    spark_version: Option<&str>,
    master: MasterKind,
) -> Vec<OwnRemedy> {
    let value = |key: &str| effective.get(key).or_else(|| config.get(key)).map(|text| text.trim().to_ascii_lowercase());
    let switched_off = |key: &str| value(key).as_deref() == Some("false");
    let version = spark_version.and_then(minor_version);
    let since = |major, minor| version.is_some_and(|version| version >= (major, minor));
    let mut remedies = Vec::new();
    if master == MasterKind::Kubernetes
        && since(4, 2)
        && !switched_off("spark.kubernetes.allocation.recoveryMode.enabled")
    {
        remedies.push(OwnRemedy::RecoveryMode);
    }
    // A version that does not know the key ignores it.
    let increment = value("spark.task.oomRetryCpusIncrement").and_then(|text| text.parse::<u32>().ok());
    if increment.is_some_and(|increment| increment > 0) && since(4, 2) {
        remedies.push(OwnRemedy::OomRetryCpus);
    }
    let adaptive = ["spark.sql.adaptive.enabled", "spark.sql.adaptive.skewJoin.enabled"];
    if since(3, 2) && !adaptive.into_iter().any(switched_off) {
        remedies.push(OwnRemedy::SkewJoin);
    }
    remedies
}

/// `4.2.0-preview1` is (4, 2).
fn minor_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedies(version: &str, master: MasterKind, config: &[(&str, &str)]) -> Vec<OwnRemedy> {
        of(&config.iter().copied().collect(), &BTreeMap::new(), Some(version), master)
    }

    #[test]
    fn a_remedy_depends_on_version_cluster_and_switch() {
        use OwnRemedy as R;
        let off = [("spark.kubernetes.allocation.recoveryMode.enabled", "false")];
        assert_eq!(remedies("4.2.0", MasterKind::Kubernetes, &[]), [R::RecoveryMode, R::SkewJoin]);
        assert_eq!(remedies("4.10.1", MasterKind::Kubernetes, &[]), [R::RecoveryMode, R::SkewJoin]);
        assert_eq!(remedies("4.2.0-preview1", MasterKind::Kubernetes, &off), [R::SkewJoin]);
        assert_eq!(remedies("4.1.4", MasterKind::Kubernetes, &[]), [R::SkewJoin]);
        assert_eq!(remedies("4.2.0", MasterKind::Yarn, &[]), [R::SkewJoin]);
        assert_eq!(remedies("3.1.3", MasterKind::Yarn, &[]), []);
        assert_eq!(remedies("4.2.0", MasterKind::Yarn, &[("spark.sql.adaptive.enabled", "false")]), []);
        let increment = [("spark.task.oomRetryCpusIncrement", "2")];
        assert_eq!(remedies("4.3.0", MasterKind::Yarn, &increment), [R::OomRetryCpus, R::SkewJoin]);
        assert_eq!(of(&Configuration::default(), &BTreeMap::new(), None, MasterKind::Kubernetes), []);
    }

    #[test]
    fn what_the_job_set_itself_counts() {
        let effective = BTreeMap::from([("spark.sql.adaptive.skewJoin.enabled".to_owned(), "false".to_owned())]);
        assert_eq!(of(&Configuration::default(), &effective, Some("4.1.4"), MasterKind::Yarn), []);
    }
}
