//! Two variants, a goal that a trial reaches at most once: difference, lift, test.

use libm::hypot; // the system's would need a newer C library than Lambda has

use crate::level::{Interval, Level};
use crate::normal;
use crate::proportion::Proportion;

/// What two proportions say about each other. A member is `None` where the counts do not determine it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoProportion {
    /// p1 - p0 with Newcombe's interval.
    pub difference: Option<Estimate>,
    /// The pooled two-sided z test.
    pub test: Option<ZTest>,
    /// p1/p0 - 1 where the control has successes.
    pub lift: Option<f64>,
    /// Katz' interval for the lift, where both have successes.
    pub lift_interval: Option<Interval>,
}

/// A value and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its interval.
    pub interval: Interval,
}

/// A test statistic that is standard normal if nothing differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZTest {
    /// The statistic, positive where the variant is ahead.
    pub z: f64,
    /// Two-sided.
    pub p_value: f64,
}

impl ZTest {
    pub(crate) fn new(z: f64) -> Option<Self> {
        z.is_finite().then(|| Self { z, p_value: normal::two_sided_p(z) })
    }
}

/// Compares `variant` with `control`.
#[must_use]
pub fn two_proportion(control: Proportion, variant: Proportion, level: Level) -> TwoProportion {
    TwoProportion {
        difference: newcombe(control, variant, level),
        test: pooled_z(control, variant),
        lift: lift(control, variant),
        lift_interval: katz(control, variant, level),
    }
}

/// p1 - p0 by the hybrid of Wilson intervals (Newcombe 1998, method 10, no continuity correction).
#[must_use]
pub fn newcombe(control: Proportion, variant: Proportion, level: Level) -> Option<Estimate> {
    let (p0, p1) = (control.rate()?, variant.rate()?);
    let (w0, w1) = (control.wilson(level)?, variant.wilson(level)?);
    hybrid(p0, w0, p1, w1)
}

/// The interval for a difference from the intervals of its two terms (Zou and Donner's MOVER; Newcombe's method 10 if the
/// terms are proportions with Wilson intervals).
pub(crate) fn hybrid(p0: f64, w0: Interval, p1: f64, w1: Interval) -> Option<Estimate> {
    let value = p1 - p0;
    let below = hypot(p1 - w1.low, w0.high - p0);
    let above = hypot(w1.high - p1, p0 - w0.low);
    Some(Estimate { value, interval: Interval::finite(value - below, value + above)? })
}

/// The pooled two-sample z test. `None` if the pooled rate is 0 or 1: nothing varies then.
#[must_use]
pub fn pooled_z(control: Proportion, variant: Proportion) -> Option<ZTest> {
    let (p0, p1) = (control.rate()?, variant.rate()?);
    let trials = control.trials() + variant.trials();
    let pooled = (control.successes() + variant.successes()) / trials;
    let failed = (control.failures() + variant.failures()) / trials;
    let variance = pooled * failed * (1.0 / control.trials() + 1.0 / variant.trials());
    if variance <= 0.0 {
        return None;
    }
    ZTest::new((p1 - p0) / variance.sqrt())
}

/// p1/p0 - 1. `None` if the control has no successes.
#[must_use]
pub fn lift(control: Proportion, variant: Proportion) -> Option<f64> {
    let (p0, p1) = (control.rate()?, variant.rate()?);
    let lift = (p1 - p0) / p0;
    lift.is_finite().then_some(lift)
}

/// The interval of the lift from the log ratio's (Katz et al. 1978). `None` if either has no successes.
/// If every trial of both succeeded, the published formula has a variance of 0, so the interval is too narrow.
#[must_use]
pub fn katz(control: Proportion, variant: Proportion, level: Level) -> Option<Interval> {
    let variance = ln_ratio_variance(control, variant)?;
    let ln_ratio = (variant.rate()? / control.rate()?).ln();
    let half_width = level.critical_value() * variance.sqrt();
    Interval::finite((ln_ratio - half_width).exp_m1(), (ln_ratio + half_width).exp_m1())
}

/// 1/s1 - 1/n1 + 1/s0 - 1/n0: the delta method's variance of ln(p1/p0).
pub(crate) fn ln_ratio_variance(control: Proportion, variant: Proportion) -> Option<f64> {
    let of = |p: Proportion| (p.failures() / p.trials()) / p.successes();
    let both = control.successes() > 0.0 && variant.successes() > 0.0;
    let variance = of(control) + of(variant);
    (both && variance.is_finite()).then_some(variance)
}

/// p0 q0/n0 + p1 q1/n1: the unpooled variance of p1 - p0.
pub(crate) fn difference_variance(control: Proportion, variant: Proportion) -> Option<f64> {
    let of = |p: Proportion| Some(p.rate()? * (p.failures() / p.trials()) / p.trials());
    Some(of(control)? + of(variant)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(successes: u64, trials: u64) -> Proportion {
        Proportion::from_counts(successes, trials).unwrap()
    }

    #[test]
    fn a_pooled_rate_of_nothing_or_everything_has_no_test() {
        assert_eq!(pooled_z(of(0, 10), of(0, 20)), None);
        assert_eq!(pooled_z(of(10, 10), of(20, 20)), None);
        assert_eq!(pooled_z(of(0, 0), of(2, 20)), None);
    }

    #[test]
    fn without_control_successes_there_is_a_difference_but_no_lift() {
        let seen = two_proportion(of(0, 500), of(7, 510), Level::DEFAULT);
        assert!(seen.difference.is_some());
        assert_eq!((seen.lift, seen.lift_interval), (None, None));
        let fallen = two_proportion(of(7, 510), of(0, 500), Level::DEFAULT);
        assert_eq!((fallen.lift, fallen.lift_interval), (Some(-1.0), None));
    }
}
