//! Guardrails: what a patch may change, and how far. Checked when a patch comes in, and again whenever it is applied,
//! because the policy may have changed in between and a `copy` has its value only then.

use std::collections::{BTreeMap, HashSet};

use json_patch::PatchOperation;
use paramedic_domain::{
    Bound, Configuration, Job, NewPatch, Policy, Scope, Validate, Violation,
    configuration::{KEY_BYTES_MAX, VALUE_BYTES_MAX},
    validation::escape_pointer_token,
};

use crate::{
    live::Rules,
    memory_sum, operation,
    value::{Kind, shown},
};

/// The bounds that hold for one job, or for every job of a scope.
pub(crate) struct Bounds<'p> {
    policy: &'p Policy,
    /// See [`Rules`]; nothing where it was not worked out.
    plain: Option<&'p HashSet<String>>,
    /// Beside the policy's own.
    scoped: Vec<&'p BTreeMap<String, Bound>>,
}

impl<'p> Bounds<'p> {
    /// Those of one job.
    pub(crate) fn of(rules: &'p Rules, job: &Job) -> Self {
        Self { plain: Some(&rules.plain), ..Self::where_scoped(&rules.policy, |scope| scope.matches(job)) }
    }

    /// Those that every job in this scope has.
    fn within(policy: &'p Policy, scope: &Scope) -> Self {
        Self::where_scoped(policy, |wider| scope.is_within(wider))
    }

    fn where_scoped(policy: &'p Policy, holds: impl Fn(&Scope) -> bool) -> Self {
        let scoped = policy.scoped_bounds.iter().filter(|scoped| holds(&scoped.scope));
        Self { policy, plain: None, scoped: scoped.map(|scoped| &scoped.bounds).collect() }
    }

    pub(crate) fn node_memory_bytes(&self) -> Option<u64> {
        self.policy.node_memory_bytes
    }

    /// May this key become this value (nothing: be removed)? The reason, where not.
    pub(crate) fn check_change(&self, key: &str, to: Option<&str>) -> Result<(), String> {
        self.check_key(key)?;
        match to {
            Some(value) => self.check_value(key, value).map_err(|detail| format!("{key}: {detail}")),
            None => Ok(()),
        }
    }

    fn check_key(&self, key: &str) -> Result<(), String> {
        if self.plain.is_some_and(|plain| plain.contains(key)) || self.policy.allows(key) {
            return Ok(());
        }
        let key = shown(key);
        match self.policy.forbidden_by(&key) {
            Some(pattern) => {
                Err(format!("the policy forbids patches to change `{key}` (`{pattern}` in forbidden_keys)"))
            }
            None => Err(format!("the policy allows no patch to change `{key}`; GET /v1/policy lists what it allows")),
        }
    }

    fn check_value(&self, key: &str, value: &str) -> Result<(), String> {
        let plain = key.bytes().all(|byte| byte.is_ascii_graphic()) && key.len() <= KEY_BYTES_MAX && !key.is_empty();
        let short = value.len() <= VALUE_BYTES_MAX && !value.contains('\0');
        // A key or value that no configuration may hold.
        if !(plain && short)
            && let Some(violation) = Configuration::from_iter([(key, value)]).violations().pop()
        {
            return Err(violation.detail);
        }
        within(key, value, self.policy.bounds.get(key))?;
        self.scoped.iter().filter_map(|bounds| bounds.get(key)).try_for_each(|bound| within(key, value, Some(bound)))
    }
}

