//! Looking at any time: intervals and p-values that hold at every look at once.
//!
//! The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (arXiv 2103.06476, equations 9, 155
//! and 161). It is asymptotic: with few participants it is too optimistic ([`crate::analysis`] then says "not enough data").

use crate::error::{Error, count, require};
use crate::level::{Interval, Level};
use crate::normal;
use crate::sample_size::Effect;
use serde::Serialize;

/// N* without a definition: the number of participants at which intervals are narrowest.
pub const DEFAULT_TUNING: f64 = 5_000.0;

/// An interval and a p-value that hold at every look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlwaysValid {
    /// The interval at this look.
    #[serde(flatten)]
    pub interval: Interval,
    /// The p-value at this look.
    pub p_value: f64,
}

/// An estimate after `n` participants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    difference: f64,
    variance: f64,
    n: f64,
}

impl Observation {
    /// An estimated `difference` with this `variance` (of the estimate, not of one participant) after `n` participants of both
    /// variants together.
    ///
    /// # Errors
    /// If a number is not finite, the variance not positive or n below 1.
    pub fn new(difference: f64, variance: f64, n: f64) -> Result<Self, Error> {
        require(difference.abs() <= 1e100, "difference", "within 1e100 of zero", difference)?;
        let varies = (1e-200..=1e200).contains(&variance);
        require(varies, "variance", "positive (between 1e-200 and 1e200)", variance)?;
        require(count("n", n)? >= 1.0, "n", "at least 1", n)?;
        Ok(Self { difference, variance, n })
    }

    /// The estimated difference.
    #[must_use]
    pub fn difference(self) -> f64 {
        self.difference
    }

    /// The standard error of the estimate.
    #[must_use]
    pub fn standard_error(self) -> f64 {
        self.variance.sqrt()
    }

    /// The interval for one look.
    #[must_use]
    pub fn normal_interval(self, level: Level) -> Interval {
        let half_width = level.critical_value() * self.standard_error();
        Interval { low: self.difference - half_width, high: self.difference + half_width }
    }
}

/// rho, the constant of a sequence. It is fixed before the first look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rho {
    squared: f64,
}

impl Rho {
    /// The rho that makes the sequence at `level` narrowest at `tuning` participants (equation 161, without Lambert's W).
    ///
    /// # Errors
    /// Unless 1 <= tuning <= 2^64.
    pub fn tuned(level: Level, tuning: f64) -> Result<Self, Error> {
        require(count("tuning", tuning)? >= 1.0, "tuning", "at least 1", tuning)?;
        let l = -2.0 * level.alpha().ln();
        Ok(Self { squared: (l + l.ln_1p()) / tuning })
    }

    /// rho^2.
    #[must_use]
    pub fn squared(self) -> f64 {
        self.squared
    }

    /// Half the width of the sequence after `n` participants, in standard errors.
    #[must_use]
    pub fn half_width_in_errors(self, n: f64, level: Level) -> f64 {
        let t = n * self.squared;
        ((1.0 + 1.0 / t) * (t.ln_1p() - 2.0 * level.alpha().ln())).sqrt()
    }

    /// The sequence's interval at one look.
    #[must_use]
    pub fn interval(self, seen: Observation, level: Level) -> Interval {
        let half_width = seen.variance.sqrt() * self.half_width_in_errors(seen.n, level);
        Interval { low: seen.difference - half_width, high: seen.difference + half_width }
    }

    /// The p-value at one look: below alpha exactly if [`Rho::interval`] at that level excludes 0.
    #[must_use]
    pub fn p_value(self, seen: Observation) -> f64 {
        let t = seen.n * self.squared;
        let z = seen.difference / seen.variance.sqrt();
        let ln_p = 0.5 * t.ln_1p() - z * z / 2.0 * (t / (t + 1.0));
        ln_p.min(0.0).exp()
    }
}

/// The largest sample that is called reachable.
pub(crate) const UNREACHABLE: f64 = 1e15;

/// Participants per variant until the sequence excludes 0 with the probability `power`, if the relative lift of `effect` is
/// true, to a thousandth. For a rate, the sequence is that of the log ratio; for a mean, that of the difference.
///
/// # Errors
/// Unless 0 < power < 1, if the lifted rate is 0, or if the required sample is above 10^15.
pub fn sample_size(effect: Effect, level: Level, power: f64, tuning: f64) -> Result<u64, Error> {
    require(power > 0.0 && power < 1.0, "power", "between 0 and 1", power)?;
    let rho = Rho::tuned(level, tuning)?;
    let (from, to) = (effect.baseline(), effect.lifted());
    let (distance, variance) = match effect.deviation() {
        Some(sd) => ((to - from).abs(), 2.0 * sd * sd),
        None => {
            require(to > 0.0, "lift", "above -1: no ratio leads to a rate of 0", -1.0)?;
            let odds_against = |p: f64| (1.0 - p) / p;
            ((to / from).ln().abs(), odds_against(from) + odds_against(to))
        }
    };
    let needed = participants_needed(distance, |n| (variance / n).sqrt(), level, power, rho);
    needed.map(|n| n as u64).ok_or(Error::SampleTooLarge)
}

/// The smallest n per variant at which an effect of `distance` with the standard error `error_at(n)` is found with probability
/// `power`. `None` above [`UNREACHABLE`].
pub(crate) fn participants_needed(
    distance: f64,
    error_at: impl Fn(f64) -> f64,
    level: Level,
    power: f64,
    rho: Rho,
) -> Option<f64> {
    let z_power = -normal::upper_quantile(power);
    let finds =
        |n: f64| error_at(n) * (rho.half_width_in_errors(2.0 * n, level) + z_power) <= distance;
    let (mut low, mut high) = (0.0, 64.0);
    while !finds(high) {
        (low, high) = (high, 2.0 * high);
        if high > UNREACHABLE {
            return None;
        }
    }
    while high - low > 1e-3 * high {
        let middle = f64::midpoint(low, high);
        if finds(middle) { high = middle } else { low = middle }
    }
    Some(high.ceil())
}

/// The sequence at one look, narrowest at `tuning` participants ([`DEFAULT_TUNING`]).
///
/// # Errors
/// Unless 1 <= tuning <= 2^64.
pub fn confidence_sequence(
    seen: Observation,
    level: Level,
    tuning: f64,
) -> Result<AlwaysValid, Error> {
    let rho = Rho::tuned(level, tuning)?;
    Ok(AlwaysValid { interval: rho.interval(seen, level), p_value: rho.p_value(seen) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_without_variance_has_no_sequence() {
        assert!(Observation::new(0.1, 0.0, 1000.0).is_err());
        assert!(Observation::new(0.1, 0.1, 0.0).is_err());
        assert!(Observation::new(f64::INFINITY, 0.1, 10.0).is_err());
    }

    #[test]
    fn the_interval_excludes_zero_exactly_when_p_falls_below_alpha() {
        for difference in [0.0, 0.01, 0.013, 0.0137, 0.02] {
            let seen = Observation::new(difference, 2e-5, 8000.0).unwrap();
            let sequence = confidence_sequence(seen, Level::DEFAULT, DEFAULT_TUNING).unwrap();
            assert_eq!(sequence.interval.low > 0.0, sequence.p_value < 0.05);
        }
    }
}
