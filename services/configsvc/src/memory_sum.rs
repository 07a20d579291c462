//! What a container's memory is the sum of, against the largest node.

use paramedic_spark::{
    MemorySettings,
    memory::{KEYS, MemoryModel},
    size::format_bytes,
};

/// Does this key count towards the sum?
pub(crate) fn counts(key: &str) -> bool {
    KEYS.contains(&key) && (key.contains("emory") || key == "spark.master")
}

/// May a patch that made `before` into `after` do so? `value` reads each. A sum that it did not raise is not its fault, and
/// a configuration that Spark would refuse has none.
pub(crate) fn check<'a>(
    node_bytes: u64,
    before: impl Fn(&str) -> Option<&'a str>,
    after: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), String> {
    let Some(new) = model(after) else { return Ok(()) };
    if new.container <= node_bytes && new.driver_container <= node_bytes {
        return Ok(());
    }
    let old = model(before);
    for (role, new, old) in [
        ("executor", new.container, old.as_ref().map_or(0, |old| old.container)),
        ("driver", new.driver_container, old.as_ref().map_or(0, |old| old.driver_container)),
    ] {
        if new > node_bytes && new > old {
            let (new, node) = (format_bytes(new), format_bytes(node_bytes));
            return Err(format!(
                "the {role}'s container would need {new} (heap, overhead, off-heap and Python together), more than the \
                 largest node has, {node}"
            ));
        }
    }
    Ok(())
}

fn model<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<MemoryModel> {
    MemorySettings::read_by(&value).ok().map(|settings| settings.model())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(before: &[(&'static str, &'static str)], after: &[(&'static str, &'static str)]) -> Result<(), String> {
        let value = |of: &[(&'static str, &'static str)], key: &str| {
            of.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
        };
        check(4 << 30, |key| value(before, key), |key| value(after, key))
    }

    #[test]
    fn the_sum_counts_not_each_part() {
        let small = [("spark.executor.memory", "3g"), ("spark.executor.memoryOverhead", "512m")];
        assert_eq!(checked(&[], &small), Ok(()));
        let large = [("spark.executor.memory", "3g"), ("spark.executor.memoryOverhead", "2g")];
        assert!(checked(&small, &large).unwrap_err().contains("executor"));
        let python = [("spark.executor.memory", "3g"), ("spark.executor.pyspark.memory", "2g")];
        assert!(checked(&[], &python).is_err());
        assert!(checked(&[], &[("spark.driver.memory", "4g")]).unwrap_err().contains("driver"));
    }

    #[test]
    fn a_job_that_is_too_large_by_itself_may_be_lowered_and_a_broken_one_is_left() {
        let (huge, large) = ([("spark.executor.memory", "9g")], [("spark.executor.memory", "8g")]);
        assert_eq!(checked(&huge, &large), Ok(()));
        assert!(checked(&large, &huge).is_err());
        assert_eq!(checked(&[], &[("spark.executor.memory", "lots")]), Ok(()));
    }
}
