//! The lift of a mean: variant / control - 1, with an interval by Fieller's theorem (Fieller 1954).
//!
//! The interval is the set of ratios θ with (m1 - θ m0)² <= c² (v1 + θ² v0). It contains 1 exactly if the interval of the difference
//! with the same multiplier c contains 0, so the lift and the difference always agree.

use crate::level::Interval;
use crate::mean::Mean;

/// Why a lift without an interval has none.
pub const NOT_ABOVE_ZERO: &str = "the control's mean is not clearly above zero";

/// variant / control - 1. `None` if the control's mean is not above 0.
#[must_use]
pub fn lift(control: Mean, variant: Mean) -> Option<f64> {
    let lift = (variant.value - control.value) / control.value;
    (control.value > 0.0 && lift.is_finite()).then_some(lift)
}

/// The interval of [`lift`] that is `multiplier` standard errors wide on each side of the statistic. `None` if the control's mean
/// is not above 0 by that many standard errors: the set is then unbounded or in two pieces ([`NOT_ABOVE_ZERO`]).
#[must_use]
pub fn lift_interval(control: Mean, variant: Mean, multiplier: f64) -> Option<Interval> {
    // In units of the control's mean, so that no square overflows.
    let unit = control.value;
    if unit <= 0.0 || !unit.is_finite() {
        return None;
    }
    let ratio = variant.value / unit;
    let scaled = |variance: f64| multiplier * multiplier * variance / unit / unit;
    let (v0, v1) = (scaled(control.variance), scaled(variant.variance));
    let a = 1.0 - v0;
    if a <= 0.0 {
        return None;
    }
    let root = (v1 + ratio * ratio * v0 - v0 * v1).max(0.0).sqrt();
    // 1 is subtracted before the division: the ends keep their digits where the lift is small.
    let end = |sign: f64| (ratio - 1.0 + v0 + sign * root) / a;
    Interval::finite(end(-1.0), end(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_solve_fiellers_equation() {
        let (control, variant) =
            (Mean { value: 10.0, variance: 0.25 }, Mean { value: 11.0, variance: 0.36 });
        let interval = lift_interval(control, variant, 1.96).unwrap();
        for end in [interval.low, interval.high] {
            let theta = 1.0 + end;
            let left = (11.0 - theta * 10.0_f64).powi(2);
            let right = 1.96_f64.powi(2) * (0.36 + theta * theta * 0.25);
            assert!((left / right - 1.0).abs() < 1e-10, "{theta}");
        }
        assert!((lift(control, variant).unwrap() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_control_that_may_be_zero_has_no_interval() {
        let variant = Mean { value: 1.0, variance: 0.1 };
        for control in [
            Mean { value: 1.0, variance: 0.3 },
            Mean { value: 0.0, variance: 0.1 },
            Mean { value: -5.0, variance: 0.1 },
        ] {
            assert_eq!(lift_interval(control, variant, 1.96), None);
        }
        assert_eq!(lift(Mean { value: -5.0, variance: 0.1 }, variant), None);
    }

    proptest! {
        #[test]
        fn lift_and_difference_agree_about_zero(
            (m0, m1) in (0.1..1e3, -1e3..1e3), (v0, v1) in (1e-6..1.0, 1e-6..1.0), c in 0.5..5.0
        ) {
            let (control, variant) =
                (Mean { value: m0, variance: v0 }, Mean { value: m1, variance: v1 });
            if let Some(interval) = lift_interval(control, variant, c) {
                let z = (m1 - m0) / f64::sqrt(v0 + v1);
                prop_assume!((z.abs() - c).abs() > 1e-9);
                let contains = interval.low <= 0.0 && interval.high >= 0.0;
                prop_assert_eq!(contains, z.abs() <= c);
                prop_assert!(interval.low <= (m1 - m0) / m0 && (m1 - m0) / m0 <= interval.high);
            }
        }
    }
}
