//! What is kept of a failure for those who write rules: its logs, and its place in the inbox where no rule matched.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use paramedic_domain::{
    Category, Decision, FailureId, LogExcerpt, Page, TellingExcerpt, Timestamp, UnclassifiedDetail, UnclassifiedGroup,
    UnclassifiedSample,
};
use paramedic_fetch::cut::cut_long;
use paramedic_redaction::mask_text;
use paramedic_rules::{LogText, RuleSet};
use paramedic_store::{LogRetention, StoreError, Unclassified, UnclassifiedFilter};
use paramedic_templates::{Template, telling};

use crate::{
    config::KeepConfig,
    degraded::{Degraded, STORE_UNAVAILABLE},
    state::Classifier,
};

/// What stands for the template where there are no logs.
const NO_LOGS: &str = "(there were no logs)";
/// Newest failures of a group that are shown.
const SAMPLES_MAX: u32 = 5;
/// Groups whose match with the current rules is remembered; beyond, all are forgotten.
const REMEMBERED_MAX: usize = 10_000;
/// Pages of the store that are read for one page of an answer, while groups that rules match by now are left out.
const PAGES_READ_MAX: usize = 10;

/// The excerpts of a failure's logs, within bounds.
pub(crate) struct Excerpts(Vec<LogText>);

impl Excerpts {
    /// The head and the tail of each log. What short logs leave of the bound goes to the long ones.
    pub(crate) fn of(logs: &[LogText], config: &KeepConfig) -> Self {
        let share = share_of_one(logs.iter().map(|log| log.text.len()).collect(), config);
        let excerpts = logs.iter().map(|log| {
            let text = if log.text.len() <= share { log.text.clone() } else { cut_long(&log.text, share).text };
            LogText { log: log.log, name: log.name.clone(), text }
        });
        Self(excerpts.collect())
    }
}

/// How much of one log is kept, so that all together stay within the bound.
fn share_of_one(mut lengths: Vec<usize>, config: &KeepConfig) -> usize {
    lengths.sort_unstable();
    let (mut left, mut logs) = (config.failure_bytes_max, lengths.len());
    for length in lengths {
        let share = left / logs;
        if length > share {
            return share.min(config.log_bytes_max);
        }
        left -= length;
        logs -= 1;
    }
    config.log_bytes_max
}

/// A log's text as it may be stored: everything that is kept of logs passes here.
fn storable(text: String) -> String {
    match mask_text(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => masked,
    }
}

/// Which rule matches a group's newest failure, as long as rules and failure are the same.
#[derive(Default)]
pub(crate) struct Rematched(Mutex<HashMap<String, Remembered>>);

struct Remembered {
    rules: String,
    failure: FailureId,
    rule: Option<String>,
}

impl Rematched {
    fn rule(&self, group: &str, newest: &UnclassifiedSample, rules: &RuleSet) -> Option<String> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered.get(group)
            && known.rules == rules.version()
            && known.failure == newest.failure_id
        {
            return known.rule.clone();
        }
        let rule = newest.excerpt.as_ref().and_then(|excerpt| rule_of(excerpt, rules));
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        let known = Remembered { rules: rules.version().to_owned(), failure: newest.failure_id, rule: rule.clone() };
        remembered.insert(group.to_owned(), known);
        rule
    }
}

fn rule_of(excerpt: &TellingExcerpt, rules: &RuleSet) -> Option<String> {
    let log = LogText { log: excerpt.log, name: "excerpt".to_owned(), text: excerpt.text.clone() };
    rules.classify(&[log], None).rule
}

impl Classifier {
    /// Keeps what rule authors need of a failure. Nothing of the decision depends on it: what fails is only logged.
    pub(crate) async fn keep(&self, decision: &Decision, excerpts: Excerpts, cost_usd: Option<f64>) {
        if decision.degraded.iter().any(|part| part == STORE_UNAVAILABLE) {
            return;
        }
        let unclassified = decision.classification.category == Category::Unclassified;
        let read = tokio::task::spawn_blocking(move || {
            let logs: Vec<_> = excerpts.0.into_iter().map(|log| LogText { text: storable(log.text), ..log }).collect();
            let telling = if unclassified { telling(&logs) } else { None };
            (logs, telling)
        });
        let Ok((logs, telling)) = read.await else { return };
        let mut missed = Degraded::default();
        if unclassified {
            let template = telling.as_ref().map(|telling| Template::of(&telling.text));
            let excerpt = telling.map(|telling| TellingExcerpt {
                log: telling.log,
                line: telling.line,
                telling: telling.text,
                text: telling.excerpt,
            });
            let sample = UnclassifiedSample {
                failure_id: decision.failure_id,
                workflow: decision.job.workflow.clone(),
                job: decision.job.job.clone(),
                decided_at: decision.decided_at,
                cost_usd,
                excerpt,
            };
            let template = template.unwrap_or_else(|| Template::of(NO_LOGS));
            let (group, template) = (template.group_id(), template.as_str().to_owned());
            let failure = Unclassified { sample, group, template };
            self.in_time(Box::pin(self.store.keep_unclassified(&failure)), &mut missed).await;
        }
        if !logs.is_empty() {
            let logs: Vec<_> =
                logs.into_iter().map(|LogText { log, name, text }| LogExcerpt { log, name, text }).collect();
            let keeping = self.store.keep_failure_logs(decision.failure_id, &logs, decision.decided_at);
            self.in_time(Box::pin(keeping), &mut missed).await;
        }
        self.forget_old(decision.decided_at).await;
    }

