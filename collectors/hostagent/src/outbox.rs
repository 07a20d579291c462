//! Samples on their way: kept while the recommender is away, the oldest dropped first, and counted.

use std::{collections::VecDeque, time::Duration};

use paramedic_domain::HostSample;
use paramedic_service::{Client, ClientError};

use crate::config::PostingConfig;

/// Requests of one period: what has waited goes out over several.
const REQUESTS_MAX: usize = 20;
/// Shortest and longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// What has become of samples, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Waiting.
    pub waiting: u64,
    /// Taken by the recommender.
    pub sent: u64,
    /// Dropped because too many waited, or because the recommender refused them.
    pub dropped: u64,
}

/// Samples on their way.
#[derive(Debug)]
pub struct Outbox {
    client: Option<Client>,
    batch_max: usize,
    kept_max: usize,
    waiting: VecDeque<HostSample>,
    sent: u64,
    dropped: u64,
    failures: u32,
    pause_left: Duration,
}

impl Outbox {
    /// To the recommender of the configuration; without one, samples are taken and nothing is kept.
    pub fn new(config: &PostingConfig) -> Result<Self, ClientError> {
        let timeouts = paramedic_service::Timeouts::default();
        let (token, ca_file) = (config.token.as_deref(), config.ca_file.as_deref());
        let client = config.server.as_deref().map(|server| Client::trusting(server, token, timeouts, ca_file));
        Ok(Self {
            client: client.transpose()?,
            batch_max: config.batch_max,
            kept_max: config.kept_max,
            waiting: VecDeque::new(),
            sent: 0,
            dropped: 0,
            failures: 0,
            pause_left: Duration::ZERO,
        })
    }

    /// Adds samples; the oldest make room.
    pub fn add(&mut self, samples: Vec<HostSample>) {
        if self.client.is_none() {
            return;
        }
        self.waiting.extend(samples);
        let over = self.waiting.len().saturating_sub(self.kept_max);
        self.waiting.drain(..over);
        self.dropped += over as u64;
    }

    /// Sends what waits, unless it failed lately; `elapsed` is the time since the last call.
    pub async fn send(&mut self, elapsed: Duration) {
        self.pause_left = self.pause_left.saturating_sub(elapsed);
        let Some(client) = self.client.clone().filter(|_| self.pause_left.is_zero()) else { return };
        for _ in 0..REQUESTS_MAX {
            let batch: Vec<_> = self.waiting.iter().take(self.batch_max).cloned().collect();
            if batch.is_empty() {
                return;
            }
            match client.record_host_samples(&batch).await {
                Ok(()) => self.took(batch.len()),
                Err(error) if is_refusal(&error) => self.refused(batch.len(), &error),
                Err(error) => return self.failed(&error),
            }
        }
    }

    /// What has become of samples.
    pub fn counts(&self) -> OutboxCounts {
        OutboxCounts { waiting: self.waiting.len() as u64, sent: self.sent, dropped: self.dropped }
    }

    fn took(&mut self, count: usize) {
        if self.failures > 0 {
            tracing::info!(waiting = self.waiting.len() - count, "the recommender takes samples again");
        }
        self.failures = 0;
        self.sent += count as u64;
        self.waiting.drain(..count);
    }

    fn refused(&mut self, count: usize, error: &ClientError) {
        tracing::error!(%error, count, "the recommender refuses these samples; they are dropped");
        self.dropped += count as u64;
        self.waiting.drain(..count);
    }

    fn failed(&mut self, error: &ClientError) {
        if self.failures == 0 {
            tracing::warn!(%error, waiting = self.waiting.len(), "samples wait");
        }
        self.failures = self.failures.saturating_add(1);
        let (shortest, longest) = PAUSE;
        self.pause_left = shortest.saturating_mul(1 << self.failures.min(16)).min(longest);
    }
}

/// It will refuse them the next time too. A missing or wrong token is mended meanwhile, perhaps.
fn is_refusal(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| matches!(problem.status, 400 | 413 | 422))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(number: i64) -> HostSample {
        let text = format!(
            r#"{{"host": "h", "application_id": "app-1", "executor_id": "{number}", "sampled_at": "2026-01-31T12:00:00Z"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn while_the_recommender_is_away_the_oldest_are_dropped_and_counted() {
        let server = Some("http://127.0.0.1:9".to_owned());
        let config = PostingConfig { server, batch_max: 5, kept_max: 10, ..PostingConfig::default() };
        let mut outbox = Outbox::new(&config).unwrap();
        for number in 0..25 {
            outbox.add(vec![sample(number)]);
            outbox.send(Duration::from_secs(10)).await;
        }
        assert_eq!(outbox.counts(), OutboxCounts { waiting: 10, sent: 0, dropped: 15 });
        assert_eq!(outbox.waiting[0].executor_id, "15");
    }

    #[tokio::test]
    async fn without_a_recommender_nothing_is_kept() {
        let mut outbox = Outbox::new(&PostingConfig::default()).unwrap();
        outbox.add(vec![sample(1)]);
        assert_eq!(outbox.counts(), OutboxCounts::default());
    }
}
