//! The network's forward pass for one request, without libtorch.
//!
//! A search scores some thousand candidates, a few dozen at a time, and a call of libtorch costs more than the sums that
//! it does for them. What does not depend on the candidate is computed once a request; candidates go through the
//! rest in blocks of eight, which the compiler turns into vector instructions. The sums have one order, on any machine.
//! A test holds the scores to libtorch's.

use std::collections::BTreeMap;

use paramedic_domain::model::Normalization;

use super::network::{Network, NetworkError, Score};
use crate::features::{CANDIDATE, CAPACITY, CONTEXT, CandidateFeatures, ContextFeatures};

/// Candidates in a block.
const LANES: usize = 8;
type Lanes = [f32; LANES];

/// Inputs of a candidate: capacity features, then candidate features.
const INPUTS: usize = CAPACITY.len() + CANDIDATE.len();

/// A network's weights, laid out for the forward pass.
pub struct Inference {
    /// A row a token.
    embedding: Matrix,
    shared: [Linear; 2],
    gate: Linear,
    monotone_context: Linear,
    failure: Linear,
    /// A row a unit, softplus applied.
    monotone: Vec<[f32; CAPACITY.len()]>,
    monotone_out: Vec<f32>,
    direct: Vec<f32>,
    /// The part of the cost head's first layer that the shared layers feed.
    cost_shared: Linear,
    /// The part that the candidate feeds, a row a unit.
    cost_candidate: Vec<[f32; INPUTS]>,
    cost_out: Vec<f32>,
    cost_bias: f32,
    calibration: [f32; 2],
}

impl Inference {
    /// Takes over a network's weights.
    pub fn of(network: &Network) -> Result<Self, NetworkError> {
        let mut weights = Weights(network.weights()?);
        let shared = [weights.linear("shared1")?, weights.linear("shared2")?];
        let [first, second] = &shared;
        let embedding =
            Matrix { columns: first.weights.columns.saturating_sub(CONTEXT.len()), values: weights.take("embedding")? };
        let monotone_context = weights.linear("monotone_context")?;
        let monotone = weights.take("monotone")?;
        let units = monotone_context.bias.len();
        let monotone_row = |unit| {
            std::array::from_fn(|input: usize| softplus(monotone.get(input * units + unit).copied().unwrap_or(0.0)))
        };
        let (cost_shared, cost_candidate) = weights.linear("cost1")?.split(second.bias.len());
        let cost_out = weights.linear("cost2")?;
        Ok(Self {
            embedding,
            gate: weights.linear("gate")?,
            failure: weights.linear("failure")?,
            monotone: (0..units).map(monotone_row).collect(),
            monotone_context,
            monotone_out: weights.take("monotone_out")?.into_iter().map(softplus).collect(),
            direct: weights.take("direct")?.into_iter().map(softplus).collect(),
            cost_shared,
            cost_candidate,
            cost_bias: cost_out.bias.first().copied().unwrap_or(0.0),
            cost_out: cost_out.weights.values,
            calibration: weights.take("calibration")?.try_into().map_err(|_| NetworkError::Shape("calibration"))?,
            shared,
        })
    }

    /// Computes what all candidates of a request share.
    pub fn request<'a>(&'a self, normalization: &'a Normalization, context: &ContextFeatures) -> RequestInference<'a> {
        let mut input: Vec<f32> = context
            .context
            .iter()
            .enumerate()
            .map(|(index, value)| normalized(normalization, INPUTS + index, *value))
            .collect();
        input.extend(self.embedding.mean_of_rows(&context.tokens));
        let [first, second] = &self.shared;
        let shared = relu(second.forward(&relu(first.forward(&input))));
        let gate = self.gate.forward(&shared);
        RequestInference {
            inference: self,
            normalization,
            gate: std::array::from_fn(|input| gate.get(input).map_or(1.0, |logit| 2.0 / (1.0 + (-logit).exp()))),
            monotone_bias: self.monotone_context.forward(&shared),
            failure_logit: self.failure.forward(&shared).first().copied().unwrap_or(0.0),
            cost_bias: self.cost_shared.forward(&shared),
        }
    }
}

/// A network's forward pass, up to where candidates differ.
pub struct RequestInference<'a> {
    inference: &'a Inference,
    normalization: &'a Normalization,
    gate: [f32; CAPACITY.len()],
    monotone_bias: Vec<f32>,
    failure_logit: f32,
    cost_bias: Vec<f32>,
}

