//! The normal distribution: its cumulative function, its quantiles, and a fast exponential for sums of densities.

use std::f64::consts::{LN_2, SQRT_2};

/// The probability that a standard normal variable is below `x`, exact to 1e-7.
///
/// Abramowitz and Stegun, *Handbook of Mathematical Functions* (1964), formula 7.1.26.
pub(crate) fn cumulative(x: f64) -> f64 {
    let scaled = x.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * scaled);
    let series =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * series * (-scaled * scaled).exp();
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The value below which a standard normal variable falls with the given probability, exact to 1e-8. Probabilities
/// outside 1e-12 to 1 - 1e-12 count as those.
///
/// Acklam, *An algorithm for computing the inverse normal cumulative distribution function* (2003).
pub(crate) fn quantile(probability: f64) -> f64 {
    const CENTRE: f64 = 0.024_25;
    let p = probability.clamp(1e-12, 1.0 - 1e-12);
    if p < CENTRE {
        tail_quantile(p)
    } else if p > 1.0 - CENTRE {
        -tail_quantile(1.0 - p)
    } else {
        central_quantile(p - 0.5)
    }
}

fn central_quantile(q: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    horner(&A, q * q) * q / horner(&B, q * q)
}

fn tail_quantile(p: f64) -> f64 {
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
    let q = (-2.0 * p.ln()).sqrt();
    horner(&C, q) / horner(&D, q)
}

/// The polynomial with the given coefficients, the highest power first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// e to the power of `x` for `x` at most 0, to a relative 3e-6; below -86 it stays at e^-86.
///
/// A whole power of two goes straight into the exponent bits, the rest is a polynomial: no branch and no call, so that
/// the compiler computes several at a time.
#[inline]
pub(crate) fn exponential(x: f32) -> f32 {
    /// 1.5 × 2^23: adding it leaves the nearest whole number in the lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    const LN_2_F32: f32 = LN_2 as f32;
    let power = (if x > -86.0 { x } else { -86.0 }) * std::f32::consts::LOG2_E;
    let shifted = power + ROUNDING;
    let z = (power - (shifted - ROUNDING)) * LN_2_F32;
    let rest = 1.0 + z * (1.0 + z * (0.5 + z * (1.0 / 6.0 + z * (1.0 / 24.0 + z * (1.0 / 120.0)))));
    f32::from_bits(rest.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cumulative_function_meets_its_table() {
        for (x, p) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.959_963_985, 0.025), (3.0, 0.998_650_102), (-9.0, 0.0)] {
            assert!((cumulative(x) - p).abs() < 2e-7, "{x}: {}", cumulative(x));
        }
    }

    #[test]
    fn quantile_and_cumulative_function_are_inverse() {
        for step in 1..2000 {
            let p = f64::from(step) / 2000.0;
            assert!((cumulative(quantile(p)) - p).abs() < 3e-7, "{p}");
        }
        assert!(quantile(0.0) < -6.0 && quantile(1.0) > 6.0);
    }

    #[test]
    fn the_fast_exponential_is_close() {
        for step in 0..8600 {
            let x = -step as f32 / 100.0;
            let (fast, exact) = (f64::from(exponential(x)), f64::from(x).exp());
            // The product with log2(e) is rounded once, which costs |x| rounding errors of the result.
            assert!((fast / exact - 1.0).abs() < 1.5e-5, "{x}: {fast} against {exact}");
        }
        assert!(exponential(-1e30) > 0.0 && exponential(-1e30) < 1e-37);
    }
}