fn within(key: &str, value: &str, bound: Option<&Bound>) -> Result<(), String> {
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

/// Everything of a patch that could never be applied under the policy, by pointers into it.
pub(crate) fn check_patch(policy: &Policy, content: &NewPatch) -> Vec<Violation> {
    let bounds = Bounds::within(policy, &content.scope);
    let mut violations = Vec::new();
    for (index, operation) in content.patch.iter().enumerate() {
        check_operation(&bounds, operation, &format!("/patch/{index}"), &mut violations);
    }
    for (key, value) in &content.merge {
        if let Err(detail) = bounds.check_change(key, value.as_deref()) {
            violations.push(Violation::at(format!("/merge/{}", escape_pointer_token(key)), detail));
        }
    }
    if violations.is_empty()
        && let Some(node) = policy.node_memory_bytes
    {
        let values = values_of(content);
        let sum = memory_sum::check(node, |_| None, |key| values.get(key).copied());
        violations.extend(sum.err().map(|detail| Violation::at("/patch", detail)));
    }
    violations
}

/// What the patch sets whatever the job's configuration is.
fn values_of(content: &NewPatch) -> BTreeMap<String, &str> {
    let mut values = BTreeMap::new();
    for operation in content.patch.iter().filter(|operation| !matches!(operation, PatchOperation::Test(_))) {
        let Ok((key, _)) = operation::keys(operation) else { continue };
        match operation::value(operation) {
            Ok(Some(value)) => drop(values.insert(key, value)),
            _ => drop(values.remove(&key)),
        }
    }
    for (key, value) in &content.merge {
        match value {
            Some(value) => drop(values.insert(key.clone(), value.as_str())),
            None => drop(values.remove(key)),
        }
    }
    values
}

fn check_operation(bounds: &Bounds<'_>, operation: &PatchOperation, pointer: &str, violations: &mut Vec<Violation>) {
    let mut refuse = |field: &str, detail: String| violations.push(Violation::at(format!("{pointer}/{field}"), detail));
    let (path, from) = match operation::keys(operation) {
        Ok(keys) => keys,
        Err((field, detail)) => return refuse(field, detail),
    };
    if let Some(from) = from.filter(|_| matches!(operation, PatchOperation::Move(_)))
        && let Err(detail) = bounds.check_key(&from)
    {
        refuse("from", detail);
    }
    let changes = !matches!(operation, PatchOperation::Test(_));
    if changes && let Err(detail) = bounds.check_key(&path) {
        refuse("path", detail);
    }
    match operation::value(operation) {
        Err(detail) => refuse("value", detail),
        Ok(Some(value)) if changes => {
            if let Err(detail) = bounds.check_value(&path, value) {
                refuse("value", detail);
            }
        }
        Ok(_) => {}
    }
}

/// What is wrong with a policy beyond its form: bounds that cannot be read, or that nothing can meet.
pub(crate) fn check_policy(policy: &Policy) -> Vec<Violation> {
    let mut violations = Vec::new();
    check_bounds(&policy.bounds, "/bounds", &mut violations);
    for (index, scoped) in policy.scoped_bounds.iter().enumerate() {
        check_bounds(&scoped.bounds, &format!("/scoped_bounds/{index}/bounds"), &mut violations);
    }
    violations
}

fn check_bounds(bounds: &BTreeMap<String, Bound>, pointer: &str, violations: &mut Vec<Violation>) {
    for (key, bound) in bounds {
        let pointer = format!("{pointer}/{}", escape_pointer_token(key));
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
}

#[cfg(test)]
mod tests {
    use paramedic_domain::ScopedBounds;
    use serde_json::{Value, json};

    use super::*;

    fn refused(operations: Value) -> Vec<(String, String)> {
        let patch = serde_json::from_value(operations).unwrap();
        let content = NewPatch { patch, ..NewPatch::default() };
        let violations = check_patch(&Policy::default(), &content);
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
        let policy = Policy { allowed_keys: vec!["spark.*".into()], bounds: BTreeMap::new(), ..Policy::default() };
        let bounds = Bounds::within(&policy, &Scope::default());
        let check = |key, value| bounds.check_change(key, value);
        assert!(check("spark.executor.memory", Some("-1g")).unwrap_err().contains("negative"));
        assert_eq!(check("spark.executor.memory", Some("9t")), Ok(()));
        assert_eq!(check("spark.speculation", Some("anything")), Ok(()));
        assert!(check("spark.speculation", Some("a\0b")).is_err());
        assert_eq!(check("spark.speculation", None), Ok(()));
        assert!(check("hive.x", None).is_err());
        assert!(check("spark.jars", Some("x")).unwrap_err().contains("spark.jars*"));
    }

    #[test]
    fn scoped_bounds_hold_where_every_job_of_the_patch_is_in_their_scope() {
        let scope =
            |job: Option<&str>| Scope { workflow: Some("w".into()), job: job.map(Into::into), ..Scope::default() };
        let max = Bound { min: None, max: Some("2g".into()) };
        let mut policy = Policy::default();
        let bounds = BTreeMap::from([("spark.executor.memory".to_owned(), max)]);
        policy.scoped_bounds.push(ScopedBounds { scope: scope(None), bounds });
        let refused = |scope| {
            let merge = BTreeMap::from([("spark.executor.memory".to_owned(), Some("3g".to_owned()))]);
            check_patch(&policy, &NewPatch { scope, merge, ..NewPatch::default() })
        };
        assert_eq!(refused(scope(Some("j")))[0].pointer, "/merge/spark.executor.memory");
        assert_eq!(refused(Scope::default()), [], "whether it may is seen at each job");
    }

    #[test]
    fn a_patch_whose_parts_fit_and_whose_sum_does_not_is_refused() {
        let set = |key: &str, value: &str| json!({"op": "add", "path": format!("/{key}"), "value": value});
        let found = refused(json!([
            set("spark.executor.memory", "256g"),
            set("spark.executor.memoryOverhead", "128g"),
            set("spark.executor.pyspark.memory", "128g"),
            set("spark.executor.pyspark.memory", "128g"),
        ]));
        assert_eq!(found, []);
        let found = refused(json!([
            set("spark.executor.memory", "256g"),
            set("spark.executor.memoryOverhead", "128g"),
            set("spark.executor.pyspark.memory", "128g"),
            set("spark.memory.offHeap.enabled", "true"),
            set("spark.memory.offHeap.size", "1g"),
        ]));
        assert!(found[0].1.contains("512g"), "{found:?}");
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
