//! The values that a patch sets, and what a job's own values were before.

use std::collections::BTreeMap;

use json_patch::PatchOperation;

use crate::{configuration::Configuration, job::Job, patch::NewPatch, patch::Patch};

/// Key to value; nothing: unset.
pub type Values = BTreeMap<String, Option<String>>;

impl NewPatch {
    /// What it leaves each key at. Operations that depend on what is there (`move`, `copy`) are left out.
    pub fn values(&self) -> Values {
        let mut values = Values::new();
        for operation in &self.patch.0 {
            let (path, value) = match operation {
                PatchOperation::Add(add) => (&add.path, add.value.as_str()),
                PatchOperation::Replace(replace) => (&replace.path, replace.value.as_str()),
                PatchOperation::Remove(remove) => (&remove.path, None),
                _ => continue,
            };
            if let Some(key) = path.first() {
                values.insert(key.decoded().into_owned(), value.map(str::to_owned));
            }
        }
        values.extend(self.merge.clone());
        values
    }

    /// Did an attempt with this configuration run with what it sets?
    pub fn shows_in(&self, config: &Configuration) -> bool {
        let values = self.values();
        !values.is_empty() && values.iter().all(|(key, value)| config.get(key) == value.as_ref())
    }
}

/// The job's own values of `keys`, before any patch, of an attempt that ran with `config` and started with `patches`. A
/// key that one of them has set, and whose own value it does not tell, is left out.
pub fn own_values<'a>(keys: impl IntoIterator<Item = &'a str>, config: &Configuration, patches: &[Patch]) -> Values {
    let set_by: Vec<(Values, &Patch)> = patches.iter().map(|patch| (patch.content.values(), patch)).collect();
    let mut own = Values::new();
    for key in keys {
        let mut setters = set_by.iter().filter(|(values, _)| values.contains_key(key)).peekable();
        let value = if setters.peek().is_none() {
            Some(config.get(key).cloned())
        } else {
            setters.find_map(|(_, patch)| patch.content.only_if.get(key)).cloned()
        };
        if let Some(value) = value {
            own.insert(key.to_owned(), value);
        }
    }
    own
}

impl Patch {
    /// Is it for this job as a whole, and not for one run of it?
    pub fn is_for_job(&self, job: &Job) -> bool {
        let scope = &self.content.scope;
        scope.run.is_none() && scope.job.as_ref() == Some(&job.job) && scope.matches(job)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{id::PatchId, patch::PatchStatus, time::Timestamp};

    fn patch(content: serde_json::Value) -> Patch {
        Patch {
            id: PatchId::of("p"),
            version: 1,
            status: PatchStatus::Active,
            content: serde_json::from_value(content).unwrap(),
            uses: 0,
            created_by: "t".into(),
            created_at: Timestamp::from_microseconds(0),
            updated_at: Timestamp::from_microseconds(0),
        }
    }

    #[test]
    fn values_are_those_that_are_left() {
        let patch = patch(json!({
            "scope": {}, "source": "s",
            "patch": [{"op": "add", "path": "/a~1b", "value": "1"}, {"op": "remove", "path": "/c"},
                      {"op": "test", "path": "/d", "value": "4"}],
            "merge": {"c": "3", "e": null}
        }));
        let expected = [("a/b", Some("1")), ("c", Some("3")), ("e", None)];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        assert_eq!(patch.content.values(), Values::from(expected));
        let config = Configuration::from_iter([("a/b", "1"), ("c", "3"), ("x", "y")]);
        assert!(patch.content.shows_in(&config));
        assert!(!patch.content.shows_in(&Configuration::from_iter([("a/b", "1"), ("c", "2")])));
    }

    #[test]
    fn what_a_patch_has_set_is_not_the_jobs_own() {
        let config = Configuration::from_iter([("a", "2"), ("b", "2"), ("c", "7")]);
        let told = patch(json!({"scope": {}, "source": "s", "merge": {"a": "2"}, "only_if": {"a": "1"}}));
        let untold = patch(json!({"scope": {}, "source": "s", "merge": {"b": "2"}}));
        let own = own_values(["a", "b", "c", "d"], &config, &[told, untold]);
        let expected = [("a", Some("1")), ("c", Some("7")), ("d", None)];
        assert_eq!(own, Values::from(expected.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)))));
    }
}
