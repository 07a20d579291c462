//! The search for the retry's configuration: space, start, optimizer, simplification.

use std::time::Instant;

use paramedic_domain::{Alternative, Configuration, MemorySide, Policy, Prediction};
use paramedic_spark::MemoryModel;
use paramedic_tuner::{Point, SearchOptions, SearchSpace, SpaceError, minimize};

use crate::{
    bounds::{self, Bounds},
    facts::Facts,
    guardrails::Guardrails,
    model::ModelError,
    objective::{Predictor, objective},
    parameters::{self, Parameter},
    settings::{ObjectiveSettings, SearchSettings},
};

/// A change that gains less than this in the objective is not made.
const WORTHWHILE: f64 = 0.02;

/// Why a search gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The model failed while scoring.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The space is none.
    #[error("the search space is not valid: {0}")]
    Space(#[from] SpaceError),
}

/// The freed parameters and their bounds.
pub struct Freedom {
    parameters: Vec<(Parameter, Bounds)>,
    space: Option<SearchSpace>,
}

impl Freedom {
    /// What may move, and how far.
    pub fn of(
        facts: &Facts,
        failed: &MemoryModel,
        config: &Configuration,
        policy: &Policy,
        settings: &SearchSettings,
    ) -> Result<Self, SpaceError> {
        let mut parameters = Vec::new();
        let mut dimensions = Vec::new();
        for parameter in parameters::freed(facts, failed, config) {
            if !policy.allows(parameter.key()) {
                continue;
            }
            let bounds = bounds::bounds(parameter, facts, failed, policy, settings);
            if let Some(distribution) = bounds::distribution(parameter, bounds) {
                dimensions.push((parameter.key(), distribution));
                parameters.push((parameter, bounds));
            }
        }
        let space = if dimensions.is_empty() { None } else { Some(SearchSpace::new(dimensions)?) };
        Ok(Self { parameters, space })
    }

    /// Nothing may move.
    pub const fn is_empty(&self) -> bool {
        self.space.is_none()
    }

    /// The freed parameters and their bounds, the failing side's own memory first.
    pub fn parameters(&self) -> &[(Parameter, Bounds)] {
        &self.parameters
    }

    /// Points to start from: the failing side's memory escalated, all else as it was; past successes.
    fn start(&self, facts: &Facts, failed: &MemoryModel) -> Vec<Point> {
        let unchanged: Point = self
            .parameters
            .iter()
            .map(|(parameter, bounds)| parameter.value(failed).clamp(bounds.low, bounds.high))
            .collect();
        let mut points = vec![unchanged.clone()];
        for factor in [1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0] {
            let mut point = unchanged.clone();
            if let (Some(first), Some((_, bounds))) = (point.first_mut(), self.parameters.first()) {
                *first = (*first * factor).clamp(bounds.low, bounds.high);
            }
            points.push(point);
        }
        for success in facts.history.successes.iter().filter_map(|config| MemoryModel::of(config).ok()) {
            let point = self
                .parameters
                .iter()
                .map(|(parameter, bounds)| parameter.value(&success).clamp(bounds.low, bounds.high));
            points.push(point.collect());
        }
        if let Some(space) = &self.space {
            for point in &mut points {
                space.clamp(point);
            }
        }
        points
    }

    /// Writes a point over the failed configuration; what did not move is not written.
    fn write(&self, point: &[f64], failed: &MemoryModel, config: &Configuration) -> Configuration {
        let mut written = config.clone();
        for ((parameter, _), value) in self.parameters.iter().zip(point) {
            let from = parameter.value(failed);
            let moved = (value - from).abs() > if parameter.is_integer() { 0.5 } else { 0.005 };
            if moved {
                parameter.write(*value, &mut written);
            }
        }
        written
    }
}

/// A candidate within the guardrails: its configuration, its prediction, its objective.
type Scored = (Configuration, Prediction, f64);

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The best configuration.
    pub config: Configuration,
    /// What the model expects of it.
    pub predicted: Prediction,
    /// Others that came close, best first.
    pub alternatives: Vec<Alternative>,
    /// Candidates scored.
    pub evaluations: u32,
    /// The deadline ended it.
    pub deadline_reached: bool,
}

impl Found {
    /// The same changes over the whole configuration that `slim` is a part of.
    #[must_use]
    pub fn over(mut self, slim: &Configuration, whole: &Configuration) -> Self {
        let restore = |config: &mut Configuration| {
            let mut restored = whole.clone();
            for (key, _, new) in slim.changes(config) {
                match new {
                    Some(value) => restored.insert(key.to_owned(), value.to_owned()),
                    None => restored.remove(key),
                };
            }
            *config = restored;
        };
        restore(&mut self.config);
        self.alternatives.iter_mut().for_each(|alternative| restore(&mut alternative.config));
        self
    }
}

/// Everything that a search needs.
pub struct Search<'a> {
    /// What is known.
    pub facts: &'a Facts,
    /// The failed configuration.
    pub config: &'a Configuration,
    /// Its memory.
    pub failed: &'a MemoryModel,
    /// What may move.
    pub freedom: &'a Freedom,
    /// The model.
    pub predictor: &'a Predictor<'a>,
    /// What narrows every candidate before it is scored.
    pub guardrails: &'a Guardrails<'a>,
    /// Weights.
    pub objective: &'a ObjectiveSettings,
    /// Budget.
    pub settings: &'a SearchSettings,
    /// Cost of an unchanged retry, US dollars.
    pub reference_cost_usd: f64,
    /// Seed of this search.
    pub seed: u64,
}

