//! One variant on one goal: its counts, with the counter's error and without.

use crate::counter_error::{self, Counter};
use crate::heterogeneity::Effect;
use crate::level::{Interval, Level};
use crate::mean::{Contrast, Mean};
use crate::proportion::Proportion;
use crate::rate_ratio::Rate;
use crate::totals::{Sums, Totals};
use crate::two_proportion::{self, ZTest};
use crate::welch;

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
    /// Each participant has a total. `error` is the relative standard error of the participants' counter.
    Mean {
        totals: Totals,
        error: f64,
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

    /// Totals per participant. `None` if the sums do not fit together.
    pub(super) fn mean(sums: Sums, trials: u64, counter: Counter) -> Option<Self> {
        let totals = Totals::new(Sums { participants: trials, ..sums }).ok()?;
        let error = counter.relative_error(totals.participants() as f64);
        Some(Self::Mean { totals, error })
    }

    pub(super) fn trials(self) -> f64 {
        match self {
            Self::Mean { totals, .. } => totals.sample().n(),
            Self::Proportion { counted, .. } => counted.trials(),
            Self::Rate { counted, .. } => counted.participants(),
        }
    }

    /// The successes, or the participants with a value.
    pub(super) fn successes(self) -> f64 {
        match self {
            Self::Mean { totals, .. } => totals.with_value() as f64,
            Self::Proportion { counted, .. } => counted.successes(),
            Self::Rate { counted, .. } => counted.count(),
        }
    }

    /// Trials that did not reach the goal, where a trial reaches it at most once.
    pub(super) fn failures(self) -> Option<f64> {
        match self {
            Self::Proportion { counted, .. } => Some(counted.failures()),
            Self::Rate { .. } | Self::Mean { .. } => None,
        }
    }

    /// The counts that the tests use, if a participant reaches the goal at most once.
    pub(super) fn effective_proportion(self) -> Option<Proportion> {
        match self {
            Self::Proportion { effective, .. } => Some(effective),
            Self::Rate { .. } | Self::Mean { .. } => None,
        }
    }

    /// The totals, if each participant has one.
    pub(super) fn totals(self) -> Option<Totals> {
        match self {
            Self::Mean { totals, .. } => Some(totals),
            Self::Proportion { .. } | Self::Rate { .. } => None,
        }
    }

    /// The mean per participant with its variance, if each participant has a total.
    pub(super) fn mean_with_variance(self) -> Option<Mean> {
        match self {
            Self::Mean { totals, error } => totals.sample().mean_with_variance(error),
            Self::Proportion { .. } | Self::Rate { .. } => None,
        }
    }

    pub(super) fn effective_trials(self) -> f64 {
        match self {
            Self::Mean { totals, .. } => {
                let sample = totals.sample();
                let with = self.mean_with_variance().map_or(0.0, |mean| mean.variance);
                if with > 0.0 { sample.variance() / with } else { sample.n() }
            }
            Self::Proportion { effective, .. } => effective.trials(),
            Self::Rate { effective, .. } => effective.participants(),
        }
    }

    /// The rate, or the mean per participant.
    pub(super) fn observed_rate(self) -> Option<f64> {
        match self {
            Self::Mean { totals, .. } => totals.sample().mean(),
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
            Self::Mean { totals, error } => {
                let of = |error: f64| totals.sample().interval(level, error);
                Some((of(error)?, of(0.0)?))
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
        (from > 0.0 && lift.is_finite()).then_some(lift)
    }

    pub(super) fn test(control: Self, variant: Self) -> Option<ZTest> {
        match (control, variant) {
            (Self::Proportion { effective: c, .. }, Self::Proportion { effective: v, .. }) => {
                two_proportion::pooled_z(c, v)
            }
            _ => None,
        }
    }

    /// Two means for a test at one look.
    pub(super) fn contrast(control: Self, variant: Self) -> Option<Contrast> {
        match (control, variant) {
            (Self::Mean { totals: c, error: e0 }, Self::Mean { totals: v, error: e1 }) => {
                welch::contrast(c.sample(), v.sample(), [e0, e1])
            }
            _ => None,
        }
    }

    /// The p-value of no difference, for one look.
    pub(super) fn p_value(control: Self, variant: Self) -> Option<f64> {
        let test = Self::test(control, variant).map(|test| test.p_value);
        test.or_else(|| Some(Self::contrast(control, variant)?.p_value()))
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

    /// The estimated effect and its variance: the log ratio, or the difference of two means.
    pub(super) fn effect(control: Self, variant: Self) -> Option<Effect> {
        if let Some(contrast) = Self::contrast(control, variant) {
            let variance = contrast.standard_error().powi(2);
            return Some(Effect { value: contrast.difference(), variance });
        }
        let value = Self::ln_ratio(control, variant)?;
        Some(Effect { value, variance: Self::ln_ratio_variance(control, variant)? })
    }

    /// The share of the comparison's standard error that the counters cause: of the log ratio, or of the difference of two means.
    pub(super) fn counter_share(control: Self, variant: Self) -> Option<f64> {
        let error = |control: Self, variant: Self| {
            let of_ratio = Self::ln_ratio_variance(control, variant).map(f64::sqrt);
            of_ratio.or_else(|| Some(Self::contrast(control, variant)?.standard_error()))
        };
        let (with, without) = (error(control, variant)?, error(control.exact(), variant.exact())?);
        Some(counter_share(with, without))
    }

    /// The same counts without the counters' error.
    fn exact(self) -> Self {
        match self {
            Self::Proportion { counted, .. } => {
                Self::Proportion { counted, effective: counted, error: 0.0 }
            }
            Self::Rate { counted, .. } => Self::Rate { counted, effective: counted },
            Self::Mean { totals, .. } => Self::Mean { totals, error: 0.0 },
        }
    }
}

/// The share of a `width` that the counter causes. Differences below rounding error count as 0.
pub(super) fn counter_share(width: f64, without_counter: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    let share = if width > 0.0 { (1.0 - without_counter / width).clamp(0.0, 1.0) } else { 0.0 };
    if share > ROUNDING { share } else { 0.0 }
}
