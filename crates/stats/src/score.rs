//! Score intervals of two proportions. They agree exactly with the pooled z test about zero.
//!
//! The variance is taken at the hypothesis, with the rates that are most likely under it. At no difference these are both the
//! pooled rate, so the statistic is the pooled z.

use crate::level::{Interval, Level};
use crate::proportion::Proportion;

/// The interval of p1 - p0 (Mee 1984). `None` without trials.
#[must_use]
pub fn difference_interval(
    control: Proportion,
    variant: Proportion,
    level: Level,
) -> Option<Interval> {
    let (p0, p1) = (control.rate()?, variant.rate()?);
    let z = level.critical_value();
    let seen = p1 - p0;
    let statistic = |delta: f64| {
        let q0 = restricted_by_difference(control, variant, delta);
        let q1 = (q0 + delta).clamp(0.0, 1.0);
        let variance = q1 * (1.0 - q1) / variant.trials() + q0 * (1.0 - q0) / control.trials();
        (seen - delta) / variance.sqrt()
    };
    Interval::finite(
        crossing(|delta| statistic(delta) - z, -1.0, seen),
        crossing(|delta| statistic(delta) + z, seen, 1.0),
    )
}

/// The interval of p1/p0 - 1 (Koopman 1984; Miettinen and Nurminen 1985 without their correction). `None` without trials, or if
/// the control has no successes: there is no upper end then.
#[must_use]
pub fn lift_interval(control: Proportion, variant: Proportion, level: Level) -> Option<Interval> {
    /// Ratios outside e^-700 … e^700 are not numbers any more.
    const FURTHEST: f64 = 700.0;
    let (p0, p1) = (control.rate()?, variant.rate()?);
    if p0 == 0.0 {
        return None;
    }
    let z = level.critical_value();
    let statistic = |ln_ratio: f64| {
        let ratio = ln_ratio.exp();
        let q0 = restricted_by_ratio(control, variant, ratio);
        let q1 = (ratio * q0).clamp(0.0, 1.0);
        let variance = q1 * (1.0 - q1) / variant.trials()
            + ratio * ratio * (q0 * (1.0 - q0)) / control.trials();
        (p1 - ratio * p0) / variance.sqrt()
    };
    let middle = (p1 / p0).ln().clamp(-FURTHEST, FURTHEST);
    let low = if p1 == 0.0 {
        -1.0
    } else {
        crossing(|ln_ratio| statistic(ln_ratio) - z, middle - 50.0, middle).exp_m1()
    };
    let high = crossing(|ln_ratio| statistic(ln_ratio) + z, middle, middle + 50.0).exp_m1();
    Interval::finite(low, high)
}

/// The most likely p0 if p1 = p0 + delta: where the derivative of the log likelihood, which falls, is 0.
fn restricted_by_difference(control: Proportion, variant: Proportion, delta: f64) -> f64 {
    let slope = |p: f64| {
        // Rounding may put a rate slightly below 0.
        let term = |count: f64, rate: f64| if count > 0.0 { count / rate.max(0.0) } else { 0.0 };
        term(control.successes(), p) - term(control.failures(), 1.0 - p)
            + term(variant.successes(), p + delta)
            - term(variant.failures(), 1.0 - p - delta)
    };
    let (low, high) = ((-delta).max(0.0), (1.0 - delta).min(1.0));
    crossing(slope, low, high)
}

/// The most likely p0 if p1 = ratio * p0: the smaller root of a quadratic.
fn restricted_by_ratio(control: Proportion, variant: Proportion, ratio: f64) -> f64 {
    let a = (control.trials() + variant.trials()) * ratio;
    let b =
        ratio * (variant.trials() + control.successes()) + control.trials() + variant.successes();
    let c = control.successes() + variant.successes();
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    (2.0 * c / (b + root)).clamp(0.0, (1.0 / ratio).min(1.0))
}

