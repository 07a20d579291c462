//! Laws of mutate.

use paramedic_domain::{
    AppliedPatch, Bound, Configuration, MutateResponse, NewPatch, Patch, PatchStatus, Policy, Provenance, Scope,
    SkippedPatch, Timestamp,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::answer::Answer;

fn patch(number: usize, scope: Scope, priority: i32, created_at: i64, operations: Value) -> Patch {
    Patch {
        id: PatchId::of(&number.to_string()),
        version: 1,
        status: PatchStatus::Active,
        content: NewPatch {
            scope,
            patch: serde_json::from_value(operations).unwrap(),
            source: "test".into(),
            priority,
            ..NewPatch::default()
        },
        uses: 0,
        created_by: "test".into(),
        created_at: Timestamp::from_microseconds(created_at),
        updated_at: Timestamp::from_microseconds(created_at),
    }
}

fn job() -> Job {
    serde_json::from_value(json!({"scheduler": "s", "workflow": "w", "job": "j", "run": "r", "attempt": 1})).unwrap()
}

fn in_order(patches: &mut [Patch]) {
    patches.sort_by_key(|patch| Prepared::new(patch.clone()).precedence());
}

/// As the service does, without a store.
fn mutate(config: &Configuration, patches: &[Patch], policy: &Policy) -> MutateResponse {
    let own = Entries::of(config);
    let patches: Vec<_> = patches.iter().map(|patch| Arc::new(Prepared::new(patch.clone()))).collect();
    let rules = Arc::new(Rules::new(policy.clone(), 1));
    let mutated = super::mutate(&own, &job(), &patches, &rules, None);
    let answer = Answer { patches, mutated, gone: Vec::new(), rules, freeze: None, degraded: Vec::new() };
    answer.response(&own)
}

fn everywhere(number: usize, operations: Value) -> Patch {
    patch(number, Scope::default(), 0, 0, operations)
}

fn anything_goes() -> Policy {
    Policy {
        allowed_keys: vec!["*".into()],
        bounds: BTreeMap::new(),
        forbidden_keys: Vec::new(),
        scoped_bounds: Vec::new(),
        node_memory_bytes: None,
    }
}

fn config(entries: &[(&str, &str)]) -> Configuration {
    entries.iter().copied().collect()
}

fn add(key: &str, value: &str) -> Value {
    json!([{"op": "add", "path": format!("/{key}"), "value": value}])
}

#[test]
fn the_more_specific_then_the_higher_priority_then_the_newer_has_the_last_word() {
    let workflow = || Scope { workflow: Some("w".into()), ..Scope::default() };
    let mut patches = [
        patch(1, workflow(), -9, 0, add("k", "specific")),
        patch(2, Scope::default(), 9, 9, add("k", "urgent")),
        patch(3, Scope::default(), 0, 2, add("k", "newer")),
        patch(4, Scope::default(), 0, 1, add("k", "older")),
    ];
    in_order(&mut patches);
    let ids: Vec<_> = patches.iter().map(|patch| patch.id).collect();
    assert_eq!(ids, ["4", "3", "2", "1"].map(PatchId::of));
    let answer = mutate(&config(&[]), &patches, &anything_goes());
    assert_eq!(answer.config, config(&[("k", "specific")]));
    assert_eq!(
        answer.provenance["k"],
        Provenance { patch_id: PatchId::of("1"), from: Some("urgent".into()), to: Some("specific".into()) }
    );
    assert_eq!(answer.applied.len(), 4);
}

#[test]
fn a_patch_that_fails_in_its_last_operation_leaves_nothing() {
    let before = config(&[("a", "1"), ("b", "2")]);
    for last in [
        json!({"op": "test", "path": "/a", "value": "other"}),
        json!({"op": "remove", "path": "/missing"}),
        json!({"op": "replace", "path": "/missing", "value": "x"}),
        json!({"op": "move", "from": "/missing", "path": "/a"}),
        json!({"op": "add", "path": "/a/b", "value": "x"}),
        json!({"op": "add", "path": "", "value": {}}),
        json!({"op": "move", "from": "/a", "path": ""}),
        json!({"op": "add", "path": "/a", "value": 5}),
        json!({"op": "add", "path": "/a", "value": {"x": "y"}}),
    ] {
        let operations = json!([
            {"op": "add", "path": "/c", "value": "3"}, {"op": "remove", "path": "/b"},
            {"op": "move", "from": "/a", "path": "/d"}, {"op": "move", "from": "/d", "path": "/a"}, last
        ]);
        let answer = mutate(&before, &[everywhere(1, operations), everywhere(2, add("z", "9"))], &anything_goes());
        assert_eq!(answer.config, config(&[("a", "1"), ("b", "2"), ("z", "9")]), "{last}");
        let [skipped] = &answer.skipped[..] else { panic!("{last}") };
        assert!(skipped.patch_id == PatchId::of("1") && skipped.reason.len() > 10, "{}", skipped.reason);
        assert_eq!(answer.provenance.keys().collect::<Vec<_>>(), ["z"]);
    }
}

#[test]
fn the_policy_is_asked_again_when_a_patch_is_applied() {
    let before = config(&[("huge", "900g"), ("spark.master", "local"), ("spark.executor.memory", "1g")]);
    for operations in [
        json!([{"op": "copy", "from": "/huge", "path": "/spark.executor.memory"}]),
        json!([{"op": "move", "from": "/spark.master", "path": "/spark.driver.memory"}]),
        json!([{"op": "add", "path": "/spark.executor.memory", "value": "2g"},
               {"op": "add", "path": "/spark.executor.cores", "value": "64"}]),
    ] {
        let answer = mutate(&before, &[everywhere(1, operations)], &Policy::default());
        assert_eq!(answer.config, before);
        assert_eq!((answer.skipped.len(), answer.provenance.len()), (1, 0));
    }
}

#[test]
fn a_patch_that_changes_nothing_is_applied_and_has_no_provenance() {
    let before = config(&[("k", "v")]);
    let answer = mutate(&before, &[everywhere(1, add("k", "v"))], &anything_goes());
    assert_eq!((answer.config, answer.applied.len(), answer.provenance.len()), (before, 1, 0));
}

#[test]
fn an_unset_key_is_null_in_provenance() {
    let patches = [everywhere(1, add("new", "1")), everywhere(2, json!([{"op": "remove", "path": "/old"}]))];
    let answer = mutate(&config(&[("old", "0")]), &patches, &anything_goes());
    let shown = serde_json::to_value(&answer.provenance).unwrap();
    assert_eq!((&shown["new"]["from"], &shown["old"]["to"]), (&Value::Null, &Value::Null));
    assert_eq!((&shown["new"]["to"], &shown["old"]["from"]), (&json!("1"), &json!("0")));
}

#[test]
fn keys_with_slashes_and_tildes_are_escaped_in_paths_and_plain_in_the_answer() {
    let answer = mutate(&config(&[]), &[everywhere(1, add("a~1b~0c", "v"))], &anything_goes());
    assert_eq!(answer.config, config(&[("a/b~c", "v")]));
    assert!(answer.provenance.contains_key("a/b~c"));
}

#[test]
fn a_configuration_does_not_grow_past_its_limit() {
    let full: Configuration = (0..ENTRIES_MAX).map(|number| (format!("k{number}"), "v")).collect();
    let answer = mutate(&full, &[everywhere(1, add("one.more", "v"))], &anything_goes());
    assert_eq!((answer.config, answer.skipped.len()), (full, 1));
}

fn operation() -> impl Strategy<Value = Value> {
    let path = || prop_oneof![9 => "/[abc]", 1 => prop_oneof![Just(String::new()), Just("/a/b".to_owned()), Just("/-".to_owned())]];
    let value =
        || prop_oneof![9 => "[xy]".prop_map(Value::from), 1 => prop_oneof![Just(json!(1)), Just(json!({"a": "x"}))]];
    prop_oneof![
        (path(), value()).prop_map(|(path, value)| json!({"op": "add", "path": path, "value": value})),
        (path(), value()).prop_map(|(path, value)| json!({"op": "replace", "path": path, "value": value})),
        (path(), value()).prop_map(|(path, value)| json!({"op": "test", "path": path, "value": value})),
        path().prop_map(|path| json!({"op": "remove", "path": path})),
        (path(), path()).prop_map(|(from, path)| json!({"op": "move", "from": from, "path": path})),
        (path(), path()).prop_map(|(from, path)| json!({"op": "copy", "from": from, "path": path})),
    ]
}

fn patches() -> impl Strategy<Value = Vec<Patch>> {
    let one = (proptest::collection::vec(operation(), 1..5), proptest::option::of("[w]"), -1..2_i32, 0..3_i64);
    proptest::collection::vec(one, 0..6).prop_map(|all| {
        let number = |(number, (operations, workflow, priority, created_at)): (usize, (Vec<Value>, _, _, _))| {
            patch(number, Scope { workflow, ..Scope::default() }, priority, created_at, Value::Array(operations))
        };
        all.into_iter().enumerate().map(number).collect()
    })
}

/// `c` is out of bounds for a patch, and so is `y` for `b`.
fn narrow() -> Policy {
    let bound = Bound { min: Some("1".into()), max: None };
    let bounds = BTreeMap::from([("b".to_owned(), bound)]);
    Policy { allowed_keys: vec!["a".into(), "b".into()], bounds, ..Policy::default() }
}

fn owned(number: usize, source: &str, only_if: &[(&str, Option<&str>)], operations: Value) -> Patch {
    let mut patch = everywhere(number, operations);
    patch.content.source = source.into();
    let only_if = only_if.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)));
    patch.content.only_if = only_if.collect();
    patch
}

