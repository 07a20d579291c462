//! The alternatives that are shown: candidates for which no other is both cheaper and safer.

use crate::search::Candidate;

/// An objective of up to so many times the best is nearly as good.
const NEARLY: f64 = 1.5;
/// Two alternatives differ by at least this much in failure probability, or by as large a share of the cost.
const APART: f64 = 0.02;

/// Up to `most` candidates of a front, apart from the best and from each other: those that are farthest from what is shown
/// already, first among the ones that are nearly as good. Best objective first.
pub(crate) fn alternatives(best: &Candidate, front: &[Candidate], most: usize) -> Vec<Candidate> {
    let mut shown = vec![best];
    for worth_most in [best.value.abs() * NEARLY, f64::INFINITY] {
        while shown.len() <= most {
            let farthest = front
                .iter()
                .filter(|candidate| candidate.value <= worth_most)
                .map(|candidate| {
                    let nearest = shown.iter().map(|other| distance(candidate, other)).fold(f64::INFINITY, f64::min);
                    (nearest, candidate)
                })
                .filter(|(nearest, _)| *nearest >= APART)
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let Some((_, candidate)) = farthest else { break };
            shown.push(candidate);
        }
    }
    let mut alternatives: Vec<Candidate> = shown.into_iter().skip(1).cloned().collect();
    alternatives.sort_by(|one, other| one.value.total_cmp(&other.value));
    alternatives
}

/// Keeps the candidates that no other one beats in both cost and risk, the cheapest first. Of the same cost and risk the
/// one with the lower objective stays: it changes fewer settings.
pub(crate) fn keep_front(candidates: &mut Vec<Candidate>) {
    candidates.sort_by(|one, other| {
        let by_cost = one.predicted.cost_usd.total_cmp(&other.predicted.cost_usd);
        let by_risk = || one.predicted.failure_probability.total_cmp(&other.predicted.failure_probability);
        by_cost.then_with(by_risk).then_with(|| one.value.total_cmp(&other.value))
    });
    let mut least_risk = f64::INFINITY;
    candidates.retain(|candidate| {
        let safer = candidate.predicted.failure_probability < least_risk;
        least_risk = least_risk.min(candidate.predicted.failure_probability);
        safer
    });
}

/// How far apart two candidates are, by risk and by the logarithm of the cost.
fn distance(one: &Candidate, other: &Candidate) -> f64 {
    let risk = (one.predicted.failure_probability - other.predicted.failure_probability).abs();
    let cost = (one.predicted.cost_usd.max(1e-12) / other.predicted.cost_usd.max(1e-12)).ln().abs();
    risk.max(cost)
}

#[cfg(test)]
mod tests {
    use paramedic_domain::Prediction;

    use super::*;

    fn candidate(failure_probability: f64, cost_usd: f64) -> Candidate {
        let value = failure_probability + 0.3 * cost_usd;
        Candidate { point: vec![cost_usd], predicted: Prediction { failure_probability, cost_usd }, value }
    }

    #[test]
    fn alternatives_are_on_the_front_apart_and_not_the_best() {
        let candidates = [
            candidate(0.9, 1.0),
            candidate(0.5, 1.2),
            candidate(0.6, 1.3),
            candidate(0.2, 1.5),
            candidate(0.199, 1.501),
            candidate(0.1, 2.0),
            candidate(0.05, 4.0),
            candidate(0.05, 9.0),
        ];
        let mut front = candidates.to_vec();
        keep_front(&mut front);
        assert!(!front.contains(&candidates[2]) && !front.contains(&candidates[7]));
        let shown = alternatives(&candidates[3], &front, 3);
        assert_eq!(shown.len(), 3);
        for one in &shown {
            let beaten = candidates.iter().any(|other| {
                other.predicted.cost_usd < one.predicted.cost_usd
                    && other.predicted.failure_probability <= one.predicted.failure_probability
            });
            assert!(!beaten && *one != candidates[3] && *one != candidates[4], "{one:?}");
        }
        assert!(shown.contains(&candidates[1]) && shown.contains(&candidates[5]), "{shown:?}");
        assert!(shown.is_sorted_by(|one, other| one.value <= other.value));
    }

    #[test]
    fn where_there_is_one_there_are_no_alternatives() {
        let only = candidate(0.5, 1.0);
        assert!(alternatives(&only, std::slice::from_ref(&only), 3).is_empty());
        assert!(alternatives(&only, &[], 3).is_empty());
    }
}
