//! Patches in words.

use paramedic_domain::{Explanation, Patch, PatchChange, Scope};
use serde_json::Value;

use crate::output;

/// One line of a list.
pub(super) fn row(patch: &Patch) -> Vec<String> {
    vec![
        patch.id.to_string(),
        patch.status.to_string(),
        patch.content.source.clone(),
        scope_text(&patch.content.scope),
        changes(patch).join(", "),
        patch.uses.to_string(),
        patch.content.expires_at.map_or_else(|| "never".to_owned(), |time| time.to_string()),
    ]
}

/// A scope as `--scope` takes it.
pub(crate) fn scope_text(scope: &Scope) -> String {
    let names = [
        ("scheduler", &scope.scheduler),
        ("cluster", &scope.cluster),
        ("workflow", &scope.workflow),
        ("job", &scope.job),
        ("run", &scope.run),
        ("user", &scope.user),
    ];
    let names = names.into_iter().filter_map(|(field, name)| Some(format!("{field}={}", name.as_ref()?)));
    let labels = scope.labels.iter().map(|(label, value)| format!("label.{label}={value}"));
    let after = scope.after_attempt.map(|attempt| format!("after_attempt={attempt}"));
    let fields: Vec<_> = names.chain(labels).chain(after).collect();
    if fields.is_empty() { "every job".to_owned() } else { fields.join(" ") }
}

fn changes(patch: &Patch) -> Vec<String> {
    let Ok(Value::Array(operations)) = serde_json::to_value(&patch.content.patch) else { return Vec::new() };
    operations.iter().map(operation_text).collect()
}

fn operation_text(operation: &Value) -> String {
    let text = |field: &str| operation[field].as_str().unwrap_or_default().to_owned();
    let key = text("path").trim_start_matches('/').replace("~1", "/").replace("~0", "~");
    match operation["op"].as_str() {
        Some("add" | "replace") => format!("{key}={}", text("value")),
        Some("remove") => format!("no {key}"),
        Some("test") => format!("if {key}={}", text("value")),
        _ => operation.to_string(),
    }
}

/// All of a patch, and what became of it.
pub(super) fn whole(patch: &Patch, history: &[PatchChange]) -> String {
    let content = &patch.content;
    let mut lines = vec![
        format!("patch {}, {}, version {}", patch.id, patch.status, patch.version),
        format!("  scope: {}", scope_text(&content.scope)),
        format!("  wanted by {}, created by {} at {}", content.source, patch.created_by, patch.created_at),
    ];
    lines.extend(content.reason.iter().map(|reason| format!("  because: {}", output::shown(reason, 300))));
    lines.extend(changes(patch).iter().map(|change| format!("  {change}")));
    let expiry = content.expires_at.map_or_else(|| "never expires".to_owned(), |time| format!("expires {time}"));
    let uses = content.max_uses.map_or_else(String::new, |max| format!(" of {max}"));
    lines.push(format!("  {expiry}, used {}{uses} times, priority {}", patch.uses, content.priority));
    let owned = content.only_if.iter().map(|(key, value)| match value {
        Some(value) => format!("  only for jobs whose own {key} is {value}"),
        None => format!("  only for jobs that do not set {key} themselves"),
    });
    lines.extend(owned);
    lines.extend(content.rollout_percent.map(|percent| format!("  rolled out to {percent} % of the jobs")));
    lines.extend(content.guard.map(|guard| {
        let rise = guard.failure_share_rise_max * 100.0;
        format!("  pauses by itself if {rise} % more of its attempts fail than of others")
    }));
    lines.extend(history.iter().map(|change| format!("  {}", entry(change))));
    lines.join("\n")
}

/// One entry of a history.
pub(super) fn entry(change: &PatchChange) -> String {
    let reason =
        change.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", output::shown(reason, 200)));
    let decision = change.decision_id.map_or_else(String::new, |id| format!(" (decision {id})"));
    let PatchChange { version, changed_at, change, actor, .. } = change;
    format!("{version}. {changed_at} {change} by {actor}{reason}{decision}")
}

/// What a job starts with, and why.
pub(super) fn explanation(explanation: &Explanation) -> String {
    let mut lines = Vec::new();
    lines.extend(explanation.frozen_by.map(|id| format!("frozen by {id}: no patch is laid on")));
    lines.extend(explanation.degraded.iter().map(|what| format!("degraded: {what}")));
    for patch in &explanation.patches {
        let became = match &patch.skip_reason {
            Some(reason) => format!("skipped: {}", output::shown(reason, 200)),
            None => "applied".to_owned(),
        };
        lines.push(format!("patch {} ({}, {}): {became}", patch.patch_id, patch.owner, scope_text(&patch.scope)));
    }
    for (name, key) in &explanation.keys {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
        let by = key.set_by.map_or_else(|| "the job itself".to_owned(), |id| format!("patch {id}"));
        lines.push(format!("{name}: {}, by {by}", value(&key.value)));
        lines.extend(key.lost.iter().map(|lost| {
            let whose = lost.patch_id.map_or_else(|| "the job's own".to_owned(), |id| format!("patch {id}'s"));
            format!("  not {whose} {}: {}", value(&lost.value), output::shown(&lost.reason, 200))
        }));
    }
    if lines.is_empty() { "no patch applies to this attempt".to_owned() } else { lines.join("\n") }
}
