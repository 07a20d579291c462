//! Secrets stay in what was received: masked before a report is stored, worked on or sent on.

use paramedic_domain::{
    Configuration, EventLogSummary, FailureReport, LogSource, OutcomeReport, failure::EventLogSource,
};
use paramedic_redaction::{is_masked, is_secret, mask_text, mask_value};

/// Where a report's logs are: the texts, and URLs as they were given (a signed one works with its signature only).
pub(crate) struct Sources {
    logs: Vec<LogSource>,
    event_log: Option<EventLogSource>,
}

impl Sources {
    /// Takes the sources out of a report and masks what stays in it: that may be kept and sent on.
    pub(crate) fn take_from(report: &mut FailureReport) -> Self {
        let shown =
            report.logs.iter().map(|log| LogSource { log: log.log, text: None, url: masked(log.url.as_deref()) });
        let logs = shown.collect();
        let logs = std::mem::replace(&mut report.logs, logs);
        let event_log = report.event_log.take();
        report.event_log = masked_source(event_log.as_ref());
        mask_configuration(&mut report.config);
        if let Some(summary) = &mut report.event_log_summary {
            mask_summary(summary);
        }
        Self { logs, event_log }
    }

    /// Puts them back, to be collected from.
    pub(crate) fn put_into(self, report: &mut FailureReport) {
        report.logs = self.logs;
        report.event_log = self.event_log;
    }
}

/// Masks what is kept of an outcome; its event log must have been read before.
pub(crate) fn mask_outcome(report: &mut OutcomeReport) {
    mask_configuration(&mut report.config);
    report.event_log = masked_source(report.event_log.as_ref());
}

/// Masks secret values, and secrets within values.
pub(crate) fn mask_configuration(config: &mut Configuration) {
    mask_values(&mut config.0);
}

/// Masks what an event log tells of the configuration: Spark does so by a setting, which may have been changed.
pub(crate) fn mask_summary(summary: &mut EventLogSummary) {
    mask_values(&mut summary.spark_properties);
}

fn mask_values(values: &mut std::collections::BTreeMap<String, String>) {
    for (key, value) in values {
        let shown = mask_value(key, value);
        if shown != value.as_str() {
            *value = shown.into_owned();
        }
    }
}

/// Would the patch set a masked value, or touch a secret? What was masked on the way must never come back as a change.
pub(crate) fn patch_touches(patch: &json_patch::Patch) -> bool {
    patch.0.iter().any(|operation| {
        let Ok(operation) = serde_json::to_value(operation) else { return true };
        let text = |field: &str| operation.get(field).and_then(|value| value.as_str()).unwrap_or_default();
        is_secret(text("path"), text("value")) || is_secret(text("from"), "") || is_masked(text("value"))
    })
}

fn masked_source(source: Option<&EventLogSource>) -> Option<EventLogSource> {
    source.map(|source| EventLogSource { url: mask_text(&source.url).into_owned() })
}

fn masked(url: Option<&str>) -> Option<String> {
    url.map(|url| mask_text(url).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_that_touches_a_secret_is_told() {
        let touches = |operation| patch_touches(&serde_json::from_value(json!([operation])).unwrap());
        let masked = paramedic_redaction::REDACTED;
        assert!(touches(json!({"op": "add", "path": "/spark.x", "value": masked})));
        assert!(touches(json!({"op": "add", "path": "/spark.x", "value": format!("jdbc://a:{masked}@b")})));
        assert!(touches(json!({"op": "remove", "path": "/spark.hadoop.fs.s3a.secret.key"})));
        assert!(touches(json!({"op": "copy", "from": "/spark.ssl.keyPassword", "path": "/spark.app.name"})));
        assert!(!touches(json!({"op": "add", "path": "/spark.executor.memory", "value": "1g"})));
    }
}