impl RequestInference<'_> {
    /// Scores candidates.
    pub fn score(&self, candidates: &[CandidateFeatures]) -> Result<Vec<Score>, NetworkError> {
        let mut scores = Vec::with_capacity(candidates.len());
        for block in candidates.chunks(LANES) {
            let (logit, ln_seconds) = self.score_block(&self.inputs(block));
            let scored = logit.into_iter().zip(ln_seconds).take(block.len());
            scores.extend(scored.map(|(logit, ln_seconds)| Score {
                failure_probability: f64::from(1.0 / (1.0 + (-logit).exp())),
                ln_seconds: f64::from(ln_seconds),
            }));
        }
        let finite = |score: &Score| score.failure_probability.is_finite() && score.ln_seconds.is_finite();
        if scores.iter().all(finite) { Ok(scores) } else { Err(NetworkError::NotFinite) }
    }

    /// The normalized inputs of a block, an input a row; lanes without a candidate stay 0.
    fn inputs(&self, block: &[CandidateFeatures]) -> [Lanes; INPUTS] {
        let mut inputs = [[0.0; LANES]; INPUTS];
        for (lane, features) in block.iter().enumerate() {
            let values = features.capacity.iter().chain(&features.candidate);
            for (index, (row, value)) in inputs.iter_mut().zip(values).enumerate() {
                row[lane] = normalized(self.normalization, index, *value);
            }
        }
        inputs
    }

    /// The calibrated logits of failure and the logarithms of the seconds.
    fn score_block(&self, inputs: &[Lanes; INPUTS]) -> (Lanes, Lanes) {
        let network = self.inference;
        let mut gated = [[0.0; LANES]; CAPACITY.len()];
        for ((gated, input), gate) in gated.iter_mut().zip(inputs).zip(&self.gate) {
            add_scaled(gated, input, *gate);
        }
        let mut relief = [0.0; LANES];
        for (input, weight) in gated.iter().zip(&network.direct) {
            add_scaled(&mut relief, input, *weight);
        }
        for ((row, bias), out) in network.monotone.iter().zip(&self.monotone_bias).zip(&network.monotone_out) {
            let mut hidden = [*bias; LANES];
            for (input, weight) in gated.iter().zip(row) {
                add_scaled(&mut hidden, input, *weight);
            }
            add_scaled(&mut relief, &hidden.map(hyperbolic_tangent), *out);
        }
        let [scale, shift] = network.calibration;
        let logit = relief.map(|relief| (self.failure_logit - relief) * scale + shift);

        let mut ln_seconds = [network.cost_bias; LANES];
        for ((row, bias), out) in network.cost_candidate.iter().zip(&self.cost_bias).zip(&network.cost_out) {
            let mut hidden = [*bias; LANES];
            for (input, weight) in inputs.iter().zip(row) {
                add_scaled(&mut hidden, input, *weight);
            }
            add_scaled(&mut ln_seconds, &hidden.map(|value| if value > 0.0 { value } else { 0.0 }), *out);
        }
        (logit, ln_seconds)
    }
}

#[inline]
fn add_scaled(sum: &mut Lanes, values: &Lanes, scale: f32) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value * scale;
    }
}

fn normalized(normalization: &Normalization, index: usize, value: f32) -> f32 {
    let mean = normalization.mean.get(index).copied().unwrap_or(0.0);
    let deviation = normalization.deviation.get(index).copied().unwrap_or(1.0);
    (value - mean) / deviation
}

fn relu(mut values: Vec<f32>) -> Vec<f32> {
    for value in &mut values {
        *value = value.max(0.0);
    }
    values
}

/// As libtorch: from 20 on it is the identity.
fn softplus(value: f32) -> f32 {
    if value > 20.0 { value } else { f64::from(value).exp().ln_1p() as f32 }
}

/// (e^2x − 1) / (e^2x + 1), off by some 1e-7; without branches, so that a block goes through at once.
#[inline]
fn hyperbolic_tangent(x: f32) -> f32 {
    let x = if x > 9.0 { 9.0 } else { x };
    let x = if x < -9.0 { -9.0 } else { x };
    let power = exponential(2.0 * x);
    (power - 1.0) / (power + 1.0)
}

/// e^x for −87 to 87: 2^n times a polynomial on the rest, as Cephes' `expf` has it.
#[inline]
fn exponential(x: f32) -> f32 {
    // Added to a number below 2^22 it leaves no room for a fraction: the sum is rounded.
    const ROUNDING: f32 = 12_582_912.0;
    let n = (x * std::f32::consts::LOG2_E + ROUNDING) - ROUNDING;
    // ln 2 in two parts, the first of few bits, so that n times it is exact.
    let rest = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let polynomial = ((((1.987_569_1e-4 * rest + 1.398_2e-3) * rest + 8.333_452e-3) * rest + 4.166_579_6e-2) * rest
        + 1.666_666_5e-1)
        * rest
        + 0.5;
    let mantissa = polynomial * rest * rest + rest + 1.0;
    mantissa * f32::from_bits(((n as i32 + 127) << 23).cast_unsigned())
}

