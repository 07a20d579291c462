//! The chance that the next peak exceeds a capacity, by the peaks so far.

/// Peaks differ by at least this much between runs (as a share, one standard deviation), whatever was seen: a few alike
/// ones do not prove that all will be.
const DEVIATION_MIN: f64 = 0.08;

/// Probability that the next of these peaks is greater than `capacity`. Their logarithms are taken as normal with unknown
/// mean and deviation, so that the next one follows Student's t: with few runs its tails are wide.
pub(super) fn exceeds(peaks: &[f64], capacity: f64) -> f64 {
    let logs: Vec<f64> = peaks.iter().filter(|peak| **peak > 0.0).map(|peak| peak.ln()).collect();
    let n = logs.len() as f64;
    if n < 2.0 || capacity <= 0.0 {
        return 1.0;
    }
    let mean = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let deviation = variance.sqrt().max(DEVIATION_MIN);
    let t = (capacity.ln() - mean) / (deviation * (1.0 + 1.0 / n).sqrt());
    student_upper_tail(t, n - 1.0)
}

/// P(T > t) for Student's t with `degrees` of freedom, by Simpson's rule over the density.
fn student_upper_tail(t: f64, degrees: f64) -> f64 {
    const STEPS: u32 = 400;
    // The body from 0 to |t|, scaled by its own integral to infinity: no gamma function is needed.
    let density = |x: f64| (1.0 + x * x / degrees).powf(-f64::midpoint(degrees, 1.0));
    let integral = |to: f64| {
        // x = u / (1 − u) maps 0..1 to 0..∞.
        let end = to / (1.0 + to);
        let end = if to.is_infinite() { 1.0 - 1e-9 } else { end };
        let step = end / f64::from(STEPS);
        let value = |index: u32| {
            let u = f64::from(index) * step;
            density(u / (1.0 - u)) / (1.0 - u).powi(2)
        };
        let inner: f64 = (1..STEPS).map(|index| value(index) * if index % 2 == 1 { 4.0 } else { 2.0 }).sum();
        (value(0) + inner + value(STEPS)) * step / 3.0
    };
    let tail = 0.5 * (1.0 - integral(t.abs()) / integral(f64::INFINITY)).clamp(0.0, 1.0);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_students() {
        // Tables: t(0.95; 4) = 2.132, t(0.975; 10) = 2.228, t(0.5) = 0.
        for (t, degrees, tail) in [(2.132, 4.0, 0.05), (2.228, 10.0, 0.025), (0.0, 7.0, 0.5), (-2.132, 4.0, 0.95)] {
            let found = student_upper_tail(t, degrees);
            assert!((found - tail).abs() < 0.001, "{t} {degrees}: {found}");
        }
    }

    #[test]
    fn more_room_more_runs_and_less_spread_are_safer() {
        let alike = [1e9; 6];
        assert!(exceeds(&alike, 1.2e9) < exceeds(&alike, 1.1e9));
        assert!(exceeds(&[1e9; 20], 1.2e9) < exceeds(&alike, 1.2e9));
        assert!(exceeds(&[1e9, 2e9, 1e9, 2e9, 1e9, 2e9], 2.4e9) > exceeds(&[2e9; 6], 2.4e9));
        assert!((exceeds(&[1e9], 9e9) - 1.0).abs() < 1e-12 && exceeds(&alike, 1e9) > 0.45);
    }
}
