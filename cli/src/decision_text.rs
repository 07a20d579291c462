//! A decision in a few lines that a job's owner understands.

use std::collections::BTreeMap;

use paramedic_domain::{Action, Classification, Configuration, Decision, Prediction, Recommendation};

use crate::output::shown;

/// Evidence lines that are shown; the decision holds them all.
const EVIDENCE_SHOWN_MAX: usize = 3;
/// Sentences of explanation that are shown.
const EXPLANATION_SHOWN_MAX: usize = 4;
/// Characters of one line that are shown.
const LINE_CHARACTERS_MAX: usize = 300;

/// What it was, the lines that prove it, and what its owner can do.
pub(crate) fn classification(classification: &Classification) -> Vec<String> {
    let kind = match classification.memory_side {
        Some(side) => format!("{}, {side}", classification.category),
        None => classification.category.to_string(),
    };
    let mut lines =
        vec![format!("{} ({kind}): {}", classification.class, shown(&classification.summary, LINE_CHARACTERS_MAX))];
    lines.extend(classification.evidence.iter().take(EVIDENCE_SHOWN_MAX).map(|evidence| {
        format!("  {}:{}: {}", evidence.log, evidence.line, shown(&evidence.text, LINE_CHARACTERS_MAX))
    }));
    if let Some(advice) = &classification.advice {
        lines.push(format!("  advice: {}", shown(advice, LINE_CHARACTERS_MAX)));
    }
    lines
}

/// The classification, what follows from it, and what is expected of that. `ran_with` is the configuration that failed.
pub(crate) fn decision(decision: &Decision, ran_with: Option<&Configuration>) -> Vec<String> {
    let mut lines = classification(&decision.classification);
    lines.push(format!("  {}", action(decision)));
    if let Some(recommendation) = &decision.recommendation {
        if decision.action == Action::RetryWithConfig {
            lines.extend(changes(recommendation, ran_with));
        }
        lines.extend(predictions(recommendation));
        let explanation = recommendation.explanation.iter().take(EXPLANATION_SHOWN_MAX);
        lines.extend(explanation.map(|sentence| format!("    {}", shown(sentence, LINE_CHARACTERS_MAX))));
    }
    if !decision.degraded.is_empty() {
        lines.push(format!("  decided without: {}", shown(&decision.degraded.join(", "), LINE_CHARACTERS_MAX)));
    }
    lines
}

fn action(decision: &Decision) -> String {
    match decision.action {
        Action::RetryWithConfig => "retry with another configuration:".to_owned(),
        Action::RetryUnchanged => "retry as it was".to_owned(),
        Action::DoNotRetry => "do not retry".to_owned(),
    }
}

/// A line for each key that the recommendation changes: `key old → new`.
fn changes(recommendation: &Recommendation, ran_with: Option<&Configuration>) -> Vec<String> {
    let before = |key: &str| match ran_with {
        Some(configuration) => configuration.get(key).map_or("(default)", String::as_str),
        None => "",
    };
    changed_keys(recommendation)
        .iter()
        .map(|(key, after)| {
            let after = after.as_deref().unwrap_or("(default)");
            change(key, before(key), after)
        })
        .collect()
}

/// One change, as it is shown everywhere.
pub(crate) fn change(key: &str, before: &str, after: &str) -> String {
    let before = if before.is_empty() { String::new() } else { format!("{before} ") };
    shown(&format!("    {key} {before}→ {after}"), LINE_CHARACTERS_MAX)
}

/// What the recommendation's patch does to each key: a new value, or none.
fn changed_keys(recommendation: &Recommendation) -> BTreeMap<String, Option<String>> {
    let Ok(serde_json::Value::Array(operations)) = serde_json::to_value(&recommendation.patch) else {
        return BTreeMap::new();
    };
    operations
        .iter()
        .filter_map(|operation| {
            let key = operation["path"].as_str()?.strip_prefix('/')?.replace("~1", "/").replace("~0", "~");
            match operation["op"].as_str()? {
                "add" | "replace" => Some((key, operation["value"].as_str().map(str::to_owned))),
                "remove" => Some((key, None)),
                _ => None,
            }
        })
        .collect()
}

