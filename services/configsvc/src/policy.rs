//! Guardrails: what a patch may change, and how far. Checked when a patch comes in, and again whenever it is applied,
//! because the policy may have changed in between and a `copy` has its value only then.

use json_patch::PatchOperation;
use paramedic_domain::{Configuration, Policy, Validate, Violation, validation::escape_pointer_token};

use crate::{
    operation,
    value::{Kind, shown},
};

/// Every operation of `patch` that could never be applied under the policy; `pointer` is the patch's own.
pub(crate) fn check_patch(policy: &Policy, patch: &json_patch::Patch, pointer: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, operation) in patch.0.iter().enumerate() {
        check_operation(policy, operation, &format!("{pointer}/{index}"), &mut violations);
    }
    violations
}

fn check_operation(policy: &Policy, operation: &PatchOperation, pointer: &str, violations: &mut Vec<Violation>) {
    let mut refuse = |field: &str, detail: String| violations.push(Violation::at(format!("{pointer}/{field}"), detail));
    let (path, from) = match operation::keys(operation) {
        Ok(keys) => keys,
        Err((field, detail)) => return refuse(field, detail),
    };
    if let Some(from) = from.filter(|_| matches!(operation, PatchOperation::Move(_)))
        && let Err(detail) = check_key(policy, &from)
    {
        refuse("from", detail);
    }
    let changes = !matches!(operation, PatchOperation::Test(_));
    if changes && let Err(detail) = check_key(policy, &path) {
        refuse("path", detail);
    }
    match operation::value(operation) {
        Err(detail) => refuse("value", detail),
        Ok(Some(value)) if changes => {
            if let Err(detail) = check_value(policy, &path, value) {
                refuse("value", detail);
            }
        }
        Ok(_) => {}
    }
}

/// May this key become this value (nothing: be removed)? The reason, where not.
pub(crate) fn check_change(policy: &Policy, key: &str, to: Option<&str>) -> Result<(), String> {
    check_key(policy, key)?;
    match to {
        Some(value) => check_value(policy, key, value).map_err(|detail| format!("{key}: {detail}")),
        None => Ok(()),
    }
}

fn check_key(policy: &Policy, key: &str) -> Result<(), String> {
    if policy.allows(key) {
        Ok(())
    } else {
        Err(format!("the policy allows no patch to change `{}`; GET /v1/policy lists what it allows", shown(key)))
    }
}

fn check_value(policy: &Policy, key: &str, value: &str) -> Result<(), String> {
    // A key or value that no configuration may hold.
    if let Some(violation) = Configuration::from_iter([(key, value)]).violations().pop() {
        return Err(violation.detail);
    }
    let bound = policy.bounds.get(key);
    let kind = Kind::of(key, bound);
    let (Some(measure), Some(bound)) = (kind.parse(value)?, bound) else { return Ok(()) };
    if let Some(min) = &bound.min
        && kind.parse(min)?.is_some_and(|least| measure < least)
    {
        return Err(format!("`{}` is below the least value that the policy allows, {min}", shown(value)));
    }
    if let Some(max) = &bound.max
        && kind.parse(max)?.is_some_and(|greatest| measure > greatest)
    {
        return Err(format!("`{}` is above the greatest value that the policy allows, {max}", shown(value)));
    }
    Ok(())
}

