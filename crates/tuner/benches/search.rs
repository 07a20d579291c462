//! What a search costs beside its objective: the density model and the refinement, in several spaces.

#![expect(clippy::expect_used, reason = "the bench's own spaces are valid")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use paramedic_tuner::{Distribution, Point, SearchOptions, SearchSpace, minimize};

fn space(parameters: usize) -> SearchSpace {
    let kinds = [
        Distribution::Integer { low: 512, high: 65_536, step: 64, log: true },
        Distribution::Float { low: 0.3, high: 0.9, log: false },
        Distribution::Integer { low: 1, high: 8, step: 1, log: false },
        Distribution::Categorical { choices: 3 },
    ];
    let parameters = (0..parameters).map(|number| (number.to_string(), kinds[number % kinds.len()]));
    SearchSpace::new(parameters).expect("the bench's own space is valid")
}

fn cheap(point: &Point) -> f64 {
    point.iter().map(|value| (value - 2.0).abs()).sum()
}

fn search(criterion: &mut Criterion) {
    let options = SearchOptions::default();
    for parameters in [2, 4, 8, 16] {
        let space = space(parameters);
        criterion.bench_function(&format!("search/2048 evaluations/{parameters} parameters"), |bencher| {
            bencher.iter(|| {
                minimize(black_box(&space), &options, &[], &[], &|| false, &mut |batch| {
                    batch.iter().map(cheap).collect()
                })
            });
        });
    }
}

criterion_group!(benches, search);
criterion_main!(benches);
