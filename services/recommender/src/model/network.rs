//! The two-head network, in libtorch. The only module that names `tch`.
//!
//! ```text
//! tokens ── embedding bag ─┐
//! context ─────────────────┴─ shared (64, 64) ─┬─ failure head: logit, never rising in a capacity feature
//! capacity ────────────────────────────────────┤
//! candidate ───────────────────────────────────┴─ cost head: ln seconds (+ ln rate = ln cost)
//! ```
//!
//! The failure head is a partially monotone network: capacity features enter through positive weights only (softplus),
//! gated by the context, into units that are subtracted (Daniels and Velikova, 2010). So a candidate with more of any
//! memory and nothing less never has a higher failure probability, whatever was learned.

use std::{collections::BTreeMap, path::Path};

use tch::{
    Device, Tensor,
    nn::{self, Module, OptimizerConfig},
};

use super::batch::Batch;
use crate::features::{CANDIDATE, CAPACITY, CONTEXT};

const EMBEDDING: i64 = 16;
const SHARED: i64 = 64;
const MONOTONE: i64 = 32;
const COST: i64 = 48;
/// `EmbeddingBag`'s mode: the mean of a bag.
const MEAN: i64 = 1;

/// Failures of libtorch.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The weights do not fit this network, or libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// `cuda` was asked for, and libtorch finds none.
    #[error("libtorch finds no CUDA device here; `auto` takes the CPU then")]
    NoCuda,
    /// A weight or an answer is not a finite number.
    #[error("the network answers with numbers that are not finite")]
    NotFinite,
    /// A layer is missing or has another shape.
    #[error("the network's `{0}` is missing or has another shape")]
    Shape(&'static str),
}

/// Where a network is trained. It is always hosted on the CPU: a batch of a request is too small to gain from more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrainingDevice {
    /// CUDA where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU: the same seed gives the same weights.
    Cpu,
    /// CUDA, or an error.
    Cuda,
}

impl std::str::FromStr for TrainingDevice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err("give `auto`, `cpu` or `cuda`".to_owned()),
        }
    }
}

impl TrainingDevice {
    fn resolve(self) -> Result<Device, NetworkError> {
        match (self, tch::Cuda::is_available()) {
            (Self::Cpu, _) | (Self::Auto, false) => Ok(Device::Cpu),
            (Self::Auto | Self::Cuda, true) => Ok(Device::Cuda(0)),
            (Self::Cuda, false) => Err(NetworkError::NoCuda),
        }
    }
}

/// What the network says of one candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Calibrated probability that a retry fails, 0 to 1.
    pub failure_probability: f64,
    /// Natural logarithm of the retry's duration in seconds.
    pub ln_seconds: f64,
}

/// The network and its weights.
pub struct Network {
    variables: nn::VarStore,
    embedding: Tensor,
    shared: nn::Sequential,
    gate: nn::Linear,
    monotone: Tensor,
    monotone_context: nn::Linear,
    monotone_out: Tensor,
    direct: Tensor,
    failure: nn::Linear,
    cost: nn::Sequential,
    calibration: Tensor,
}

impl Network {
    /// A network with fresh weights from `seed`, on the CPU.
    pub fn new(seed: u64, buckets: u32) -> Self {
        Self::on(Device::Cpu, seed, buckets)
    }

    fn on(device: Device, seed: u64, buckets: u32) -> Self {
        // One thread: the sums come in one order, so the same seed gives the same weights; and a batch of 256 rows is
        // too small to gain from more.
        tch::set_num_threads(1);
        tch::manual_seed(seed as i64);
        let variables = nn::VarStore::new(device);
        let root = variables.root();
        let capacity = CAPACITY.len() as i64;
        let candidate = CANDIDATE.len() as i64;
        let context = CONTEXT.len() as i64;
        let linear = |name: &str, from: i64, to: i64| nn::linear(&root / name, from, to, nn::LinearConfig::default());
        let start = nn::Init::Randn { mean: -1.5, stdev: 0.3 };
        Self {
            // Zero: a token that training never saw adds nothing.
            embedding: root.zeros("embedding", &[i64::from(buckets), EMBEDDING]),
            shared: nn::seq()
                .add(linear("shared1", context + EMBEDDING, SHARED))
                .add_fn(Tensor::relu)
                .add(linear("shared2", SHARED, SHARED))
                .add_fn(Tensor::relu),
            gate: linear("gate", SHARED, capacity),
            monotone: root.var("monotone", &[capacity, MONOTONE], start),
            monotone_context: linear("monotone_context", SHARED, MONOTONE),
            monotone_out: root.var("monotone_out", &[MONOTONE, 1], start),
            direct: root.var("direct", &[capacity, 1], start),
            failure: linear("failure", SHARED, 1),
            cost: nn::seq()
                .add(linear("cost1", SHARED + capacity + candidate, COST))
                .add_fn(Tensor::relu)
                .add(linear("cost2", COST, 1)),
            calibration: root.var_copy("calibration", &Tensor::from_slice(&[1.0_f32, 0.0]).to_device(device)),
            variables,
        }
    }

