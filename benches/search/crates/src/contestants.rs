//! The crates, each as its documentation advises, one trial at a time.

use anyhow::{Context as _, bail};
use rand::{SeedableRng, rngs::StdRng};

use crate::{Kind, Parameter};

/// A search that is asked for a point and told its value; lower is better.
pub(crate) trait Contestant {
    fn ask(&mut self) -> anyhow::Result<Vec<f64>>;
    /// The value of the point that was asked for last.
    fn tell(&mut self, point: &[f64], value: f64) -> anyhow::Result<()>;
    /// The value of a point that was not asked for.
    fn seed(&mut self, point: &[f64], value: f64) -> anyhow::Result<()>;
}

pub(crate) fn contestant(name: &str, seed: u64, parameters: &[Parameter]) -> anyhow::Result<Box<dyn Contestant>> {
    Ok(match name {
        "parzen" => Box::new(Parzen::new(seed, parameters)?),
        "tpe" => Box::new(Tpe::new(seed, parameters)?),
        "optimizer" => Box::new(Optimizer::new(seed, parameters)?),
        _ => bail!("no crate is called {name}"),
    })
}

/// Most parameters of one of its groups.
const GROUP_MAX: usize = 8;

/// `parzen`: its quick preset, with all parameters in one group, so that what depends on each other is modelled together.
struct Parzen {
    study: parzen::Study,
    parameters: Vec<Parameter>,
}

impl Parzen {
    fn new(seed: u64, parameters: &[Parameter]) -> anyhow::Result<Self> {
        let mut space = parzen::SearchSpace::new();
        let mut group = Vec::new();
        for parameter in parameters {
            let (low, high) = (parameter.low as i64, parameter.high as i64);
            let distribution = match (parameter.kind, parameter.log) {
                (Kind::Integer, true) => parzen::Distribution::Int(parzen::IntDistribution::log(low, high)?),
                (Kind::Integer, false) => {
                    let step = parameter.step.unwrap_or(1);
                    parzen::Distribution::Int(parzen::IntDistribution::linear(low, high)?.with_step(step)?)
                }
                (Kind::Float, true) => {
                    parzen::Distribution::Float(parzen::FloatDistribution::log(parameter.low, parameter.high)?)
                }
                (Kind::Float, false) => {
                    parzen::Distribution::Float(parzen::FloatDistribution::linear(parameter.low, parameter.high)?)
                }
            };
            group.push(space.add(parameter.name.as_str(), distribution)?);
        }
        let mut config = parzen::TpeSamplerConfig::performance(seed);
        if (2..=GROUP_MAX).contains(&group.len()) {
            space.add_group(group)?;
            config = config.model(parzen::ModelStrategy::Grouped { max_group_size: GROUP_MAX });
        }
        let sampler = parzen::TpeSampler::new(config)?;
        let study = parzen::Study::new(parzen::Direction::Minimize, sampler, space)?;
        Ok(Self { study, parameters: parameters.to_vec() })
    }
}

impl Contestant for Parzen {
    fn ask(&mut self) -> anyhow::Result<Vec<f64>> {
        let study = &mut self.study;
        let suggest = |parameter: &Parameter| {
            Ok(match parameter.kind {
                Kind::Integer => study.suggest_int(&parameter.name)? as f64,
                Kind::Float => study.suggest_float(&parameter.name)?,
            })
        };
        self.parameters.iter().map(suggest).collect()
    }

    fn tell(&mut self, _point: &[f64], value: f64) -> anyhow::Result<()> {
        self.study.complete_trial(value)?;
        Ok(())
    }

    fn seed(&mut self, point: &[f64], value: f64) -> anyhow::Result<()> {
        let of = |(parameter, value): (&Parameter, &f64)| {
            let value = match parameter.kind {
                Kind::Integer => parzen::ParamValue::Int(*value as i64),
                Kind::Float => parzen::ParamValue::Float(*value),
            };
            (parameter.name.clone(), value)
        };
        let params = self.parameters.iter().zip(point).map(of).collect();
        self.study.add_trial(parzen::TrialInput { params, value })?;
        Ok(())
    }
}

/// `tpe`: an optimizer a parameter, in the logarithm where ratios matter.
struct Tpe {
    optimizers: Vec<tpe::TpeOptimizer>,
    parameters: Vec<Parameter>,
    asked: Vec<f64>,
    rng: StdRng,
}

