//! RFC 6902 operations on a flat configuration. A path names one key and a value is a text: what would make the
//! configuration anything but a flat object of texts is refused before it is applied. That also bounds a patch: a `copy`
//! of the whole document into itself doubles it.

use json_patch::{PatchOperation, jsonptr::Pointer};
use serde_json::Value;

/// What is wrong with which field of an operation.
type FieldError = (&'static str, String);

/// The key that the operation is about and, for `move` and `copy`, the one its value comes from.
pub(crate) fn keys(operation: &PatchOperation) -> Result<(String, Option<String>), FieldError> {
    let from = match operation {
        PatchOperation::Move(operation) => Some(key("from", &operation.from)?),
        PatchOperation::Copy(operation) => Some(key("from", &operation.from)?),
        _ => None,
    };
    Ok((key("path", operation.path())?, from))
}

fn key(field: &'static str, pointer: &Pointer) -> Result<String, FieldError> {
    match pointer.split_front() {
        None => Err((field, "names the whole configuration; name a key, such as /spark.executor.memory".to_owned())),
        Some((token, rest)) if rest.is_root() => Ok(token.decoded().into_owned()),
        Some(_) => Err((
            field,
            "names something within a value; the configuration is flat: write a `/` in a key as ~1".to_owned(),
        )),
    }
}

/// The value that the operation carries, if its kind has one.
pub(crate) fn value(operation: &PatchOperation) -> Result<Option<&str>, String> {
    let value = match operation {
        PatchOperation::Add(operation) => &operation.value,
        PatchOperation::Replace(operation) => &operation.value,
        PatchOperation::Test(operation) => &operation.value,
        PatchOperation::Remove(_) | PatchOperation::Move(_) | PatchOperation::Copy(_) => return Ok(None),
    };
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Number(_) | Value::Bool(_) => Err(format!("Spark's values are texts: write \"{value}\", not {value}")),
        Value::Null => Err("Spark's values are texts; to unset the key use `remove`".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("Spark's values are texts: write it as a text".to_owned()),
    }
}
