//! What a model must pass before it is published.

use std::{collections::BTreeMap, time::Instant};

use paramedic_domain::model::{AuditReport, ChampionComparison, Normalization, ScoreSummary};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    features::CAPACITY,
    model::{Model, ModelError, NetworkError, Score, batch::Batch, network::Network},
    simulator::Record,
};

/// Greatest expected calibration error of a large slice; of `n` records it is √(1/n) more by chance.
const CALIBRATION_ERROR_MAX: f64 = 0.03;
/// Greatest median of the relative cost error.
const COST_ERROR_MAX: f64 = 0.6;
/// Greatest median time of one batch, in milliseconds: a search scores eight, and a busy host takes its share.
const BATCH_MS_MAX: f64 = 50.0;
/// Candidates of a batch.
const BATCH_ROWS: usize = 256;
/// A rise below this is the rounding of 32-bit sums, not a rise.
const ROUNDING: f64 = 1e-5;
/// How much worse than the champion is no worse: on the last records, and on the reference set, which own outcomes
/// may move a model away from.
const RECENT_LOG_LOSS_RISE_MAX: f64 = 0.01;
const REFERENCE_AUC_FALL_MAX: f64 = 0.05;

/// What a model must reach by itself.
pub(super) struct Bars {
    /// Least area under the ROC curve.
    auc_min: f64,
}

impl Bars {
    /// On simulated records, where it is known what can be known.
    pub(super) const SIMULATED: Self = Self { auc_min: 0.85 };
    /// On real ones any signal will do: the champion is the bar.
    pub(super) const OWN: Self = Self { auc_min: 0.55 };
}

/// Audits a network on records that it was not trained on.
pub(super) fn audit(
    network: &Network,
    normalization: &Normalization,
    records: &[Record],
    bars: &Bars,
) -> Result<AuditReport, NetworkError> {
    let scores = score(network, normalization, records)?;
    let found = summarize(&scores, records);
    let monotonicity_violations = monotonicity_violations(network, normalization, records)?;
    let batch_ms = batch_ms(network, normalization, records)?;
    let calibration_max = CALIBRATION_ERROR_MAX + (1.0 / (records.len().max(1) as f64)).sqrt();
    let mut checks = BTreeMap::from([
        (format!("calibration error at most {calibration_max:.3}"), found.calibration_error <= calibration_max),
        (format!("median cost error at most {COST_ERROR_MAX}"), found.cost_error_median <= COST_ERROR_MAX),
        ("probability never rises with memory".to_owned(), monotonicity_violations == 0),
        ("weights are finite".to_owned(), network.weights_finite()),
        (format!("a batch within {BATCH_MS_MAX} ms"), batch_ms <= BATCH_MS_MAX),
    ]);
    // Where all retries ended alike there is no curve.
    if records.iter().any(|record| record.failed) && records.iter().any(|record| !record.failed) {
        checks.insert(format!("auc at least {}", bars.auc_min), found.auc >= bars.auc_min);
    }
    Ok(AuditReport {
        records: records.len() as u64,
        auc: found.auc,
        calibration_error: found.calibration_error,
        cost_error_median: found.cost_error_median,
        monotonicity_violations,
        log_loss: found.log_loss,
        batch_ms,
        checks,
        champion: None,
    })
}

/// No worse than the champion.
pub(super) fn against_champion(compared: &ChampionComparison) -> BTreeMap<String, bool> {
    let ChampionComparison { recent, champion_recent, reference, champion_reference, .. } = compared;
    BTreeMap::from([
        (
            "log loss on the last records no worse than the champion's".to_owned(),
            recent.log_loss <= champion_recent.log_loss + RECENT_LOG_LOSS_RISE_MAX,
        ),
        (
            "auc on the reference set no worse than the champion's".to_owned(),
            reference.auc >= champion_reference.auc - REFERENCE_AUC_FALL_MAX,
        ),
    ])
}

/// How good a network's predictions are.
pub(super) fn summary(
    network: &Network,
    normalization: &Normalization,
    records: &[Record],
) -> Result<ScoreSummary, NetworkError> {
    Ok(summarize(&score(network, normalization, records)?, records))
}

/// How good a model's predictions are.
pub(super) fn summary_of(model: &Model, records: &[Record]) -> Result<ScoreSummary, ModelError> {
    Ok(summarize(&model.score_records(records)?, records))
}

fn summarize(scores: &[Score], records: &[Record]) -> ScoreSummary {
    ScoreSummary {
        records: records.len() as u64,
        log_loss: log_loss(scores, records),
        auc: area_under_curve(scores, records),
        calibration_error: calibration_error(scores, records),
        cost_error_median: cost_error_median(scores, records),
    }
}

/// Scores records, a context a row.
pub(super) fn score(
    network: &Network,
    normalization: &Normalization,
    records: &[Record],
) -> Result<Vec<Score>, NetworkError> {
    network.score(&Batch::of_records(normalization, records))
}

