//! One variant on one goal: its counts as every formula takes them, with the counter's error and without.

use crate::counter_error::{self, Counter};
use crate::level::{Interval, Level};
use crate::proportion::Proportion;
use crate::rate_ratio::{self, Rate};
use crate::two_proportion::{self, Estimate, ZTest, hybrid};

/// A variant's counts on a goal.
#[derive(Clone, Copy)]
pub(super) enum Arm {
    /// `error` is the counters'.
    Proportion {
        counted: Proportion,
        effective: Proportion,
        error: f64,
    },
    Rate {
        counted: Rate,
        effective: Rate,
    },
}

impl Arm {
    /// Successes above the trials are cut to them.
    pub(super) fn proportion(successes: u64, trials: u64, counter: Counter) -> Option<Self> {
        let counted = Proportion::from_counts(successes.min(trials), trials).ok()?;
        let error = counter.error_of_rate(counted.successes(), counted.trials());
        Some(Self::Proportion {
            counted,
            effective: counter_error::effective(counted, error).ok()?,
            error,
        })
    }

    pub(super) fn rate(count: u64, participants: u64, counter: Counter) -> Option<Self> {
        let counted = Rate::new(count as f64, participants as f64).ok()?;
        let error = counter.error_of_rate(counted.count(), counted.participants());
        Some(Self::Rate { counted, effective: counter_error::effective_rate(counted, error).ok()? })
    }

    pub(super) fn trials(self) -> f64 {
        match self {
            Self::Proportion { counted, .. } => counted.trials(),
            Self::Rate { counted, .. } => counted.participants(),
        }
    }

    pub(super) fn successes(self) -> f64 {
        match self {
            Self::Proportion { counted, .. } => counted.successes(),
            Self::Rate { counted, .. } => counted.count(),
        }
    }

    /// Trials that did not reach the goal, where a trial reaches it at most once.
    pub(super) fn failures(self) -> Option<f64> {
        match self {
            Self::Proportion { counted, .. } => Some(counted.failures()),
            Self::Rate { .. } => None,
        }
    }

    pub(super) fn effective_trials(self) -> f64 {
        match self {
            Self::Proportion { effective, .. } => effective.trials(),
            Self::Rate { effective, .. } => effective.participants(),
        }
    }

    pub(super) fn observed_rate(self) -> Option<f64> {
        match self {
            Self::Proportion { counted, .. } => counted.rate(),
            Self::Rate { counted, .. } => counted.rate(),
        }
    }

    /// The rate's interval, and what it would be without the counter's error.
    pub(super) fn intervals(self, level: Level) -> Option<(Interval, Interval)> {
        match self {
            Self::Proportion { counted, error, .. } => {
                let with = counter_error::score_interval(counted, error, level)?;
                Some((with, counted.wilson(level)?))
            }
            Self::Rate { counted, effective } => {
                Some((effective.score_interval(level)?, counted.score_interval(level)?))
            }
        }
    }

    /// variant - control with its interval (Newcombe's, for rates as for proportions), and how wide that would be without the
    /// counter's error.
    pub(super) fn difference(
        control: Self,
        variant: Self,
        level: Level,
    ) -> Option<(Estimate, f64)> {
        let (p0, p1) = (control.observed_rate()?, variant.observed_rate()?);
        let (with0, without0) = control.intervals(level)?;
        let (with1, without1) = variant.intervals(level)?;
        let without = hybrid(p0, without0, p1, without1)?;
        Some((hybrid(p0, with0, p1, with1)?, without.interval.width()))
    }

    /// variant / control - 1.
    pub(super) fn lift(control: Self, variant: Self) -> Option<f64> {
        let (from, to) = (control.observed_rate()?, variant.observed_rate()?);
        let lift = (to - from) / from;
        lift.is_finite().then_some(lift)
    }

    pub(super) fn lift_interval(control: Self, variant: Self, level: Level) -> Option<Interval> {
        let half_width = level.critical_value() * Self::ln_ratio_variance(control, variant)?.sqrt();
        let ln_ratio = Self::ln_ratio(control, variant)?;
        Interval::finite((ln_ratio - half_width).exp_m1(), (ln_ratio + half_width).exp_m1())
    }

    pub(super) fn test(control: Self, variant: Self) -> Option<ZTest> {
        match (control, variant) {
            (Self::Proportion { effective: c, .. }, Self::Proportion { effective: v, .. }) => {
                two_proportion::pooled_z(c, v)
            }
            (Self::Rate { effective: c, .. }, Self::Rate { effective: v, .. }) => {
                rate_ratio::rate_ratio(c, v, Level::DEFAULT).test
            }
            _ => None,
        }
    }

    /// ln(variant / control), where both have successes.
    pub(super) fn ln_ratio(control: Self, variant: Self) -> Option<f64> {
        let ln_ratio = (variant.observed_rate()? / control.observed_rate()?).ln();
        ln_ratio.is_finite().then_some(ln_ratio)
    }

    pub(super) fn ln_ratio_variance(control: Self, variant: Self) -> Option<f64> {
        match (control, variant) {
            (Self::Proportion { effective: c, .. }, Self::Proportion { effective: v, .. }) => {
                two_proportion::ln_ratio_variance(c, v)
            }
            (Self::Rate { effective: c, .. }, Self::Rate { effective: v, .. }) => {
                rate_ratio::ln_ratio_variance(c, v)
            }
            _ => None,
        }
    }

    pub(super) fn difference_variance(control: Self, variant: Self) -> Option<f64> {
        match (control, variant) {
            (Self::Proportion { effective: c, .. }, Self::Proportion { effective: v, .. }) => {
                two_proportion::difference_variance(c, v)
            }
            (Self::Rate { effective: c, .. }, Self::Rate { effective: v, .. }) => {
                rate_ratio::difference_variance(c, v)
            }
            _ => None,
        }
    }
}

/// The share of a `width` that is there only because of the counter; what rounding makes of two equal widths is none.
pub(super) fn counter_share(width: f64, without_counter: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    let share = if width > 0.0 { (1.0 - without_counter / width).clamp(0.0, 1.0) } else { 0.0 };
    if share > ROUNDING { share } else { 0.0 }
}