impl Search<'_> {
    /// Searches. `None` when nothing may move or nothing within the guardrails is left.
    pub fn run(&self) -> Result<Option<Found>, SearchError> {
        let Some(space) = &self.freedom.space else { return Ok(None) };
        let started = Instant::now();
        let deadline = self.settings.deadline();
        let options = SearchOptions {
            seed: self.seed,
            evaluations: self.settings.evaluations,
            batch: self.settings.batch,
            ..SearchOptions::default()
        };
        let mut failure = None;
        let mut score = |points: &[Point]| match self.score(points) {
            Ok(values) => values,
            Err(error) => {
                failure.get_or_insert(error);
                vec![f64::INFINITY; points.len()]
            }
        };
        let start = self.freedom.start(self.facts, self.failed);
        let result = minimize(space, &options, &start, &[], &|| started.elapsed() >= deadline, &mut score);
        if let Some(error) = failure {
            return Err(error);
        }
        if !result.best.value.is_finite() {
            return Ok(None);
        }
        let point = self.simplify(result.best.point.clone(), result.best.value)?;
        let Some((config, predicted, _)) = self.evaluate(std::slice::from_ref(&point))?.pop().flatten() else {
            return Ok(None);
        };
        let mut ranked: Vec<_> = result.trials.iter().filter(|trial| trial.value.is_finite()).collect();
        ranked.sort_by(|a, b| a.value.total_cmp(&b.value));
        let alternatives = self.alternatives(&point, ranked.iter().map(|trial| &trial.point))?;
        Ok(Some(Found {
            config,
            predicted,
            alternatives,
            evaluations: u32::try_from(result.evaluations).unwrap_or(u32::MAX),
            deadline_reached: result.deadline_reached,
        }))
    }

    /// Objective of each point; infinite outside the guardrails.
    fn score(&self, points: &[Point]) -> Result<Vec<f64>, SearchError> {
        Ok(self.evaluate(points)?.into_iter().map(|found| found.map_or(f64::INFINITY, |(_, _, value)| value)).collect())
    }

    fn evaluate(&self, points: &[Point]) -> Result<Vec<Option<Scored>>, SearchError> {
        let candidates: Vec<Option<(Configuration, MemoryModel)>> = points
            .iter()
            .map(|point| {
                let config = self.guardrails.narrow(self.freedom.write(point, self.failed, self.config))?;
                let memory = MemoryModel::of(&config).ok()?;
                Some((config, memory))
            })
            .collect();
        let memories: Vec<MemoryModel> = candidates.iter().flatten().map(|(_, memory)| memory.clone()).collect();
        let mut predictions = self.predictor.predict(&memories)?.into_iter();
        let scored = candidates.into_iter().map(|candidate| {
            let (config, _) = candidate?;
            let prediction = predictions.next()?;
            let value = objective(self.objective, &prediction, self.reference_cost_usd);
            Some((config, prediction, value))
        });
        Ok(scored.collect())
    }

    /// Takes back every change that gains next to nothing: a short patch is one that a person can check.
    fn simplify(&self, mut point: Point, mut value: f64) -> Result<Point, SearchError> {
        // The failing side's own memory, the first, stays: the others are tried, last first.
        for index in (1..point.len()).rev() {
            let Some((parameter, bounds)) = self.freedom.parameters.get(index) else { continue };
            let mut simpler = point.clone();
            if let Some(coordinate) = simpler.get_mut(index) {
                *coordinate = parameter.value(self.failed).clamp(bounds.low, bounds.high);
            }
            let simpler_value = self.score(std::slice::from_ref(&simpler))?.pop().unwrap_or(f64::INFINITY);
            if simpler_value <= value + WORTHWHILE {
                (point, value) = (simpler, simpler_value);
            }
        }
        Ok(point)
    }

    /// Distinct configurations that came close, not within a tenth of one another in the first parameter.
    fn alternatives<'t>(
        &self,
        best: &Point,
        ranked: impl Iterator<Item = &'t Point>,
    ) -> Result<Vec<Alternative>, SearchError> {
        let mut chosen: Vec<Point> = Vec::new();
        let apart =
            |a: &Point, b: &Point| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 0.2 * a.abs().max(b.abs()).max(1e-9));
        for point in ranked {
            if chosen.len() >= self.settings.alternatives_max {
                break;
            }
            if apart(point, best) && chosen.iter().all(|other| apart(point, other)) {
                chosen.push(point.clone());
            }
        }
        let evaluated = self.evaluate(&chosen)?;
        Ok(evaluated.into_iter().flatten().map(|(config, predicted, _)| Alternative { config, predicted }).collect())
    }
}

/// Sides whose memory is a mere limit: raising it reserves nothing.
pub const fn is_limit(side: Option<MemorySide>) -> bool {
    matches!(side, Some(MemorySide::DriverResultSize | MemorySide::KryoBuffer))
}