    /// Reads weights.
    pub fn load(path: &Path, buckets: u32) -> Result<Self, NetworkError> {
        let mut network = Self::new(0, buckets);
        network.variables.load(path)?;
        network.variables.freeze();
        if network.weights_finite() { Ok(network) } else { Err(NetworkError::NotFinite) }
    }

    /// Writes weights, safetensors.
    pub fn save(&self, path: &Path) -> Result<(), NetworkError> {
        Ok(self.variables.save(path)?)
    }

    /// The same weights on the CPU.
    fn into_cpu(self, buckets: u32) -> Self {
        if self.variables.device() == Device::Cpu {
            return self;
        }
        let there = Self::new(0, buckets);
        let weights = self.variables.variables();
        tch::no_grad(|| {
            for (name, mut copy) in there.variables.variables() {
                if let Some(original) = weights.get(&name) {
                    copy.copy_(original);
                }
            }
        });
        there
    }

    /// The weights by name, row by row.
    pub fn weights(&self) -> Result<BTreeMap<String, Vec<f32>>, NetworkError> {
        let named = self.variables.variables().into_iter().map(|(name, tensor)| -> Result<_, NetworkError> {
            let rows: Vec<f32> = Vec::try_from(tensor.detach().to_device(Device::Cpu).flatten(0, -1))?;
            Ok((name, rows))
        });
        named.collect()
    }

    /// Every weight is a finite number.
    pub fn weights_finite(&self) -> bool {
        self.variables.variables().values().all(|weights| weights.isfinite().all().int64_value(&[]) == 1)
    }

    /// Scores a batch, calibrated.
    pub fn score(&self, batch: &Batch) -> Result<Vec<Score>, NetworkError> {
        let (logit, ln_seconds) = tch::no_grad(|| {
            let (logit, ln_seconds) = self.forward(batch);
            (self.calibrated(&logit), ln_seconds)
        });
        let probability: Vec<f32> = Vec::try_from(logit.sigmoid().to_device(Device::Cpu))?;
        let ln_seconds: Vec<f32> = Vec::try_from(ln_seconds.to_device(Device::Cpu))?;
        let scores: Vec<Score> = probability
            .into_iter()
            .zip(ln_seconds)
            .map(|(p, s)| Score { failure_probability: f64::from(p), ln_seconds: f64::from(s) })
            .collect();
        let finite = scores.iter().all(|score| score.failure_probability.is_finite() && score.ln_seconds.is_finite());
        if finite { Ok(scores) } else { Err(NetworkError::NotFinite) }
    }

    /// Uncalibrated failure logit and ln seconds, one a row.
    fn forward(&self, batch: &Batch) -> (Tensor, Tensor) {
        let rows = batch.rows as i64;
        let capacity = self.tensor(&batch.capacity).reshape([rows, CAPACITY.len() as i64]);
        let candidate = self.tensor(&batch.candidate).reshape([rows, CANDIDATE.len() as i64]);
        let shared = self.shared_rows(batch);
        // One context for every row of a request: computed once, spread over the rows.
        let shared = shared.expand([rows, SHARED], false);
        let gated = &capacity * (self.gate.forward(&shared).sigmoid() * 2.0);
        let hidden = (gated.matmul(&self.monotone.softplus()) + self.monotone_context.forward(&shared)).tanh();
        let relief = hidden.matmul(&self.monotone_out.softplus()) + gated.matmul(&self.direct.softplus());
        let logit = self.failure.forward(&shared) - relief;
        let ln_seconds = self.cost.forward(&Tensor::cat(&[shared, capacity, candidate], 1));
        (logit.squeeze_dim(1), ln_seconds.squeeze_dim(1))
    }

    fn tensor<T: tch::kind::Element>(&self, values: &[T]) -> Tensor {
        Tensor::from_slice(values).to_device(self.variables.device())
    }

