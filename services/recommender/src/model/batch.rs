//! Rows for the network, normalized and contiguous.

use paramedic_domain::model::Normalization;

use crate::{
    features::{CANDIDATE, CAPACITY, CONTEXT, CandidateFeatures, ContextFeatures},
    simulator::Record,
};

/// Rows for the network. Either one context for all rows (a request's candidates) or one a row (training).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// `rows × CAPACITY`.
    pub capacity: Vec<f32>,
    /// `rows × CANDIDATE`.
    pub candidate: Vec<f32>,
    /// `contexts × CONTEXT`.
    pub context: Vec<f32>,
    /// Token rows of all contexts, one after the other.
    pub tokens: Vec<i64>,
    /// Where each context's tokens begin.
    pub token_offsets: Vec<i64>,
    /// Label: 1 when the retry failed. Empty outside training.
    pub failed: Vec<f32>,
    /// Label: ln of the retry's seconds. Empty outside training.
    pub ln_seconds: Vec<f32>,
    /// How much a row counts. Empty outside training.
    pub weight: Vec<f32>,
    /// 1 where the retry's duration is known. Empty outside training.
    pub timed: Vec<f32>,
}

impl Batch {
    /// The candidates of one request.
    pub fn of_request(
        normalization: &Normalization,
        context: &ContextFeatures,
        candidates: &[CandidateFeatures],
    ) -> Self {
        let mut batch = Self::default();
        batch.push_context(normalization, context);
        for candidate in candidates {
            batch.push_candidate(normalization, candidate);
        }
        batch
    }

    /// Records, a context a row, without their labels.
    pub fn of_records(normalization: &Normalization, records: &[Record]) -> Self {
        let mut batch = Self::default();
        for record in records {
            batch.push_context(normalization, &record.context);
            batch.push_candidate(normalization, &record.candidate);
        }
        batch
    }

    /// Adds a context.
    pub fn push_context(&mut self, normalization: &Normalization, context: &ContextFeatures) {
        self.token_offsets.push(self.tokens.len() as i64);
        self.tokens.extend_from_slice(&context.tokens);
        push_normalized(&mut self.context, &context.context, normalization, CAPACITY.len() + CANDIDATE.len());
    }

    /// Adds a row.
    pub fn push_candidate(&mut self, normalization: &Normalization, candidate: &CandidateFeatures) {
        push_normalized(&mut self.capacity, &candidate.capacity, normalization, 0);
        push_normalized(&mut self.candidate, &candidate.candidate, normalization, CAPACITY.len());
        self.rows += 1;
    }
}

fn push_normalized(to: &mut Vec<f32>, values: &[f32], normalization: &Normalization, offset: usize) {
    to.extend(values.iter().enumerate().map(|(index, value)| {
        let mean = normalization.mean.get(offset + index).copied().unwrap_or(0.0);
        let deviation = normalization.deviation.get(offset + index).copied().unwrap_or(1.0);
        (value - mean) / deviation
    }));
}

/// Collects means and deviations over records.
#[derive(Debug)]
pub struct Moments {
    count: f64,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Default for Moments {
    fn default() -> Self {
        let width = CAPACITY.len() + CANDIDATE.len() + CONTEXT.len();
        Self { count: 0.0, sum: vec![0.0; width], squares: vec![0.0; width] }
    }
}

impl Moments {
    /// Adds one record.
    pub fn add(&mut self, context: &ContextFeatures, candidate: &CandidateFeatures) {
        self.count += 1.0;
        let values = candidate.capacity.iter().chain(&candidate.candidate).chain(&context.context);
        for ((sum, square), value) in self.sum.iter_mut().zip(&mut self.squares).zip(values) {
            *sum += f64::from(*value);
            *square += f64::from(*value) * f64::from(*value);
        }
    }

    /// The normalization. A feature that never varies keeps a deviation of 1.
    pub fn normalization(&self) -> Normalization {
        let count = self.count.max(1.0);
        let mean: Vec<f64> = self.sum.iter().map(|sum| sum / count).collect();
        let deviation = self.squares.iter().zip(&mean).map(|(square, mean)| {
            let variance = (square / count - mean * mean).max(0.0);
            if variance < 1e-6 { 1.0 } else { variance.sqrt() as f32 }
        });
        Normalization { deviation: deviation.collect(), mean: mean.iter().map(|mean| *mean as f32).collect() }
    }
}
