//! What a model must pass before it is published.

use std::collections::BTreeMap;

use paramedic_domain::model::{AuditReport, Normalization};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    features::CAPACITY,
    model::{NetworkError, Score, batch::Batch, network::Network},
    simulator::Record,
};

/// Least area under the ROC curve.
const AUC_MIN: f64 = 0.85;
/// Greatest expected calibration error.
const CALIBRATION_ERROR_MAX: f64 = 0.03;
/// Greatest median of the relative cost error.
const COST_ERROR_MAX: f64 = 0.6;
/// A rise below this is the rounding of 32-bit sums, not a rise.
const ROUNDING: f64 = 1e-5;

/// Audits a network on records that it was not trained on.
pub(super) fn audit(
    network: &Network,
    normalization: &Normalization,
    records: &[Record],
) -> Result<AuditReport, NetworkError> {
    let scores = score(network, normalization, records)?;
    let auc = area_under_curve(&scores, records);
    let calibration_error = calibration_error(&scores, records);
    let cost_error_median = cost_error_median(&scores, records);
    let monotonicity_violations = monotonicity_violations(network, normalization, records)?;
    let checks = BTreeMap::from([
        (format!("auc at least {AUC_MIN}"), auc >= AUC_MIN),
        (format!("calibration error at most {CALIBRATION_ERROR_MAX}"), calibration_error <= CALIBRATION_ERROR_MAX),
        (format!("median cost error at most {COST_ERROR_MAX}"), cost_error_median <= COST_ERROR_MAX),
        ("probability never rises with memory".to_owned(), monotonicity_violations == 0),
        ("weights are finite".to_owned(), network.weights_finite()),
    ]);
    Ok(AuditReport {
        records: records.len() as u64,
        auc,
        calibration_error,
        cost_error_median,
        monotonicity_violations,
        checks,
    })
}

fn score(network: &Network, normalization: &Normalization, records: &[Record]) -> Result<Vec<Score>, NetworkError> {
    let mut batch = Batch::default();
    for record in records {
        batch.push_context(normalization, &record.context);
        batch.push_candidate(normalization, &record.candidate);
    }
    network.score(&batch)
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
        .filter(|(_, record)| record.context.duration_known())
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