/// What is wrong with a policy beyond its form: bounds that cannot be read, or that nothing can meet.
pub(crate) fn check_policy(policy: &Policy) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (key, bound) in &policy.bounds {
        let pointer = format!("/bounds/{}", escape_pointer_token(key));
        let kind = Kind::of(key, Some(bound));
        let mut read = |field: &str, end: Option<&String>| match end.map(|end| kind.parse(end)) {
            Some(Ok(measure)) => measure,
            Some(Err(detail)) => {
                violations.push(Violation::at(format!("{pointer}/{field}"), detail));
                None
            }
            None => None,
        };
        if let (Some(least), Some(greatest)) = (read("min", bound.min.as_ref()), read("max", bound.max.as_ref()))
            && least > greatest
        {
            violations.push(Violation::at(&pointer, "`min` is above `max`: no value could be set"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use paramedic_domain::Bound;
    use serde_json::{Value, json};

    use super::*;

    fn refused(operations: Value) -> Vec<(String, String)> {
        let patch = serde_json::from_value(operations).unwrap();
        let violations = check_patch(&Policy::default(), &patch, "/patch");
        violations.into_iter().map(|violation| (violation.pointer, violation.detail)).collect()
    }

    #[test]
    fn what_the_recommender_sets_passes() {
        let patch = json!([
            {"op": "test", "path": "/spark.app.name", "value": "any"},
            {"op": "add", "path": "/spark.executor.memory", "value": "2g"},
            {"op": "replace", "path": "/spark.memory.fraction", "value": "0.75"},
            {"op": "add", "path": "/spark.executor.cores", "value": "4"},
            {"op": "add", "path": "/spark.sql.autoBroadcastJoinThreshold", "value": "-1"},
            {"op": "add", "path": "/spark.memory.offHeap.enabled", "value": "true"},
            {"op": "copy", "from": "/spark.app.memory", "path": "/spark.driver.memory"},
            {"op": "remove", "path": "/spark.executor.memoryOverhead"},
        ]);
        assert_eq!(refused(patch), []);
    }

    #[test]
    fn each_wrong_operation_is_named_by_a_pointer() {
        for (operation, pointer, told) in [
            (json!({"op": "add", "path": "/spark.executor.memory", "value": "-1g"}), "value", "negative"),
            (json!({"op": "add", "path": "/spark.executor.memory", "value": "999999t"}), "value", "256g"),
            (json!({"op": "add", "path": "/spark.executor.memory", "value": "1m"}), "value", "471859200b"),
            (json!({"op": "add", "path": "/spark.executor.memory", "value": "lots"}), "value", "`lots`"),
            (json!({"op": "add", "path": "/spark.executor.memory", "value": 2}), "value", "\"2\""),
            (json!({"op": "add", "path": "/spark.executor.memory", "value": null}), "value", "remove"),
            (json!({"op": "add", "path": "/spark.executor.memory", "value": {}}), "value", "text"),
            (json!({"op": "add", "path": "/spark.executor.cores", "value": "1.5"}), "value", "whole number"),
            (json!({"op": "add", "path": "/spark.executor.cores", "value": "33"}), "value", "32"),
            (json!({"op": "add", "path": "/spark.memory.fraction", "value": "0.95"}), "value", "0.9"),
            (json!({"op": "add", "path": "/spark.sql.autoBroadcastJoinThreshold", "value": "-2"}), "value", "-1"),
            (json!({"op": "add", "path": "/spark.driver.extraJavaOptions", "value": "-agentpath:x"}), "path", "policy"),
            (json!({"op": "remove", "path": "/spark.master"}), "path", "policy"),
            (json!({"op": "move", "from": "/spark.master", "path": "/spark.driver.memory"}), "from", "policy"),
            (json!({"op": "add", "path": "", "value": {}}), "path", "whole configuration"),
            (json!({"op": "remove", "path": ""}), "path", "whole configuration"),
            (json!({"op": "add", "path": "/spark.executor.memory/0", "value": "1g"}), "path", "flat"),
            (json!({"op": "copy", "from": "", "path": "/spark.driver.memory"}), "from", "whole configuration"),
            (json!({"op": "test", "path": "/spark.executor.cores", "value": 4}), "value", "\"4\""),
        ] {
            let violations = refused(json!([operation]));
            let [(at, detail)] = &violations[..] else { panic!("{operation}: {violations:?}") };
            assert_eq!(at, &format!("/patch/0/{pointer}"), "{operation}");
            assert!(detail.contains(told), "{operation}: {detail}");
        }
    }

    #[test]
    fn a_prefix_without_a_bound_still_knows_a_size() {
        let policy = Policy { allowed_keys: vec!["spark.*".into()], bounds: std::collections::BTreeMap::new() };
        assert!(check_change(&policy, "spark.executor.memory", Some("-1g")).unwrap_err().contains("negative"));
        assert_eq!(check_change(&policy, "spark.executor.memory", Some("9t")), Ok(()));
        assert_eq!(check_change(&policy, "spark.speculation", Some("anything")), Ok(()));
        assert!(check_change(&policy, "spark.speculation", Some("a\0b")).is_err());
        assert_eq!(check_change(&policy, "spark.speculation", None), Ok(()));
        assert!(check_change(&policy, "hive.x", None).is_err());
    }

    #[test]
    fn a_policy_that_nothing_could_meet_is_refused() {
        assert_eq!(check_policy(&Policy::default()), []);
        let mut policy = Policy::default();
        let bound = |min: &str, max: &str| Bound { min: Some(min.into()), max: Some(max.into()) };
        policy.bounds.insert("spark.executor.memory".into(), bound("2g", "1g"));
        policy.bounds.insert("spark.executor.cores".into(), bound("few", "many"));
        policy.bounds.insert("spark.driver.memory".into(), bound("1g", "1.5g"));
        let pointers: Vec<_> = check_policy(&policy).into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/bounds/spark.driver.memory/max",
                "/bounds/spark.executor.cores/min",
                "/bounds/spark.executor.cores/max",
                "/bounds/spark.executor.memory",
            ]
        );
    }
}
