//! The report of a version: what its audit found, as JSON and as a page with plots.

mod page;
mod plot;

use paramedic_domain::{
    MemorySide,
    model::{ChampionComparison, Normalization},
};
use serde::{Deserialize, Serialize};

use super::audit;
use crate::{
    features::CONTEXT,
    model::{NetworkError, Score, network::Network},
    simulator::Record,
};
pub use page::page;

/// Name of the report within a version's folder.
pub const JSON_FILE: &str = "report.json";
/// Name of the page within a version's folder.
pub const PAGE_FILE: &str = "report.html";

/// Bins of the calibration curve.
const CALIBRATION_BINS: usize = 10;
/// Points of the ROC curve.
const ROC_POINTS: usize = 101;
/// Bins of the cost error's histogram, from e^-2 to e^2.
const COST_BINS: usize = 41;
const COST_RANGE: f64 = 2.0;
/// Records of one monotonicity curve, and its steps: quarters of an octave, up to four octaves.
const CURVE_RECORDS: usize = 200;
const CURVE_STEPS: usize = 17;
const CURVE_STEP: f32 = 0.25;

/// What the audit of a version found on the records that were held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// Loss of each pass.
    pub losses: Vec<EpochLoss>,
    /// Predicted against observed failures.
    pub calibration: Vec<CalibrationBin>,
    /// The ROC curve, from (0, 0) to (1, 1).
    pub roc: Vec<RocPoint>,
    /// Predicted over real cost: the histogram of its natural logarithm.
    pub cost_error: CostError,
    /// Mean failure probability as the memory grows, by the side that failed.
    pub monotonicity: Vec<MemoryCurve>,
    /// Beside the champion of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionComparison>,
}

/// The losses of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLoss {
    /// On what was trained on.
    pub training: f64,
    /// On the validation slice.
    pub validation: f64,
}

/// The records whose predicted probability lies in one tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Records.
    pub records: u64,
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share that failed.
    pub observed: f64,
}

/// A point of the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of the successes at or above the threshold.
    pub false_positive_rate: f64,
    /// Share of the failures at or above it.
    pub true_positive_rate: f64,
}

/// How predicted costs lie around the real ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostError {
    /// Records by ln(predicted / real), in bins of equal width from −2 to 2; what lies beyond counts at the ends.
    pub counts: Vec<u64>,
    /// Quantiles of predicted / real: 10 %, 50 %, 90 %.
    pub ratio_p10_p50_p90: [f64; 3],
}

/// How the failure probability falls with memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryCurve {
    /// The side that had failed.
    pub side: String,
    /// Records that it is the mean of.
    pub records: u64,
    /// Octaves of memory more than the retry had, and the mean probability.
    pub points: Vec<(f64, f64)>,
}

impl TrainingReport {
    /// Looks at a network on records that were held out.
    pub fn of(
        network: &Network,
        normalization: &Normalization,
        records: &[Record],
        losses: Vec<EpochLoss>,
        champion: Option<ChampionComparison>,
    ) -> Result<Self, NetworkError> {
        let scores = audit::score(network, normalization, records)?;
        Ok(Self {
            losses,
            calibration: calibration(&scores, records),
            roc: roc(&scores, records),
            cost_error: cost_error(&scores, records),
            monotonicity: monotonicity(network, normalization, records)?,
            champion,
        })
    }
}

