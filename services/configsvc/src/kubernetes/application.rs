//! A `SparkApplication` object: who its job is, its configuration, and the JSON patch that changes it.
//!
//! Kubeflow's operator (`sparkoperator.k8s.io`) has fields for some settings beside `sparkConf`; it passes them to
//! spark-submit after `sparkConf`, so that a field has the last word, and fills a field in only where neither is given.
//! Apache's operator (`spark.apache.org`) has `sparkConf` alone.

use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, jsonptr::PointerBuf};
use paramedic_domain::{Configuration, Job, job::LABELS_MAX};
use serde_json::{Map, Value, json};

use super::review::AdmissionRequest;

/// Fields of an operator's `spec`, as path, and the Spark setting that each is passed on as.
type Fields = &'static [(&'static [&'static str], &'static str)];

/// Kubeflow's.
const FIELDS: Fields = &[
    (&["driver", "cores"], "spark.driver.cores"),
    (&["driver", "memory"], "spark.driver.memory"),
    (&["driver", "memoryOverhead"], "spark.driver.memoryOverhead"),
    (&["executor", "cores"], "spark.executor.cores"),
    (&["executor", "instances"], "spark.executor.instances"),
    (&["executor", "memory"], "spark.executor.memory"),
    (&["executor", "memoryOverhead"], "spark.executor.memoryOverhead"),
    (&["memoryOverheadFactor"], "spark.kubernetes.memoryOverheadFactor"),
];

/// What annotations of ours begin with.
const ANNOTATION_PREFIX: &str = "paramedic.io/";
/// The annotation that tells which patches were applied.
const APPLIED_ANNOTATION: &str = "paramedic.io/applied-patches";

/// A `SparkApplication`.
pub(super) struct Application<'a> {
    object: &'a Value,
    fields: Fields,
}

impl<'a> Application<'a> {
    /// The object that is to be created; nothing where it is none of ours.
    pub(super) fn of(request: &'a AdmissionRequest) -> Result<Option<Self>, String> {
        let kind = &request.kind;
        // An update restarts a running application: only what is created is mutated.
        if request.operation != "CREATE" || kind.kind != "SparkApplication" {
            return Ok(None);
        }
        let fields: Fields = match kind.group.as_str() {
            "sparkoperator.k8s.io" => FIELDS,
            "spark.apache.org" => &[],
            _ => return Ok(None),
        };
        if !request.object.pointer("/spec").is_some_and(Value::is_object) {
            return Err(format!("the {}/{} has no spec", kind.group, kind.version));
        }
        Ok(Some(Self { object: &request.object, fields }))
    }