#[test]
fn a_weaker_owner_leaves_alone_what_a_stronger_one_set() {
    let patches = [
        owned(1, "operator", &[], add("a", "1")),
        owned(
            2,
            "recommender",
            &[],
            json!([{"op": "add", "path": "/a", "value": "2"}, {"op": "add", "path": "/b", "value": "2"}]),
        ),
        owned(3, "recommender", &[], add("a", "1")),
        owned(4, "operator", &[], add("a", "3")),
    ];
    let answer = mutate(&config(&[("a", "0")]), &patches, &anything_goes());
    assert_eq!(answer.config, config(&[("a", "3")]));
    let [SkippedPatch { patch_id, code, reason }] = &answer.skipped[..] else { panic!("{answer:?}") };
    assert_eq!((*patch_id, *code), (PatchId::of("2"), SkipCode::Owned));
    assert!(reason.contains("operator") && reason.contains(&PatchId::of("1").to_string()), "{reason}");
    assert_eq!(answer.applied.len(), 3, "to set what is set already takes nothing from anyone");
}

#[test]
fn a_patch_for_a_job_that_was_edited_meanwhile_is_skipped() {
    let before = config(&[("a", "1")]);
    for (only_if, applies) in [
        (("a", Some("1")), true),
        (("a", Some("9")), true),
        (("a", Some("2")), false),
        (("a", None), false),
        (("b", None), true),
        (("b", Some("")), false),
    ] {
        // Another patch's value is not the job's own.
        let patches = [everywhere(1, add("a", "9")), owned(2, "recommender", &[only_if], add("c", "3"))];
        let answer = mutate(&before, &patches, &anything_goes());
        assert_eq!(answer.config.contains_key("c"), applies, "{only_if:?}");
        assert!(applies || answer.skipped[0].code == SkipCode::Precondition, "{only_if:?}");
    }
}