fn predictions(recommendation: &Recommendation) -> Vec<String> {
    let model =
        recommendation.model_version.as_deref().map_or_else(String::new, |version| format!(" by model {version}"));
    match (recommendation.predicted, recommendation.baseline) {
        (Some(predicted), Some(baseline)) => {
            vec![format!("  predicted{model}: {}; unchanged: {}", prediction(predicted), prediction(baseline))]
        }
        (Some(predicted), None) => vec![format!("  predicted{model}: {}", prediction(predicted))],
        _ => Vec::new(),
    }
}

fn prediction(prediction: Prediction) -> String {
    format!("fails with {:.1} %, costs ${}", prediction.failure_probability * 100.0, dollars(prediction.cost_usd))
}

/// Two digits that mean something, also of a very small sum.
fn dollars(usd: f64) -> String {
    if usd > 0.0 && usd < 0.01 { format!("{usd:.6}") } else { format!("{usd:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Decision {
        serde_json::from_value(serde_json::json!({
            "failure_id": "0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55",
            "job": {"scheduler": "s", "workflow": "w", "job": "j", "run": "r", "attempt": 1},
            "classification": {
                "class": "SparkExecutorHeapOom", "category": "memory_configuration", "memory_side": "executor_heap",
                "restartable": false, "summary": "An executor ran out of Java heap.", "captures": {}, "matched": [],
                "evidence": [{"log": "executor.stderr", "line": 7, "text": "\u{1b}java.lang.OutOfMemoryError: Java heap space"}]
            },
            "action": "retry_with_config",
            "recommendation": {
                "recommendation_id": "0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55", "action": "retry_with_config",
                "model_version": "base-1", "config": {"spark.executor.memory": "1g"},
                "patch": [{"op": "test", "path": "/a", "value": "b"},
                    {"op": "add", "path": "/spark.executor.memory", "value": "1g"},
                    {"op": "remove", "path": "/spark.x"}],
                "predicted": {"failure_probability": 0.031, "cost_usd": 0.0021},
                "baseline": {"failure_probability": 0.97, "cost_usd": 1.5},
                "explanation": ["It needs more heap."], "evaluations": 10, "elapsed_ms": 2.0, "feasible": true
            },
            "degraded": ["event_log_unavailable"],
            "decided_at": "2026-01-31T12:00:00Z"
        }))
        .unwrap()
    }

    #[test]
    fn a_decision_tells_cause_proof_change_and_prediction() {
        let ran_with: Configuration = [("spark.executor.memory", "512m")].into_iter().collect();
        assert_eq!(
            decision(&example(), Some(&ran_with)),
            [
                "SparkExecutorHeapOom (memory_configuration, executor_heap): An executor ran out of Java heap.",
                "  executor.stderr:7: \u{fffd}java.lang.OutOfMemoryError: Java heap space",
                "  retry with another configuration:",
                "    spark.executor.memory 512m → 1g",
                "    spark.x (default) → (default)",
                "  predicted by model base-1: fails with 3.1 %, costs $0.002100; unchanged: fails with 97.0 %, costs $1.50",
                "    It needs more heap.",
                "  decided without: event_log_unavailable",
            ]
        );
    }

    #[test]
    fn without_the_failed_configuration_the_new_values_stand_alone() {
        assert!(decision(&example(), None).contains(&"    spark.executor.memory → 1g".to_owned()));
    }

    #[test]
    fn an_unclassified_failure_says_so() {
        let lines = classification(&Classification::unclassified());
        assert_eq!(lines, ["Unclassified (unclassified): No rule matched the logs."]);
    }
}