    /// Who the job is, by annotation, else by name.
    pub(super) fn job(&self, request: &AdmissionRequest) -> Result<Job, String> {
        let annotation = |name: &str| {
            let value = &self.object["metadata"]["annotations"][format!("{ANNOTATION_PREFIX}{name}")];
            value.as_str().filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let attempt = annotation("attempt").map_or(Ok(1), |text| {
            text.parse().map_err(|_| format!("the annotation {ANNOTATION_PREFIX}attempt is no number"))
        })?;
        let name = self.name(request);
        Ok(Job {
            scheduler: annotation("scheduler").unwrap_or_else(|| "kubernetes".to_owned()),
            cluster: annotation("cluster"),
            workflow: annotation("workflow")
                .or_else(|| request.namespace.clone().filter(|namespace| !namespace.is_empty()))
                .unwrap_or_else(|| "default".to_owned()),
            job: annotation("job").unwrap_or_else(|| name.clone()),
            run: annotation("run").unwrap_or(name),
            attempt,
            user: annotation("user"),
            labels: self.labels(),
        })
    }

    /// The object's name; what its name will begin with where Kubernetes has yet to make it.
    fn name(&self, request: &AdmissionRequest) -> String {
        let metadata = &self.object["metadata"];
        let text = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
        let name = text("name").or_else(|| text("generateName").map(|prefix| prefix.trim_end_matches('-')));
        name.filter(|name| !name.is_empty()).unwrap_or(&request.uid).to_owned()
    }

    /// The object's labels, to scope patches by. Empty values are left out: a scope cannot name them.
    fn labels(&self) -> std::collections::BTreeMap<String, String> {
        let labels = self.object["metadata"]["labels"].as_object().into_iter().flatten();
        let texts = labels.filter_map(|(label, value)| Some((label.clone(), value.as_str()?.to_owned())));
        texts.filter(|(label, value)| !label.is_empty() && !value.is_empty()).take(LABELS_MAX).collect()
    }

    /// The configuration that the operator passes to Spark: `sparkConf`, and over it the fields.
    pub(super) fn configuration(&self) -> Result<Configuration, String> {
        let mut configuration = Configuration::default();
        for (key, value) in self.spark_conf()?.into_iter().flatten() {
            configuration.insert(key.clone(), text(value).ok_or_else(|| format!("sparkConf's {key} is no text"))?);
        }
        for (path, key) in self.fields {
            if let Some(value) = self.field(path) {
                let value = text(value).ok_or_else(|| format!("spec.{} is no text or number", path.join(".")))?;
                configuration.insert((*key).to_owned(), value);
            }
        }
        Ok(configuration)
    }

    /// What makes an object of this configuration out of this one, and notes which patches did.
    pub(super) fn patch_to(&self, from: &Configuration, to: &Configuration, applied: &str) -> Result<Patch, String> {
        let mut operations = Vec::new();
        let mut made = self.spark_conf()?.is_some();
        for (key, _, value) in from.changes(to) {
            self.change(key, value, &mut made, &mut operations)?;
        }
        self.annotate(applied, &mut operations);
        Ok(Patch(operations))
    }

    /// A setting changes where it stands: in its field, in `sparkConf`, or in both, so that they agree. A new one goes to
    /// `sparkConf`.
    fn change(
        &self,
        key: &str,
        value: Option<&str>,
        made: &mut bool,
        operations: &mut Vec<PatchOperation>,
    ) -> Result<(), String> {
        let in_conf = self.spark_conf()?.is_some_and(|conf| conf.contains_key(key));
        let named = self.fields.iter().find(|(_, name)| *name == key);
        let field = named.and_then(|(path, _)| Some((*path, self.field(path)?)));
        if let Some((path, before)) = field {
            let path: Vec<_> = std::iter::once("spec").chain(path.iter().copied()).collect();
            operations.push(set(&path, value.map(|value| like(before, value, key)).transpose()?));
        }
        if in_conf || (field.is_none() && value.is_some()) {
            if !*made {
                operations.push(set(&["spec", "sparkConf"], Some(json!({}))));
                *made = true;
            }
            operations.push(set(&["spec", "sparkConf", key], value.map(|value| json!(value))));
        }
        Ok(())
    }

    fn annotate(&self, applied: &str, operations: &mut Vec<PatchOperation>) {
        if !self.object["metadata"]["annotations"].is_object() {
            operations.push(set(&["metadata", "annotations"], Some(json!({}))));
        }
        operations.push(set(&["metadata", "annotations", APPLIED_ANNOTATION], Some(json!(applied))));
    }

    fn spark_conf(&self) -> Result<Option<&Map<String, Value>>, String> {
        match self.object.pointer("/spec/sparkConf") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(conf)) => Ok(Some(conf)),
            Some(_) => Err("sparkConf is no map".to_owned()),
        }
    }

    fn field(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.object["spec"], |value, name| value.get(name)).filter(|value| !value.is_null())
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The value as the field has it: one that holds a number refuses a text, and the object with it.
fn like(before: &Value, value: &str, key: &str) -> Result<Value, String> {
    if !before.is_number() {
        return Ok(json!(value));
    }
    let number: i32 = value.parse().map_err(|_| format!("{key}={value} is no number, which its field needs"))?;
    Ok(json!(number))
}