impl Tpe {
    fn new(seed: u64, parameters: &[Parameter]) -> anyhow::Result<Self> {
        let optimizer = |parameter: &Parameter| {
            // Its ranges leave their end out; whole numbers are rounded.
            let half = if parameter.kind == Kind::Integer { 0.499 } else { 1e-9 };
            let (low, high) = (parameter.low - half, parameter.high + half);
            let range = if parameter.log { tpe::range(low.ln(), high.ln()) } else { tpe::range(low, high) };
            Ok(tpe::TpeOptimizer::new(tpe::parzen_estimator(), range?))
        };
        let optimizers = parameters.iter().map(optimizer).collect::<anyhow::Result<_>>()?;
        Ok(Self { optimizers, parameters: parameters.to_vec(), asked: Vec::new(), rng: StdRng::seed_from_u64(seed) })
    }
}

impl Contestant for Tpe {
    fn ask(&mut self) -> anyhow::Result<Vec<f64>> {
        let rng = &mut self.rng;
        self.asked = self.optimizers.iter_mut().map(|each| each.ask(rng)).collect::<Result<_, _>>()?;
        let plain = |(parameter, asked): (&Parameter, &f64)| if parameter.log { asked.exp() } else { *asked };
        let round = |(parameter, value): (&Parameter, f64)| {
            let value = if parameter.kind == Kind::Integer { value.round() } else { value };
            value.clamp(parameter.low, parameter.high)
        };
        let values = self.parameters.iter().zip(&self.asked).map(plain);
        Ok(self.parameters.iter().zip(values).map(round).collect())
    }

    fn tell(&mut self, _point: &[f64], value: f64) -> anyhow::Result<()> {
        for (optimizer, asked) in self.optimizers.iter_mut().zip(&self.asked) {
            optimizer.tell(*asked, value)?;
        }
        Ok(())
    }

    fn seed(&mut self, point: &[f64], value: f64) -> anyhow::Result<()> {
        for ((optimizer, parameter), at) in self.optimizers.iter_mut().zip(&self.parameters).zip(point) {
            optimizer.tell(if parameter.log { at.ln() } else { *at }, value)?;
        }
        Ok(())
    }
}

/// `optimizer`: its TPE.
struct Optimizer {
    study: optimizer::Study<f64>,
    parameters: Vec<Ranged>,
    trial: Option<optimizer::Trial>,
}

enum Ranged {
    Integer(optimizer::parameter::IntParam),
    Float(optimizer::parameter::FloatParam),
}

impl Optimizer {
    fn new(seed: u64, parameters: &[Parameter]) -> anyhow::Result<Self> {
        let sampler = optimizer::sampler::TpeSampler::builder().seed(seed).build()?;
        let ranged = |parameter: &Parameter| match parameter.kind {
            Kind::Integer => {
                let range = optimizer::parameter::IntParam::new(parameter.low as i64, parameter.high as i64);
                let range = if parameter.log { range.log_scale() } else { range.step(parameter.step.unwrap_or(1) as i64) };
                Ranged::Integer(range.name(&parameter.name))
            }
            Kind::Float => {
                let range = optimizer::parameter::FloatParam::new(parameter.low, parameter.high);
                let range = if parameter.log { range.log_scale() } else { range };
                Ranged::Float(range.name(&parameter.name))
            }
        };
        Ok(Self {
            study: optimizer::Study::minimize(sampler),
            parameters: parameters.iter().map(ranged).collect(),
            trial: None,
        })
    }
}

impl Contestant for Optimizer {
    fn ask(&mut self) -> anyhow::Result<Vec<f64>> {
        use optimizer::parameter::Parameter as _;
        let mut trial = self.study.ask();
        let suggest = |parameter: &Ranged| {
            Ok(match parameter {
                Ranged::Integer(range) => range.suggest(&mut trial)? as f64,
                Ranged::Float(range) => range.suggest(&mut trial)?,
            })
        };
        let point = self.parameters.iter().map(suggest).collect();
        self.trial = Some(trial);
        point
    }

    fn tell(&mut self, _point: &[f64], value: f64) -> anyhow::Result<()> {
        self.study.complete_trial(self.trial.take().context("nothing was asked")?, value);
        Ok(())
    }

    fn seed(&mut self, point: &[f64], value: f64) -> anyhow::Result<()> {
        use optimizer::parameter::{ParamValue, Parameter as _};
        let of = |(parameter, value): (&Ranged, &f64)| match parameter {
            Ranged::Integer(range) => (range.id(), ParamValue::Int(*value as i64)),
            Ranged::Float(range) => (range.id(), ParamValue::Float(*value)),
        };
        self.study.enqueue(self.parameters.iter().zip(point).map(of).collect());
        self.ask()?;
        self.tell(point, value)
    }
}