fn log_loss(scores: &[Score], records: &[Record]) -> f64 {
    let loss = |(score, record): (&Score, &Record)| {
        let p = score.failure_probability.clamp(1e-6, 1.0 - 1e-6);
        if record.failed { -p.ln() } else { -(1.0 - p).ln() }
    };
    scores.iter().zip(records).map(loss).sum::<f64>() / scores.len().max(1) as f64
}

/// Median of some batches of one request each.
fn batch_ms(network: &Network, normalization: &Normalization, records: &[Record]) -> Result<f64, NetworkError> {
    let Some(first) = records.first() else { return Ok(0.0) };
    let candidates = vec![first.candidate.clone(); BATCH_ROWS];
    let batch = Batch::of_request(normalization, &first.context, &candidates);
    let mut times = Vec::new();
    for _ in 0..11 {
        let started = Instant::now();
        network.score(&batch)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or(0.0))
}

/// Probability that a failed retry has a higher score than one that succeeded (Mann and Whitney), ties by half.
fn area_under_curve(scores: &[Score], records: &[Record]) -> f64 {
    let mut ranked: Vec<(f64, bool)> =
        scores.iter().zip(records).map(|(score, record)| (score.failure_probability, record.failed)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = ranked.iter().filter(|(_, failed)| *failed).count() as f64;
    let negatives = ranked.len() as f64 - positives;
    let mut rank_sum = 0.0;
    let mut start = 0;
    while let Some(first) = ranked.get(start) {
        let ties = ranked.iter().skip(start).take_while(|(p, _)| p.total_cmp(&first.0).is_eq()).count();
        let mean_rank = start as f64 + f64::midpoint(ties as f64, 1.0);
        rank_sum += mean_rank * ranked.iter().skip(start).take(ties).filter(|(_, failed)| *failed).count() as f64;
        start += ties;
    }
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// Expected calibration error over ten bins of equal width (Naeini et al., 2015).
fn calibration_error(scores: &[Score], records: &[Record]) -> f64 {
    let mut bins = [(0.0_f64, 0.0_f64, 0.0_f64); 10];
    for (score, record) in scores.iter().zip(records) {
        let bin = ((score.failure_probability * 10.0) as usize).min(9);
        if let Some((count, predicted, real)) = bins.get_mut(bin) {
            *count += 1.0;
            *predicted += score.failure_probability;
            *real += f64::from(u8::from(record.failed));
        }
    }
    bins.iter().map(|(_, predicted, real)| (predicted - real).abs()).sum::<f64>() / scores.len().max(1) as f64
}

/// Median of |predicted − real| / real. The rate is the same on both sides, so the duration's error is the cost's.
fn cost_error_median(scores: &[Score], records: &[Record]) -> f64 {
    let mut errors: Vec<f64> = scores
        .iter()
        .zip(records)
        .filter(|(_, record)| record.context.duration_known() && record.seconds.is_finite())
        .map(|(score, record)| (score.ln_seconds.exp() - record.seconds).abs() / record.seconds.max(1.0))
        .collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(0.0)
}

/// Raises one capacity feature of each record and counts the probabilities that rose.
fn monotonicity_violations(
    network: &Network,
    normalization: &Normalization,
    records: &[Record],
) -> Result<u64, NetworkError> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let raised: Vec<Record> = records
        .iter()
        .map(|record| {
            let mut record = record.clone();
            let feature = rng.random_range(0..CAPACITY.len());
            if let Some(value) = record.candidate.capacity.get_mut(feature) {
                *value += rng.random_range(0.01..3.0_f32);
            }
            record
        })
        .collect();
    let before = score(network, normalization, records)?;
    let after = score(network, normalization, &raised)?;
    let rose = |(before, after): &(Score, Score)| after.failure_probability > before.failure_probability + ROUNDING;
    Ok(before.into_iter().zip(after).filter(rose).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{simulator, tokens::TokenHash};

    fn labelled(probabilities: &[(f64, bool)]) -> (Vec<Score>, Vec<Record>) {
        let template = simulator::record(1, 0, &TokenHash::new(1, 16));
        probabilities
            .iter()
            .map(|(p, failed)| {
                (Score { failure_probability: *p, ln_seconds: 0.0 }, Record { failed: *failed, ..template.clone() })
            })
            .unzip()
    }

    #[test]
    fn the_curve_of_a_perfect_a_reversed_and_a_constant_score() {
        let area = |rows: &[(f64, bool)]| {
            let (scores, records) = labelled(rows);
            area_under_curve(&scores, &records)
        };
        assert!((area(&[(0.1, false), (0.2, false), (0.8, true), (0.9, true)]) - 1.0).abs() < 1e-12);
        assert!(area(&[(0.9, false), (0.1, true)]).abs() < 1e-12);
        assert!((area(&[(0.5, false), (0.5, true), (0.5, false)]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_confident_wrong_score_is_badly_calibrated() {
        let (scores, records) = labelled(&[(1.0, false), (1.0, false)]);
        assert!((calibration_error(&scores, &records) - 1.0).abs() < 1e-12);
        let (scores, records) = labelled(&[(0.5, false), (0.5, true)]);
        assert!(calibration_error(&scores, &records) < 1e-12);
    }
}
