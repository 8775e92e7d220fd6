//! One variant on one goal: its counts, with the counter's error and without.

use crate::counter_error::{self, Counter};
use crate::level::{Interval, Level};
use crate::proportion::Proportion;
use crate::rate_ratio::Rate;
use crate::two_proportion::{self, ZTest};

/// A variant's counts on a goal.
#[derive(Clone, Copy)]
pub(super) enum Arm {
    /// `error` is the relative standard error of the two counters.
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
    /// A proportion. Successes above the trials are cut to them.
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

    /// The counts that the tests use, if a participant reaches the goal at most once.
    pub(super) fn effective_proportion(self) -> Option<Proportion> {
        match self {
            Self::Proportion { effective, .. } => Some(effective),
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

    /// variant - control.
    pub(super) fn difference(control: Self, variant: Self) -> Option<f64> {
        Some(variant.observed_rate()? - control.observed_rate()?)
    }

    /// variant / control - 1.
    pub(super) fn lift(control: Self, variant: Self) -> Option<f64> {
        let (from, to) = (control.observed_rate()?, variant.observed_rate()?);
        let lift = (to - from) / from;
        lift.is_finite().then_some(lift)
    }

    pub(super) fn test(control: Self, variant: Self) -> Option<ZTest> {
        match (control, variant) {
            (Self::Proportion { effective: c, .. }, Self::Proportion { effective: v, .. }) => {
                two_proportion::pooled_z(c, v)
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
            _ => None,
        }
    }

    pub(super) fn difference_variance(control: Self, variant: Self) -> Option<f64> {
        match (control, variant) {
            (Self::Proportion { effective: c, .. }, Self::Proportion { effective: v, .. }) => {
                two_proportion::difference_variance(c, v)
            }
            _ => None,
        }
    }

    /// The share of the log ratio's standard error that the counters cause.
    pub(super) fn counter_share(control: Self, variant: Self) -> Option<f64> {
        let (with, without) = (
            Self::ln_ratio_variance(control, variant)?.sqrt(),
            Self::ln_ratio_variance(control.exact(), variant.exact())?.sqrt(),
        );
        Some(counter_share(with, without))
    }

    /// The same counts without the counters' error.
    fn exact(self) -> Self {
        match self {
            Self::Proportion { counted, .. } => {
                Self::Proportion { counted, effective: counted, error: 0.0 }
            }
            Self::Rate { counted, .. } => Self::Rate { counted, effective: counted },
        }
    }
}

/// The share of a `width` that the counter causes. Differences below rounding error count as 0.
pub(super) fn counter_share(width: f64, without_counter: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    let share = if width > 0.0 { (1.0 - without_counter / width).clamp(0.0, 1.0) } else { 0.0 };
    if share > ROUNDING { share } else { 0.0 }
}
