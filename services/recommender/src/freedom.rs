//! What may move, how far, and from where the search starts.

use paramedic_domain::{Configuration, Policy};
use paramedic_spark::{MemoryModel, MemorySettings};
use paramedic_tuner::{Point, SearchSpace, SpaceError};

use crate::{
    bounds::{self, Bounds},
    facts::Facts,
    parameters::{self, Parameter},
    settings::SearchSettings,
};

/// How many times the failing side's own memory the search starts with.
const START_FACTORS: [f64; 7] = [1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0];

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

    /// The freed parameters and their bounds, the failing side's own memory first.
    pub fn parameters(&self) -> &[(Parameter, Bounds)] {
        &self.parameters
    }

    /// The space of their values; none where nothing may move.
    pub const fn space(&self) -> Option<&SearchSpace> {
        self.space.as_ref()
    }

    /// What failed, moved into the bounds.
    pub fn home(&self, failed: &MemoryModel) -> Point {
        let inside = |(parameter, bounds): &(Parameter, Bounds)| parameter.value(failed).clamp(bounds.low, bounds.high);
        self.parameters.iter().map(inside).collect()
    }

    /// Points to start from: what failed; the failing side's memory escalated, all else as it was; past successes.
    pub fn start(&self, facts: &Facts, failed: &MemoryModel) -> Vec<Point> {
        let home = self.home(failed);
        let mut points = vec![home.clone()];
        for factor in START_FACTORS {
            let mut point = home.clone();
            if let (Some(first), Some((_, bounds))) = (point.first_mut(), self.parameters.first()) {
                *first = (*first * factor).clamp(bounds.low, bounds.high);
            }
            points.push(point);
        }
        let successes = facts.history.successes.iter().filter_map(|config| MemoryModel::of(config).ok());
        points.extend(successes.map(|success| self.home(&success)));
        points
    }

    /// How many settings a point changes beside the failing side's own memory.
    pub fn other_changes(&self, point: &[f64], failed: &MemoryModel) -> usize {
        self.moved(point, failed).filter(|(index, ..)| *index > 0).count()
    }

    /// The settings with a point's values; what did not move stays as it is.
    pub fn apply(&self, point: &[f64], failed: &MemoryModel, settings: &MemorySettings) -> MemorySettings {
        let mut applied = *settings;
        self.moved(point, failed).for_each(|(_, parameter, value)| parameter.set(value, &mut applied));
        applied
    }

    /// Writes a point over the failed configuration; what did not move is not written.
    pub fn write(&self, point: &[f64], failed: &MemoryModel, config: &Configuration) -> Configuration {
        let mut written = config.clone();
        self.moved(point, failed).for_each(|(_, parameter, value)| parameter.write(value, &mut written));
        written
    }

    /// What a point moves: number, parameter, value.
    fn moved<'p>(
        &'p self,
        point: &'p [f64],
        failed: &'p MemoryModel,
    ) -> impl Iterator<Item = (usize, Parameter, f64)> + 'p {
        let values = self.parameters.iter().zip(point).enumerate();
        values.filter_map(|(index, ((parameter, _), value))| {
            let least = if parameter.is_integer() { 0.5 } else { 0.005 };
            ((value - parameter.value(failed)).abs() > least).then_some((index, *parameter, *value))
        })
    }
}