    /// Deletes what is too old or too much, once in a while.
    async fn forget_old(&self, now: Timestamp) {
        let KeepConfig { age_s, total_bytes_max, sweep_interval_s, .. } = self.keep_bounds;
        {
            let mut last = self.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| now < last.plus_seconds(sweep_interval_s)) {
                return;
            }
            *last = Some(now);
        }
        let oldest_kept = now.plus_seconds(-age_s);
        let retention = LogRetention { oldest_kept, total_bytes_max };
        let mut missed = Degraded::default();
        self.in_time(Box::pin(self.store.delete_failure_logs(&retention)), &mut missed).await;
        self.in_time(Box::pin(self.store.delete_unclassified_before(oldest_kept)), &mut missed).await;
    }

    /// Groups of unclassified failures, those that cost most first; without those that the rules match by now, unless
    /// `matched_too`.
    pub(crate) async fn unclassified(
        &self,
        since: Option<Timestamp>,
        matched_too: bool,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<Page<UnclassifiedGroup>, StoreError> {
        let filter = UnclassifiedFilter { since, group: None };
        let mut page = Page { items: Vec::new(), next_cursor: cursor };
        for _ in 0..PAGES_READ_MAX {
            let room = limit.saturating_sub(page.items.len() as u32);
            let found = self.store.unclassified_groups(&filter, room, page.next_cursor.as_deref()).await?;
            page.next_cursor = found.next_cursor;
            for group in found.items {
                let group = self.rematched(group).await?;
                if matched_too || group.now_matched_by.is_none() {
                    page.items.push(group);
                }
            }
            if page.next_cursor.is_none() || page.items.len() >= limit as usize {
                break;
            }
        }
        Ok(page)
    }

    async fn rematched(&self, group: UnclassifiedGroup) -> Result<UnclassifiedGroup, StoreError> {
        let newest = self.store.unclassified_samples(&group.group, 1).await?;
        let rules = self.rules.current();
        let now_matched_by = newest.first().and_then(|newest| self.rematches.rule(&group.group, newest, &rules));
        Ok(UnclassifiedGroup { now_matched_by, ..group })
    }

    /// One group and its newest failures.
    pub(crate) async fn unclassified_group(&self, group: &str) -> Result<Option<UnclassifiedDetail>, StoreError> {
        let filter = UnclassifiedFilter { since: None, group: Some(group.to_owned()) };
        let Some(group) = self.store.unclassified_groups(&filter, 1, None).await?.items.pop() else { return Ok(None) };
        let group = self.rematched(group).await?;
        let samples = self.store.unclassified_samples(&group.group, SAMPLES_MAX).await?;
        Ok(Some(UnclassifiedDetail { group, samples }))
    }
}

#[cfg(test)]
mod tests {
    use paramedic_domain::LogKind;

    use super::*;

    #[test]
    fn short_logs_leave_their_room_to_long_ones_and_all_stay_within_bounds() {
        let config = KeepConfig { failure_bytes_max: 4_000, log_bytes_max: 3_000, ..KeepConfig::default() };
        let log = |lines: usize| LogText {
            log: LogKind::DriverStderr,
            name: "x".to_owned(),
            text: "a line of ten\n".repeat(lines),
        };
        let Excerpts(kept) = Excerpts::of(&[log(10), log(10_000), log(10)], &config);
        assert_eq!((kept[0].text.len(), kept[2].text.len()), (140, 140));
        assert!((2_500..=3_100).contains(&kept[1].text.len()), "{}", kept[1].text.len());
        let Excerpts(kept) = Excerpts::of(&[log(1_000), log(1_000)], &config);
        assert!(kept.iter().map(|log| log.text.len()).sum::<usize>() <= 4_100);
    }
}