/// Where a falling function crosses 0 between `low` and `high`, or the end that is nearer to it. The method is ITP's simpler
/// relative: regula falsi with the Illinois rule, and bisection where that is slow.
fn crossing(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    // Not a number: 0/0 at the edge of what is possible, which no data contradict.
    if at_low.is_nan() || at_low.is_infinite() {
        at_low = f64::MAX;
    }
    if at_high.is_nan() || at_high.is_infinite() {
        at_high = -f64::MAX;
    }
    if at_low <= 0.0 {
        return low;
    }
    if at_high >= 0.0 {
        return high;
    }
    let mut side = 0;
    for round in 0..200 {
        let width = high - low;
        if width <= 1e-15 * low.abs().max(high.abs()) {
            break;
        }
        let secant = low + width * (at_low / (at_low - at_high));
        let inside = secant > low && secant < high && at_low < 1e12 && at_high > -1e12;
        let middle = if inside && round % 4 != 3 { secant } else { f64::midpoint(low, high) };
        let at_middle = f(middle);
        if at_middle > 0.0 {
            (low, at_low) = (middle, at_middle);
            if side == 1 {
                at_high /= 2.0;
            }
            side = 1;
        } else if at_middle < 0.0 {
            (high, at_high) = (middle, at_middle);
            if side == -1 {
                at_low /= 2.0;
            }
            side = -1;
        } else {
            return middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::two_proportion::pooled_z;

    fn of(successes: u64, trials: u64) -> Proportion {
        Proportion::from_counts(successes, trials).unwrap()
    }

    fn close(interval: Interval, low: f64, high: f64) {
        assert!(
            (interval.low - low).abs() < 1e-9 && (interval.high - high).abs() < 1e-9,
            "{interval:?}"
        );
    }

    #[test]
    fn an_interval_at_the_tests_own_level_ends_at_zero() {
        for (control, variant) in
            [(of(50, 1000), of(65, 1000)), (of(9_000, 10_000), of(8_000, 9_000))]
        {
            let level = Level::from_alpha(pooled_z(control, variant).unwrap().p_value).unwrap();
            let lift = lift_interval(control, variant, level).unwrap();
            let difference = difference_interval(control, variant, level).unwrap();
            assert!(lift.low.abs().min(lift.high.abs()) < 1e-9, "{lift:?}");
            assert!(difference.low.abs().min(difference.high.abs()) < 1e-9, "{difference:?}");
        }
    }

    #[test]
    fn the_intervals_are_those_of_an_inversion_with_scipy() {
        // scipy 1.16, brentq: the rate restricted to the hypothesis, then the score statistic at the normal quantile.
        // statsmodels' confint_proportions_2indep(method="score", compare="ratio", correction=False) gives the same lifts.
        for (control, variant, alpha, difference, lift) in [
            (
                of(50, 1000),
                of(65, 1000),
                0.05,
                [-0.005_479_159_854_04, 0.035_822_816_775_9],
                [-0.089_371_530_509, 0.856_811_599_085],
            ),
            (
                of(50, 1000),
                of(65, 1000),
                0.0125,
                [-0.011_244_864_276_3, 0.041_788_020_742_5],
                [-0.172_835_982_792, 1.044_787_891_51],
            ),
            (
                of(9000, 10_000),
                of(8000, 9000),
                0.05,
                [-0.019_897_442_725_6, -0.002_368_635_905_58],
                [-0.022_017_769_565_3, -0.002_644_082_290_56],
            ),
            (
                of(109, 1009),
                of(160, 999),
                0.0125,
                [0.014_263_896_601_4, 0.090_449_654_522_1],
                [0.111_723_936_898, 0.979_706_837_913],
            ),
            (
                of(5, 100_000),
                of(19, 120_000),
                0.05,
                [2.353_842_677e-5, 2.032_649_033_07e-4],
                [0.225_837_146_926, 7.180_518_142_95],
            ),
        ] {
            let level = Level::from_alpha(alpha).unwrap();
            let seen = difference_interval(control, variant, level).unwrap();
            close(seen, difference[0], difference[1]);
            close(lift_interval(control, variant, level).unwrap(), lift[0], lift[1]);
        }
    }

    #[test]
    fn without_successes_the_lower_end_is_minus_one() {
        let none = lift_interval(of(7, 510), of(0, 500), Level::DEFAULT).unwrap();
        assert!(none.low == -1.0 && none.high < 0.0);
        assert_eq!(lift_interval(of(0, 510), of(3, 500), Level::DEFAULT), None);
        let difference = difference_interval(of(0, 100), of(0, 100), Level::DEFAULT).unwrap();
        assert!((difference.low + 0.036_993_48).abs() < 1e-6 && difference.low == -difference.high);
    }
}
