//! The search as a whole, from outside.

#![expect(clippy::unwrap_used, reason = "the tests' own spaces and points are valid")]

mod budget;
mod laws;
mod quality;

use paramedic_tuner::{Distribution, Point, SearchOptions, SearchResult, SearchSpace, minimize};

/// A space whose parameters are named by their number.
fn space(distributions: impl IntoIterator<Item = Distribution>) -> SearchSpace {
    let numbered = distributions.into_iter().enumerate();
    SearchSpace::new(numbered.map(|(number, distribution)| (number.to_string(), distribution))).unwrap()
}

/// A search without deadline for an objective that takes one point.
fn search(
    space: &SearchSpace,
    options: &SearchOptions,
    initial: &[Point],
    known: &[(Point, f64)],
    objective: impl Fn(&[f64]) -> f64,
) -> SearchResult {
    minimize(space, options, initial, known, &|| false, &mut |batch| {
        batch.iter().map(|point| objective(point)).collect()
    })
}