fn calibration(scores: &[Score], records: &[Record]) -> Vec<CalibrationBin> {
    let mut bins = [CalibrationBin::default(); CALIBRATION_BINS];
    for (score, record) in scores.iter().zip(records) {
        let index = ((score.failure_probability * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
        if let Some(bin) = bins.get_mut(index) {
            bin.records += 1;
            bin.predicted += score.failure_probability;
            bin.observed += f64::from(u8::from(record.failed));
        }
    }
    let mean = |bin: CalibrationBin| CalibrationBin {
        predicted: bin.predicted / bin.records as f64,
        observed: bin.observed / bin.records as f64,
        ..bin
    };
    bins.into_iter().filter(|bin| bin.records > 0).map(mean).collect()
}

fn roc(scores: &[Score], records: &[Record]) -> Vec<RocPoint> {
    let mut ranked: Vec<(f64, bool)> =
        scores.iter().zip(records).map(|(score, record)| (score.failure_probability, record.failed)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let failures = ranked.iter().filter(|(_, failed)| *failed).count().max(1) as f64;
    let successes = (ranked.iter().filter(|(_, failed)| !failed).count()).max(1) as f64;
    let mut points = vec![RocPoint { false_positive_rate: 0.0, true_positive_rate: 0.0 }];
    let (mut found, mut wrong) = (0.0, 0.0);
    let every = (ranked.len() / (ROC_POINTS - 1)).max(1);
    for (index, (_, failed)) in ranked.iter().enumerate() {
        if *failed {
            found += 1.0;
        } else {
            wrong += 1.0;
        }
        if (index + 1) % every == 0 || index + 1 == ranked.len() {
            points.push(RocPoint { false_positive_rate: wrong / successes, true_positive_rate: found / failures });
        }
    }
    points
}

fn cost_error(scores: &[Score], records: &[Record]) -> CostError {
    let timed = scores.iter().zip(records).filter(|(_, record)| record.seconds.is_finite());
    let mut errors: Vec<f64> = timed.map(|(score, record)| score.ln_seconds - record.seconds.max(1.0).ln()).collect();
    errors.sort_by(f64::total_cmp);
    let mut counts = vec![0; COST_BINS];
    for error in &errors {
        let share = (error.clamp(-COST_RANGE, COST_RANGE) + COST_RANGE) / (2.0 * COST_RANGE);
        if let Some(count) = counts.get_mut(((share * COST_BINS as f64) as usize).min(COST_BINS - 1)) {
            *count += 1;
        }
    }
    let quantile = |share: f64| {
        errors
            .get(((errors.len() as f64 * share) as usize).min(errors.len().saturating_sub(1)))
            .map_or(1.0, |it| it.exp())
    };
    CostError { counts, ratio_p10_p50_p90: [quantile(0.1), quantile(0.5), quantile(0.9)] }
}

/// The sides, in the order of the one-hot features that [`CONTEXT`] begins with.
const SIDES: [MemorySide; 8] = [
    MemorySide::ExecutorHeap,
    MemorySide::ExecutorOverhead,
    MemorySide::DriverHeap,
    MemorySide::DriverOverhead,
    MemorySide::PythonWorker,
    MemorySide::DriverResultSize,
    MemorySide::KryoBuffer,
    MemorySide::Offheap,
];

fn monotonicity(
    network: &Network,
    normalization: &Normalization,
    records: &[Record],
) -> Result<Vec<MemoryCurve>, NetworkError> {
    let mut curves = Vec::new();
    for side in SIDES {
        let name = format!("side_{side}");
        let Some(feature) = CONTEXT.iter().position(|feature| *feature == name) else { continue };
        let is_side = |record: &&Record| record.context.context.get(feature).is_some_and(|is| *is > 0.5);
        let chosen: Vec<Record> = records.iter().filter(is_side).take(CURVE_RECORDS).cloned().collect();
        if chosen.is_empty() {
            continue;
        }
        let mut points = Vec::with_capacity(CURVE_STEPS);
        for step in 0..CURVE_STEPS {
            let octaves = step as f32 * CURVE_STEP;
            let mut grown = chosen.clone();
            grown.iter_mut().flat_map(|record| &mut record.candidate.capacity).for_each(|value| *value += octaves);
            let scores = audit::score(network, normalization, &grown)?;
            let mean = scores.iter().map(|score| score.failure_probability).sum::<f64>() / scores.len() as f64;
            points.push((f64::from(octaves), mean));
        }
        curves.push(MemoryCurve { side: side.to_string(), records: chosen.len() as u64, points });
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{simulator, tokens::TokenHash};

    fn scored() -> (Vec<Score>, Vec<Record>) {
        let template = simulator::record(1, 0, &TokenHash::new(1, 16));
        [(0.1, false, 1.0_f64), (0.15, true, 1.0), (0.9, true, std::f64::consts::E)]
            .map(|(p, failed, seconds)| {
                let score = Score { failure_probability: p, ln_seconds: 1.0 };
                (score, Record { failed, seconds, ..template.clone() })
            })
            .into_iter()
            .unzip()
    }

    #[test]
    fn the_curves_of_three_records() {
        let (scores, records) = scored();
        let bins = calibration(&scores, &records);
        assert_eq!((bins.len(), bins[0].records), (2, 2));
        assert!((bins[0].observed - 0.5).abs() < 1e-12 && (bins[0].predicted - 0.125).abs() < 1e-12);
        let last = *roc(&scores, &records).last().unwrap();
        assert_eq!((last.false_positive_rate, last.true_positive_rate), (1.0, 1.0));
        let cost = cost_error(&scores, &records);
        assert_eq!(cost.counts.iter().sum::<u64>(), 3);
        assert!((cost.ratio_p10_p50_p90[2] - std::f64::consts::E).abs() < 1e-9);
    }

    #[test]
    fn memory_curves_never_rise() {
        let hash = TokenHash::new(1, 16);
        let records: Vec<_> = (0..300).map(|index| simulator::record(3, index, &hash)).collect();
        let mut moments = crate::model::batch::Moments::default();
        for record in &records {
            moments.add(&record.context, &record.candidate);
        }
        let curves = monotonicity(&Network::new(1, 16), &moments.normalization(), &records).unwrap();
        assert!(curves.len() >= 6, "{}", curves.len());
        for curve in curves {
            assert!(curve.points.windows(2).all(|pair| pair[1].1 <= pair[0].1 + 1e-6), "{curve:?}");
        }
    }
}
