//! RFC 6902 and RFC 7396, by the crate that applies every patch: the cases of the RFCs' appendices, and of the kinds that
//! the public suite has beside them, as data.

use serde::Deserialize;
use serde_json::Value;

/// A document, a patch, and what comes of it: nothing where the patch cannot be applied.
#[derive(Deserialize)]
struct Case {
    comment: String,
    doc: Value,
    patch: Value,
    expected: Option<Value>,
}

fn cases(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn json_patch() {
    for case in cases(include_str!("../data/rfc6902.json")) {
        let mut document = case.doc.clone();
        let patch = serde_json::from_value::<json_patch::Patch>(case.patch).map_err(|error| error.to_string());
        let applied =
            patch.and_then(|patch| json_patch::patch(&mut document, &patch).map_err(|error| error.to_string()));
        if let Some(expected) = case.expected {
            assert_eq!(applied, Ok(()), "{}", case.comment);
            assert_eq!(document, expected, "{}", case.comment);
        } else {
            assert!(applied.is_err(), "{}: {document}", case.comment);
            assert_eq!(document, case.doc, "{}: all or nothing", case.comment);
        }
    }
}

#[test]
fn merge_patch() {
    for case in cases(include_str!("../data/rfc7396.json")) {
        let mut document = case.doc.clone();
        json_patch::merge(&mut document, &case.patch);
        assert_eq!(document, case.expected.unwrap_or(Value::Null), "{}", case.comment);
    }
}