/// Numbers in rows.
struct Matrix {
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn row(&self, row: usize) -> &[f32] {
        self.values.get(row * self.columns..(row + 1) * self.columns).unwrap_or_default()
    }

    /// The mean of some rows; zeros of none.
    fn mean_of_rows(&self, rows: &[i64]) -> Vec<f32> {
        let mut mean = vec![0.0; self.columns];
        for row in rows.iter().filter_map(|row| usize::try_from(*row).ok()) {
            mean.iter_mut().zip(self.row(row)).for_each(|(sum, value)| *sum += value);
        }
        for sum in &mut mean {
            *sum /= rows.len().max(1) as f32;
        }
        mean
    }
}

/// A fully connected layer, a row an output.
struct Linear {
    weights: Matrix,
    bias: Vec<f32>,
}

impl Linear {
    fn forward(&self, input: &[f32]) -> Vec<f32> {
        let product =
            |row: usize| -> f32 { self.weights.row(row).iter().zip(input).map(|(weight, value)| weight * value).sum() };
        self.bias.iter().enumerate().map(|(row, bias)| bias + product(row)).collect()
    }

    /// The layer of the first `columns` inputs, with the bias, and the rows of the others.
    fn split(self, columns: usize) -> (Self, Vec<[f32; INPUTS]>) {
        let rows = 0..self.bias.len();
        let rest = |row| {
            let row = self.weights.row(row);
            std::array::from_fn(|input| row.get(columns + input).copied().unwrap_or(0.0))
        };
        let others = rows.clone().map(rest).collect();
        let values = rows.flat_map(|row| self.weights.row(row).iter().take(columns)).copied().collect();
        (Self { weights: Matrix { columns, values }, bias: self.bias }, others)
    }
}

/// Weights by name, row by row.
struct Weights(BTreeMap<String, Vec<f32>>);

impl Weights {
    fn take(&mut self, name: &'static str) -> Result<Vec<f32>, NetworkError> {
        self.0.remove(name).ok_or(NetworkError::Shape(name))
    }

    fn linear(&mut self, name: &'static str) -> Result<Linear, NetworkError> {
        let mut part = |part: &str| self.0.remove(&format!("{name}.{part}")).ok_or(NetworkError::Shape(name));
        let (values, bias) = (part("weight")?, part("bias")?);
        if bias.is_empty() || values.len() % bias.len() != 0 {
            return Err(NetworkError::Shape(name));
        }
        Ok(Linear { weights: Matrix { columns: values.len() / bias.len(), values }, bias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::batch::Batch, simulator, tokens::TokenHash};

    #[test]
    fn the_hyperbolic_tangent_is_one() {
        for step in -2_000..=2_000 {
            let x = step as f32 / 100.0;
            assert!((f64::from(hyperbolic_tangent(x)) - f64::from(x).tanh()).abs() < 4e-7, "{x}");
        }
    }

    #[test]
    fn scores_are_those_of_libtorch() {
        let hash = TokenHash::new(1, 64);
        let width = INPUTS + CONTEXT.len();
        let normalization = Normalization {
            mean: (0..width).map(|index| index as f32 / 50.0 - 0.5).collect(),
            deviation: (0..width).map(|index| 0.5 + index as f32 / 40.0).collect(),
        };
        for seed in 0..4 {
            let network = Network::new(seed, 64);
            let inference = Inference::of(&network).unwrap();
            for index in 0..50 {
                let context = simulator::record(seed, index, &hash).context;
                let count = 1 + index as usize % 19;
                let candidates: Vec<_> = (0..count as u64)
                    .map(|candidate| simulator::record(seed, 1_000 + candidate, &hash).candidate)
                    .collect();
                let expected = network.score(&Batch::of_request(&normalization, &context, &candidates)).unwrap();
                let scores = inference.request(&normalization, &context).score(&candidates).unwrap();
                assert_eq!(scores.len(), count);
                for (score, expected) in scores.iter().zip(&expected) {
                    let probability = (score.failure_probability - expected.failure_probability).abs();
                    assert!(probability < 2e-6, "{score:?} {expected:?}");
                    let seconds = (score.ln_seconds - expected.ln_seconds).abs();
                    assert!(seconds < 1e-5 * expected.ln_seconds.abs().max(1.0), "{score:?} {expected:?}");
                }
            }
        }
    }
}
