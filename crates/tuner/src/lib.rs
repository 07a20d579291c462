//! Search space, distributions, trials and the tree-structured Parzen estimator. Pure mathematics, seeded.
//!
//! [`minimize`] looks for the point of a [`SearchSpace`] with the lowest objective. It scores points in batches, so
//! that a model answers for many of them in one call, and returns the best point it saw when its budget or its deadline
//! is spent. The same space, options, points and objective give the same result.
//!
//! ```
//! use paramedic_tuner::{Distribution, SearchOptions, SearchSpace, minimize};
//!
//! # fn main() -> Result<(), paramedic_tuner::SpaceError> {
//! let space = SearchSpace::new([
//!     ("spark.executor.memory", Distribution::Integer { low: 1024, high: 65_536, step: 256, log: true }),
//!     ("spark.memory.fraction", Distribution::Float { low: 0.3, high: 0.9, log: false }),
//! ])?;
//! let cost = |point: &Vec<f64>| (point[0] / 8192.0).ln().powi(2) + (point[1] - 0.6).powi(2);
//! let result = minimize(
//!     &space,
//!     &SearchOptions::default(),
//!     &[vec![2048.0, 0.6]],
//!     &[],
//!     &|| false,
//!     &mut |batch| batch.iter().map(cost).collect(),
//! );
//! assert_eq!(result.best.point[0], 8192.0);
//! assert!((result.best.point[1] - 0.6).abs() < 0.01);
//! # Ok(())
//! # }
//! ```

mod axis;
mod distribution;
mod fill;
mod normal;
mod parzen;
mod polish;
mod proposal;
mod refine;
mod search;
mod space;
mod trial;

pub use distribution::Distribution;
pub use search::{SearchOptions, SearchResult, minimize};
pub use space::{PARAMETERS_MAX, Point, SearchSpace, SpaceError};
pub use trial::{Origin, Trial};
