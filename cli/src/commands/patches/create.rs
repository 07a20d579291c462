//! `paramedic patches create`, and how a scope is given.

use clap::Args;
use paramedic_domain::{Guard, NewPatch, PatchId, Scope, Timestamp};
use serde_json::{Value, json};

use crate::exit::CommandError;

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Which jobs: scheduler, cluster, workflow, job, run, user, `after_attempt` or label.NAME; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = key_and_value)]
    scope: Vec<(String, String)>,
    /// A key to set; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value, required_unless_present = "unset")]
    set: Vec<(String, String)>,
    /// A key to remove; may be repeated
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who wants it
    #[arg(long, value_name = "NAME", default_value = "operator")]
    source: String,
    /// Until when it applies, from now: 90s, 30m, 12h, 7d or 2w
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    expires_in: Option<i64>,
    /// To how many starts it applies
    #[arg(long, value_name = "N")]
    max_uses: Option<u32>,
    /// What the job's own configuration must hold, KEY=VALUE, or KEY= for not set; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    only_if: Vec<(String, String)>,
    /// The share of the jobs that get it, in percent; always the same jobs
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    rollout: Option<u8>,
    /// Let it pause by itself when its attempts fail more often than others, by more than this share (0 to 1)
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "0")]
    guard: Option<f64>,
    /// Store it without effect until `paramedic patches activate`
    #[arg(long)]
    draft: bool,
    /// The patch that it takes the place of
    #[arg(long, value_name = "ID")]
    supersedes: Option<PatchId>,
    /// Among equally specific scopes the higher priority has the last word
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
}

impl Create {
    pub(super) fn patch(self, now: Timestamp) -> Result<NewPatch, CommandError> {
        let path = |key: &str| format!("/{}", paramedic_domain::validation::escape_pointer_token(key));
        let set = self.set.iter().map(|(key, value)| json!({"op": "add", "path": path(key), "value": value}));
        let unset = self.unset.iter().map(|key| json!({"op": "remove", "path": path(key)}));
        let operations = Value::Array(set.chain(unset).collect());
        Ok(NewPatch {
            scope: scope(self.scope)?,
            patch: serde_json::from_value(operations).map_err(|error| CommandError::Usage(error.to_string()))?,
            source: self.source,
            reason: self.reason,
            priority: self.priority,
            expires_at: self.expires_in.map(|seconds| now.plus_seconds(seconds)),
            max_uses: self.max_uses,
            only_if: self
                .only_if
                .into_iter()
                .map(|(key, value)| (key, Some(value).filter(|it| !it.is_empty())))
                .collect(),
            rollout_percent: self.rollout,
            guard: self.guard.map(|rise| Guard { failure_share_rise_max: rise, ..Guard::default() }),
            draft: self.draft,
            supersedes: self.supersedes,
            ..NewPatch::default()
        })
    }
}

/// A scope by its fields.
pub(crate) fn scope(fields: Vec<(String, String)>) -> Result<Scope, CommandError> {
    let mut scope = Scope::default();
    for (field, value) in fields {
        match field.as_str() {
            "scheduler" => scope.scheduler = Some(value),
            "cluster" => scope.cluster = Some(value),
            "workflow" => scope.workflow = Some(value),
            "job" => scope.job = Some(value),
            "run" => scope.run = Some(value),
            "user" => scope.user = Some(value),
            "after_attempt" => {
                let attempt = value.parse().map_err(|_| {
                    CommandError::Usage(format!("--scope after_attempt={value}: give an attempt, such as 1"))
                })?;
                scope.after_attempt = Some(attempt);
            }
            other => match other.strip_prefix("label.") {
                Some(label) if !label.is_empty() => {
                    scope.labels.insert(label.to_owned(), value);
                }
                _ => {
                    return Err(CommandError::Usage(format!(
                        "--scope {other}=…: give scheduler, cluster, workflow, job, run, user, after_attempt or label.NAME"
                    )));
                }
            },
        }
    }
    Ok(scope)
}

/// `KEY=VALUE`, cut at the first `=`.
pub(crate) fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// A duration as `90s`, `30m`, `12h`, `7d` or `2w`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<i64, String> {
    let mend = || "write 90s, 30m, 12h, 7d or 2w".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(mend)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(mend()),
    };
    let number: i64 = number.parse().map_err(|_| mend())?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("90s"), Ok(90));
        for wrong in ["", "7", "d", "-1d", "0s", "9223372036854775807w", "7é"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_scope_is_given_by_its_fields() {
        let fields = [("workflow", "w"), ("after_attempt", "2"), ("label.team", "core")];
        let given = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).to_vec();
        let scope = scope(given).unwrap();
        assert_eq!((scope.workflow.as_deref(), scope.after_attempt), (Some("w"), Some(2)));
        assert_eq!(scope.labels["team"], "core");
        assert_eq!(super::super::text::scope_text(&scope), "workflow=w label.team=core after_attempt=2");
    }

    #[test]
    fn a_wrong_scope_field_is_told_with_the_right_ones() {
        let error = scope(vec![("team".to_owned(), "core".to_owned())]).unwrap_err().to_string();
        assert!(error.contains("label.NAME"), "{error}");
    }
}