#[test]
fn a_merge_patch_sets_and_unsets_and_misses_nothing() {
    let mut patch = everywhere(1, json!([{"op": "add", "path": "/a", "value": "1"}]));
    patch.content.merge =
        [("a", Some("2")), ("b", None), ("missing", None)].map(|(k, v)| (k.to_owned(), v.map(str::to_owned))).into();
    let answer = mutate(&config(&[("b", "0")]), &[patch], &anything_goes());
    assert_eq!((answer.config, answer.skipped.len()), (config(&[("a", "2")]), 0));
}

#[test]
fn the_sum_of_two_patches_does_not_outgrow_the_node() {
    let policy = Policy { node_memory_bytes: Some(8 << 30), ..Policy::default() };
    let patches = [
        everywhere(1, add("spark.executor.memory", "6g")),
        everywhere(2, add("spark.executor.memoryOverhead", "4g")),
        everywhere(3, add("spark.executor.memoryOverhead", "1g")),
    ];
    let answer = mutate(&config(&[]), &patches, &policy);
    assert_eq!(answer.config, config(&[("spark.executor.memory", "6g"), ("spark.executor.memoryOverhead", "1g")]));
    assert_eq!((answer.skipped[0].patch_id, answer.skipped[0].code), (PatchId::of("2"), SkipCode::Policy));
}