    fn shared_rows(&self, batch: &Batch) -> Tensor {
        let contexts = batch.token_offsets.len() as i64;
        let context = self.tensor(&batch.context).reshape([contexts, CONTEXT.len() as i64]);
        let tokens = self.tensor(&batch.tokens);
        let offsets = self.tensor(&batch.token_offsets);
        let (bag, ..) =
            Tensor::embedding_bag::<Tensor>(&self.embedding, &tokens, &offsets, false, MEAN, false, None, false);
        self.shared.forward(&Tensor::cat(&[context, bag], 1))
    }

    fn calibrated(&self, logit: &Tensor) -> Tensor {
        logit * self.calibration.get(0) + self.calibration.get(1)
    }
}

/// Trains a network: Adam on one weighted loss.
pub struct Trainer {
    network: Network,
    optimizer: nn::Optimizer,
    cost_loss_weight: f64,
    buckets: u32,
}

impl Trainer {
    /// A fresh network to train.
    pub fn new(seed: u64, buckets: u32, learning_rate: f64, device: TrainingDevice) -> Result<Self, NetworkError> {
        let network = Network::on(device.resolve()?, seed, buckets);
        let optimizer = nn::Adam::default().build(&network.variables, learning_rate)?;
        Ok(Self { network, optimizer, cost_loss_weight: 0.2, buckets })
    }

    /// One step; the loss before it.
    pub fn step(&mut self, batch: &Batch) -> Result<f64, NetworkError> {
        let loss = self.loss(batch);
        self.optimizer.backward_step_clip_norm(&loss, 1.0);
        Ok(f64::try_from(loss)?)
    }

    /// The loss on a batch, nothing learned.
    pub fn evaluate(&self, batch: &Batch) -> Result<f64, NetworkError> {
        Ok(f64::try_from(tch::no_grad(|| self.loss(batch)))?)
    }

    /// Sets the learning rate.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.optimizer.set_lr(learning_rate);
    }

    /// Keeps a copy of the weights, to return to after a step too far.
    pub fn snapshot(&self) -> Result<Snapshot, NetworkError> {
        let mut copy = nn::VarStore::new(self.network.variables.device());
        let root = copy.root();
        for (name, weights) in self.network.variables.variables() {
            let _ = root.var_copy(&name.replace('.', "|"), &weights);
        }
        copy.freeze();
        Ok(Snapshot(copy))
    }

    /// Returns to a copy.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let saved = snapshot.0.variables();
        tch::no_grad(|| {
            for (name, mut weights) in self.network.variables.variables() {
                if let Some(copy) = saved.get(&name.replace('.', "|")) {
                    weights.copy_(copy);
                }
            }
        });
    }

    /// Fits scale and shift of the logit on a slice that was not trained on (Platt, 1999), and gives the network.
    pub fn calibrate(self, batch: &Batch) -> Result<Network, NetworkError> {
        let (logit, target) = tch::no_grad(|| (self.network.forward(batch).0, self.network.tensor(&batch.failed)));
        let variables = nn::VarStore::new(self.network.variables.device());
        // The scale is an exponential: positive, so that the probability stays monotone.
        let fit = variables.root().zeros("fit", &[2]);
        let mut optimizer = nn::Adam::default().build(&variables, 0.05)?;
        for _ in 0..200 {
            let loss = (&logit * fit.get(0).exp() + fit.get(1)).binary_cross_entropy_with_logits::<Tensor>(
                &target,
                None,
                None,
                tch::Reduction::Mean,
            );
            optimizer.backward_step(&loss);
        }
        tch::no_grad(|| {
            let mut calibration = self.network.calibration.shallow_clone();
            calibration.copy_(&Tensor::stack(&[fit.get(0).exp(), fit.get(1)], 0));
        });
        let buckets = self.buckets;
        Ok(self.network.into_cpu(buckets))
    }

    fn loss(&self, batch: &Batch) -> Tensor {
        let network = &self.network;
        let (logit, ln_seconds) = network.forward(batch);
        let failed = network.tensor(&batch.failed);
        let target = network.tensor(&batch.ln_seconds);
        let weights = network.tensor(&batch.weight);
        let timed = &weights * network.tensor(&batch.timed);
        let failure = logit.binary_cross_entropy_with_logits(&failed, Some(&weights), None, tch::Reduction::Sum);
        let cost = (ln_seconds.huber_loss(&target, tch::Reduction::None, 1.0) * &timed).sum(tch::Kind::Float);
        let mean = |loss: Tensor, weights: &Tensor| loss / weights.sum(tch::Kind::Float).clamp_min(1e-6);
        mean(failure, &weights) + mean(cost, &timed) * self.cost_loss_weight
    }
}

/// A copy of the weights.
pub struct Snapshot(nn::VarStore);
