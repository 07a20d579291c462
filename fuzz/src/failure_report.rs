//! The documents that schedulers and people send.

use std::fmt::Debug;

use paramedic_domain::{
    FailureId, FailureReport, MutateRequest, NewToken, OutcomeReport, Policy, RecommendationRequest, Validate,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Reads a document as each request that it may be. What was read can be sent again and is read the same; each
/// violation points at a place of the document.
pub fn failure_report(data: &[u8]) {
    if let Some(report) = document::<FailureReport>(data) {
        let attempt = report.job.attempt_key();
        assert_eq!(FailureId::of(&attempt), FailureId::of(&attempt.clone()), "reported again it is the same failure");
    }
    document::<OutcomeReport>(data);
    document::<MutateRequest>(data);
    document::<RecommendationRequest>(data);
    document::<NewToken>(data);
    document::<Policy>(data);
}

pub(crate) fn document<T>(data: &[u8]) -> Option<T>
where
    T: DeserializeOwned + Serialize + PartialEq + Debug + Validate,
{
    let read: T = serde_json::from_slice(data).ok()?;
    // By way of a value: as text, the last digit of a number may come back as another.
    let sent = serde_json::to_value(&read).expect("what was read can be sent");
    assert_eq!(serde_json::from_value::<T>(sent.clone()).ok().as_ref(), Some(&read));
    let text = serde_json::to_vec(&read).expect("what was read can be sent");
    assert!(serde_json::from_slice::<T>(&text).is_ok());
    let violations = read.violations();
    for violation in &violations {
        assert!(!violation.detail.is_empty());
        assert!(is_place(&violation.pointer, &sent), "{violation:?} of {sent}");
    }
    assert_eq!(violations, read.violations());
    violations.is_empty().then_some(read)
}

/// Is there such a place, or could there be: a field that was left out, or a long key that is shown cut?
fn is_place(pointer: &str, document: &Value) -> bool {
    let Some((parent, _)) = pointer.rsplit_once('/') else { return pointer.is_empty() };
    document.pointer(pointer).is_some() || document.pointer(parent).is_some_and(Value::is_object)
}
