//! The search for the retry's configuration.

use paramedic_domain::{Alternative, Configuration, MemorySide, Prediction};
use paramedic_spark::{MemoryModel, MemorySettings};
use paramedic_tuner::{Point, SearchOptions, SpaceError, minimize};

use crate::{
    facts::Facts,
    freedom::Freedom,
    front,
    guardrails::Guardrails,
    model::ModelError,
    objective::{Predictor, objective},
    settings::{ObjectiveSettings, SearchSettings},
};

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

/// A point within the guardrails and what is expected there.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// A value for each freed parameter.
    pub point: Point,
    /// What the model expects.
    pub predicted: Prediction,
    /// The objective, lower is better.
    pub value: f64,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The best configuration.
    pub config: Configuration,
    /// What the model expects of it.
    pub predicted: Prediction,
    /// The objective there.
    pub value: f64,
    /// Others on the front of cost and risk, the best first.
    pub alternatives: Vec<Alternative>,
    /// Candidates scored.
    pub evaluations: u32,
    /// The deadline ended it.
    pub deadline_reached: bool,
}

/// Everything that a search needs.
pub struct Search<'a> {
    /// What is known.
    pub facts: &'a Facts,
    /// The failed configuration.
    pub config: &'a Configuration,
    /// Its settings of memory.
    pub memory: &'a MemorySettings,
    /// What they gave to whom.
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
    /// Whether the deadline has passed.
    pub expired: &'a dyn Fn() -> bool,
}

/// Shares of a search's evaluations for all refinement, and for its end: the model is smooth, so that what is near the good
/// points is worth more than what the densities propose.
const REFINEMENT: f64 = 0.75;
const POLISH: f64 = 0.4;

/// Points scored between two looks at the clock: some 30 µs. One of the search's batches may take ten times as long.
const UNWATCHED: usize = 32;

impl Search<'_> {
    /// Searches. `None` when nothing may move or nothing within the guardrails is left.
    pub fn run(&self) -> Result<Option<Found>, SearchError> {
        let Some(space) = self.freedom.space() else { return Ok(None) };
        let options = SearchOptions {
            seed: self.seed,
            evaluations: self.settings.evaluations,
            batch: self.settings.batch,
            refinement: REFINEMENT,
            polish: POLISH,
            home: Some(self.freedom.home(self.failed)),
            ..SearchOptions::default()
        };
        let mut seen = Seen::default();
        let mut failure = None;
        let mut score = |points: &[Point]| {
            self.score(points, &mut seen).unwrap_or_else(|error| {
                failure.get_or_insert(error);
                Vec::new()
            })
        };
        let start = self.freedom.start(self.facts, self.failed);
        let result = minimize(space, &options, &start, &[], self.expired, &mut score);
        if let Some(error) = failure {
            return Err(error);
        }
        let Some(best) = seen.best else { return Ok(None) };
        let Some(config) = self.write(&best) else { return Ok(None) };
        let others = front::alternatives(&best, &seen.front, self.settings.alternatives_max);
        let alternatives = others
            .iter()
            .filter_map(|other| Some(Alternative { config: self.write(other)?, predicted: other.predicted }));
        Ok(Some(Found {
            config,
            predicted: best.predicted,
            value: best.value,
            alternatives: alternatives.collect(),
            evaluations: seen.evaluations,
            deadline_reached: result.deadline_reached,
        }))
    }

    /// The objective of points, in their order, as far as there is time.
    fn score(&self, points: &[Point], seen: &mut Seen) -> Result<Vec<f64>, SearchError> {
        let mut values = Vec::with_capacity(points.len());
        for part in points.chunks(UNWATCHED) {
            if !values.is_empty() && (self.expired)() {
                break;
            }
            let scored = self.evaluate(part)?;
            values.extend(scored.iter().map(|found| found.as_ref().map_or(f64::INFINITY, |found| found.value)));
            seen.take(scored);
        }
        Ok(values)
    }

    /// Scores points in one call of the model; nothing for those outside the guardrails.
    pub fn evaluate(&self, points: &[Point]) -> Result<Vec<Option<Candidate>>, SearchError> {
        let memories = points.iter().map(|point| self.freedom.apply(point, self.failed, self.memory).model());
        let memories: Vec<MemoryModel> = memories.collect();
        let admitted: Vec<bool> = memories.iter().map(|memory| self.guardrails.admit(memory)).collect();
        let scored = memories.into_iter().zip(&admitted).filter_map(|(memory, admitted)| admitted.then_some(memory));
        let mut predictions = self.predictor.predict(&scored.collect::<Vec<_>>())?.into_iter();
        let candidate = |(point, admitted): (&Point, bool)| {
            let predicted = if admitted { predictions.next()? } else { return None };
            let price = self.objective.change_weight * self.freedom.other_changes(point, self.failed) as f64;
            let value = objective(self.objective, &predicted, self.reference_cost_usd) + price;
            Some(Candidate { point: point.clone(), predicted, value })
        };
        Ok(points.iter().zip(admitted).map(candidate).collect())
    }

    /// The whole configuration, past the guardrails once more.
    fn write(&self, candidate: &Candidate) -> Option<Configuration> {
        self.guardrails.narrow(self.freedom.write(&candidate.point, self.failed, self.config))
    }
}

/// What a search has seen.
#[derive(Default)]
struct Seen {
    best: Option<Candidate>,
    front: Vec<Candidate>,
    evaluations: u32,
}

impl Seen {
    fn take(&mut self, scored: Vec<Option<Candidate>>) {
        self.evaluations = self.evaluations.saturating_add(u32::try_from(scored.len()).unwrap_or(u32::MAX));
        for candidate in scored.into_iter().flatten() {
            if self.best.as_ref().is_none_or(|best| candidate.value < best.value) {
                self.best = Some(candidate.clone());
            }
            self.front.push(candidate);
        }
        front::keep_front(&mut self.front);
    }
}

/// Sides whose memory is a mere limit: raising it reserves nothing.
pub const fn is_limit(side: Option<MemorySide>) -> bool {
    matches!(side, Some(MemorySide::DriverResultSize | MemorySide::KryoBuffer))
}
