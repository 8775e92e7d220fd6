//! Two means compared: difference, lift, intervals and p-values that always agree.
//!
//! Every interval is the estimate and a number of standard errors; the method says how many. The lift's interval is Fieller's with
//! the same number, so it excludes 0 exactly if the difference's interval does.

use crate::confidence_sequence::{Observation, Rho};
use crate::fieller;
use crate::level::{Interval, Level};
use crate::{normal, student};

/// A mean and the variance of this mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
}

/// How many standard errors an interval reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach {
    /// One look at samples of two variants: Student's t with these degrees of freedom (Welch 1947).
    Student {
        /// Degrees of freedom, at least 1.
        degrees: f64,
    },
    /// One look at large samples.
    Normal,
    /// Any look: a confidence sequence ([`crate::confidence_sequence`]).
    Always {
        /// The sequence's constant.
        rho: Rho,
        /// Participants of both variants together.
        n: f64,
    },
}

impl Reach {
    /// Standard errors on each side of the estimate.
    #[must_use]
    pub fn standard_errors(self, level: Level) -> f64 {
        match self {
            Self::Student { degrees } => student::critical_value(level, degrees),
            Self::Normal => level.critical_value(),
            Self::Always { rho, n } => rho.half_width_in_errors(n, level),
        }
    }
}

/// A control and a variant, compared by one method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    control: Mean,
    variant: Mean,
    reach: Reach,
    seen: Observation,
}

impl Contrast {
    /// variant - control. `None` if neither varies, or if a number is beyond 1e100.
    #[must_use]
    pub fn new(control: Mean, variant: Mean, reach: Reach) -> Option<Self> {
        let variance = control.variance + variant.variance;
        let n = match reach {
            Reach::Always { n, .. } => n,
            Reach::Student { .. } | Reach::Normal => 1.0,
        };
        let seen = Observation::new(variant.value - control.value, variance, n).ok()?;
        Some(Self { control, variant, reach, seen })
    }

    /// How many standard errors the intervals reach.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// variant - control.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.seen.difference()
    }

    /// The difference's standard error.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        self.seen.standard_error()
    }

    /// The difference in standard errors.
    #[must_use]
    pub fn z(&self) -> f64 {
        self.difference() / self.standard_error()
    }

    /// The two-sided p-value for no difference. It is below alpha exactly if the interval at that level excludes 0.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        match self.reach {
            Reach::Student { degrees } => student::two_sided_p(self.z(), degrees),
            Reach::Normal => normal::two_sided_p(self.z()),
            Reach::Always { rho, .. } => rho.p_value(self.seen),
        }
    }

    /// The difference's interval.
    #[must_use]
    pub fn difference_interval(&self, level: Level) -> Option<Interval> {
        let half = self.reach.standard_errors(level) * self.standard_error();
        Interval::finite(self.difference() - half, self.difference() + half)
    }

    /// variant / control - 1. `None` if the control's mean is not above 0.
    #[must_use]
    pub fn lift(&self) -> Option<f64> {
        fieller::lift(self.control, self.variant)
    }

    /// The lift's interval by Fieller's theorem. `None` if the control's mean is not clearly above 0
    /// ([`fieller::NOT_ABOVE_ZERO`]); the difference's interval exists nevertheless.
    #[must_use]
    pub fn lift_interval(&self, level: Level) -> Option<Interval> {
        fieller::lift_interval(self.control, self.variant, self.reach.standard_errors(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reach() -> impl Strategy<Value = Reach> {
        prop_oneof![
            (1.0..1e6f64).prop_map(|degrees| Reach::Student { degrees }),
            Just(Reach::Normal),
            (2.0..1e8f64, 1e3..1e7f64).prop_map(|(n, tuning)| Reach::Always {
                rho: Rho::tuned(Level::DEFAULT, tuning).unwrap(),
                n
            }),
        ]
    }

    fn mean() -> impl Strategy<Value = Mean> {
        (-1e4..1e6f64, 1e-6..1e8f64).prop_map(|(value, variance)| Mean { value, variance })
    }

    #[test]
    fn without_variation_there_is_no_contrast() {
        let flat = Mean { value: 3.0, variance: 0.0 };
        assert_eq!(Contrast::new(flat, flat, Reach::Normal), None);
        assert!(Contrast::new(flat, Mean { value: 3.0, variance: 0.1 }, Reach::Normal).is_some());
    }

    proptest! {
        #[test]
        fn the_p_value_and_both_intervals_agree_about_zero(
            control in mean(), variant in mean(), reach in reach(), alpha in 1e-6..0.5f64,
        ) {
            let contrast = Contrast::new(control, variant, reach).unwrap();
            let level = Level::from_alpha(alpha).unwrap();
            let p = contrast.p_value();
            prop_assume!((p / alpha - 1.0).abs() > 1e-9);
            let excludes = |interval: Interval| interval.low > 0.0 || interval.high < 0.0;
            let difference = contrast.difference_interval(level).unwrap();
            prop_assert_eq!(excludes(difference), p < alpha);
            if let Some(lift) = contrast.lift_interval(level) {
                prop_assert_eq!(excludes(lift), p < alpha);
                prop_assert!(lift.low <= contrast.lift().unwrap() && contrast.lift().unwrap() <= lift.high);
            }
        }

        #[test]
        fn a_swap_turns_the_difference_round(control in mean(), variant in mean(), reach in reach()) {
            let there = Contrast::new(control, variant, reach).unwrap();
            let back = Contrast::new(variant, control, reach).unwrap();
            prop_assert_eq!(there.difference(), -back.difference());
            prop_assert_eq!(there.p_value(), back.p_value());
            let (one, other) = (
                there.difference_interval(Level::DEFAULT).unwrap(),
                back.difference_interval(Level::DEFAULT).unwrap(),
            );
            prop_assert_eq!((one.low, one.high), (-other.high, -other.low));
        }

        #[test]
        fn a_unit_scales_the_difference_and_leaves_the_lift(
            control in mean(), variant in mean(), reach in reach(), exponent in -20..20i32,
        ) {
            // A power of two, so that no digit is lost.
            let unit = 2f64.powi(exponent);
            let scaled = |mean: Mean| Mean {
                value: mean.value * unit,
                variance: mean.variance * unit * unit,
            };
            let plain = Contrast::new(control, variant, reach).unwrap();
            let other = Contrast::new(scaled(control), scaled(variant), reach).unwrap();
            prop_assert_eq!(plain.difference() * unit, other.difference());
            prop_assert!((plain.p_value() - other.p_value()).abs() <= 1e-12 * plain.p_value());
            let lifts = plain.lift_interval(Level::DEFAULT).zip(other.lift_interval(Level::DEFAULT));
            if let Some((one, other)) = lifts {
                prop_assert!((one.low - other.low).abs() <= 1e-9 * one.low.abs().max(1e-6));
                prop_assert!((one.high - other.high).abs() <= 1e-9 * one.high.abs().max(1e-6));
            }
        }
    }
}