proptest! {
    /// Of the patches that were applied, no weaker owner's changed a key after a stronger one's, and each skip for that
    /// names a stronger owner that is there.
    #[test]
    fn owners_only_grow_stronger(
        before in proptest::collection::btree_map("[abc]", "[xy1]", 0..4),
        patches in patches(),
        sources in proptest::collection::vec(prop_oneof![Just("recommender"), Just("right-sizing"), Just("team a"), Just("operator")], 6),
    ) {
        let before = Configuration(before);
        let mut patches = patches;
        for (patch, source) in patches.iter_mut().zip(sources) {
            patch.content.source = source.into();
        }
        in_order(&mut patches);
        let answer = mutate(&before, &patches, &anything_goes());
        let by_id = |id: PatchId| patches.iter().find(|patch| patch.id == id).unwrap();
        // Replayed one by one, each applied patch is at least as strong as whoever set the keys that it changes.
        let mut owners: BTreeMap<String, Owner> = BTreeMap::new();
        let mut so_far = before;
        for AppliedPatch { patch_id, .. } in &answer.applied {
            let patch = by_id(*patch_id);
            let step = mutate(&so_far, std::slice::from_ref(patch), &anything_goes());
            for key in step.provenance.keys() {
                let owner = owners.entry(key.clone()).or_insert(patch.content.owner());
                prop_assert!(*owner <= patch.content.owner());
                *owner = patch.content.owner();
            }
            so_far = step.config;
        }
        prop_assert_eq!(&so_far, &answer.config);
        for skipped in answer.skipped.iter().filter(|skipped| skipped.code == SkipCode::Owned) {
            let weaker = by_id(skipped.patch_id).content.owner();
            prop_assert!(owners.values().any(|owner| *owner > weaker));
        }
    }

    /// Patches that were skipped might as well not have been there.
    #[test]
    fn skipped_patches_leave_no_trace(
        before in proptest::collection::btree_map("[abc]", "[xy1]", 0..4),
        patches in patches(),
        bounded in any::<bool>(),
    ) {
        let before = Configuration(before);
        let policy = if bounded { narrow() } else { anything_goes() };
        let answer = mutate(&before, &patches, &policy);
        prop_assert_eq!(answer.applied.len() + answer.skipped.len(), patches.len());
        let applied: BTreeSet<_> = answer.applied.iter().map(|applied| applied.patch_id).collect();
        let kept: Vec<_> = patches.into_iter().filter(|patch| applied.contains(&patch.id)).collect();
        let again = mutate(&before, &kept, &policy);
        prop_assert_eq!(&again.config, &answer.config);
        prop_assert_eq!(&again.provenance, &answer.provenance);
        prop_assert!(again.skipped.is_empty());
    }

    /// Provenance explains the whole difference, and ends where the configuration is.
    #[test]
    fn provenance_agrees_with_the_result(
        before in proptest::collection::btree_map("[abc]", "[xy1]", 0..4),
        patches in patches(),
    ) {
        let before = Configuration(before);
        let answer = mutate(&before, &patches, &anything_goes());
        for (key, provenance) in &answer.provenance {
            prop_assert_eq!(provenance.to.as_ref(), answer.config.get(key));
            prop_assert_ne!(&provenance.from, &provenance.to);
        }
        for key in before.keys().chain(answer.config.keys()) {
            let same = before.get(key) == answer.config.get(key);
            prop_assert!(same || answer.provenance.contains_key(key), "{} changed and nobody did it", key);
        }
    }

    /// No key that the policy does not allow, and no value out of its bounds, comes from a patch.
    #[test]
    fn no_patch_leaves_the_policy(
        before in proptest::collection::btree_map("[abc]", "[xy1]", 0..4),
        patches in patches(),
    ) {
        let before = Configuration(before);
        let answer = mutate(&before, &patches, &narrow());
        prop_assert_eq!(before.get("c"), answer.config.get("c"));
        let b = answer.config.get("b");
        prop_assert!(b.is_none() || b == before.get("b") || b.is_some_and(|value| value == "1"));
    }

    /// The order is total: however the store lists patches, the answer is the same.
    #[test]
    fn the_answer_does_not_depend_on_the_order_of_arrival(patches in patches(), seed in any::<u64>()) {
        let mut sorted = patches.clone();
        in_order(&mut sorted);
        let mut shuffled = patches;
        let length = shuffled.len();
        for index in 0..length {
            shuffled.swap(index, (seed as usize).wrapping_add(index * 7) % length);
        }
        in_order(&mut shuffled);
        prop_assert_eq!(&sorted, &shuffled);
        for pair in sorted.windows(2) {
            let [earlier, later] = pair else { unreachable!() };
            prop_assert!(earlier.content.scope.specificity() <= later.content.scope.specificity());
        }
    }
}