/// Sets or removes what stands there. (RFC 6902's `add` replaces what is there.)
fn set(path: &[&str], value: Option<Value>) -> PatchOperation {
    let path = PointerBuf::from_tokens(path.iter().copied());
    match value {
        Some(value) => PatchOperation::Add(AddOperation { path, value }),
        None => PatchOperation::Remove(RemoveOperation { path }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(group: &str, object: &Value) -> AdmissionRequest {
        serde_json::from_value(json!({
            "uid": "u", "operation": "CREATE", "namespace": "jobs", "object": object,
            "kind": {"group": group, "version": "v", "kind": "SparkApplication"},
        }))
        .unwrap()
    }

    fn configuration_of(request: &AdmissionRequest) -> Configuration {
        Application::of(request).unwrap().unwrap().configuration().unwrap()
    }

    #[test]
    fn a_field_has_the_last_word_over_the_configuration() {
        let object = json!({"metadata": {"name": "pi"}, "spec": {
            "sparkConf": {"spark.executor.memory": "1g", "spark.executor.cores": "4"},
            "driver": {"cores": 1}, "executor": {"memory": "512m", "memoryOverhead": null},
        }});
        let kubeflow = request("sparkoperator.k8s.io", &object);
        let expected = [("spark.executor.memory", "512m"), ("spark.executor.cores", "4"), ("spark.driver.cores", "1")];
        assert_eq!(configuration_of(&kubeflow), expected.into_iter().collect());
        let apache = request("spark.apache.org", &object);
        let expected = [("spark.executor.memory", "1g"), ("spark.executor.cores", "4")];
        assert_eq!(configuration_of(&apache), expected.into_iter().collect());
    }

    #[test]
    fn a_number_field_takes_no_text() {
        let request = request("sparkoperator.k8s.io", &json!({"metadata": {}, "spec": {"executor": {"cores": 2}}}));
        let application = Application::of(&request).unwrap().unwrap();
        let from = application.configuration().unwrap();
        let to = [("spark.executor.cores", "many")].into_iter().collect();
        assert!(application.patch_to(&from, &to, "").unwrap_err().contains("is no number"));
    }

    #[test]
    fn the_name_stands_in_where_nothing_is_annotated() {
        let of = |object: Value| {
            let request = request("spark.apache.org", &object);
            Application::of(&request).unwrap().unwrap().job(&request)
        };
        let job =
            of(json!({"metadata": {"generateName": "pi-", "labels": {"team": "a", "x": ""}}, "spec": {}})).unwrap();
        assert_eq!((job.scheduler.as_str(), job.workflow.as_str()), ("kubernetes", "jobs"));
        assert_eq!((job.job.as_str(), job.run.as_str(), job.attempt), ("pi", "pi", 1));
        assert_eq!(job.labels.len(), 1);
        let annotations = json!({"paramedic.io/attempt": "two"});
        assert!(of(json!({"metadata": {"annotations": annotations}, "spec": {}})).is_err());
    }

    fn key() -> impl Strategy<Value = String> {
        let named: Vec<_> = FIELDS.iter().map(|(_, key)| (*key).to_owned()).collect();
        prop_oneof![proptest::sample::select(named), "spark\\.[a-z~/.]{1,8}"]
    }

    fn entries() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
        proptest::collection::btree_map(key(), "[1-9][0-9]{0,3}", 0..8)
    }

    fn object(conf: Option<&std::collections::BTreeMap<String, String>>, fields: &[(bool, u16)]) -> Value {
        let mut spec = json!({"driver": {}, "executor": {}});
        if let Some(conf) = conf {
            spec["sparkConf"] = json!(conf);
        }
        for ((path, key), (there, value)) in FIELDS.iter().zip(fields) {
            let number = key.ends_with("cores") || key.ends_with("instances");
            let value = if number { json!(value) } else { json!(value.to_string()) };
            match (there, path) {
                (false, _) => {}
                (true, [outer, inner]) => spec[*outer][*inner] = value,
                (true, path) => spec[path[0]] = value,
            }
        }
        json!({"metadata": {"name": "pi"}, "spec": spec})
    }

    proptest! {
        #[test]
        fn the_patch_applied_to_the_object_gives_the_mutated_configuration(
            conf in proptest::option::of(entries()),
            fields in proptest::collection::vec((any::<bool>(), 1..9_999_u16), FIELDS.len()),
            to in entries(),
            kubeflow in any::<bool>(),
        ) {
            let group = if kubeflow { "sparkoperator.k8s.io" } else { "spark.apache.org" };
            let before = request(group, &object(conf.as_ref(), &fields));
            let application = Application::of(&before).unwrap().unwrap();
            let from = application.configuration().unwrap();
            let to: Configuration = to.into_iter().collect();
            let patch = application.patch_to(&from, &to, "some").unwrap();
            let mut after = before.clone();
            json_patch::patch(&mut after.object, &patch).unwrap();
            prop_assert_eq!(configuration_of(&after), to);
            prop_assert_eq!(&after.object["metadata"]["annotations"][APPLIED_ANNOTATION], "some");
            for field in ["cores", "instances"] {
                let value = &after.object["spec"]["executor"][field];
                prop_assert!(value.is_null() || value.is_number());
            }
        }
    }
}
