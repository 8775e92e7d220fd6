//! Looking whenever one likes: intervals and p-values that hold at every look at once.
//!
//! The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (arXiv 2103.06476, equations 9, 155
//! and 161). Asymptotic: below some hundred participants it promises more than it keeps ([`crate::analysis`] says "too early").

use crate::error::{Error, count, require};
use crate::level::{Interval, Level};
use crate::normal;
use crate::sample_size::Effect;
use serde::Serialize;

/// The sample size at which the sequence is tightest if nothing else is said.
pub const DEFAULT_TUNING: f64 = 5_000.0;

/// An interval and a p-value that stay true under peeking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlwaysValid {
    /// The interval at this look.
    #[serde(flatten)]
    pub interval: Interval,
    /// The p-value at this look.
    pub p_value: f64,
}

/// An estimate after `n` trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    difference: f64,
    variance: f64,
    n: f64,
}

impl Look {
    /// An estimated `difference` with this `variance` (of the estimate, not of one trial) after `n` trials in all.
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
}

/// rho^2 n for the rho that makes the sequence tightest at `tuning` trials (equation 161, without Lambert's W).
fn tuned_time(n: f64, level: Level, tuning: f64) -> f64 {
    let l = -2.0 * level.alpha().ln();
    n * (l + l.ln_1p()) / tuning
}

/// Half the width of the sequence, in standard errors, after `n` trials.
pub(crate) fn half_width_in_errors(n: f64, level: Level, tuning: f64) -> f64 {
    let t = tuned_time(n, level, tuning);
    ((1.0 + 1.0 / t) * (t.ln_1p() - 2.0 * level.alpha().ln())).sqrt()
}

/// More participants than any experiment has.
pub(crate) const UNREACHABLE: f64 = 1e15;

/// Participants a variant until the sequence leaves 0 out with the probability `power`, if the relative lift of `effect` is
/// true; to a thousandth, which is more than anyone plans for.
///
/// # Errors
/// Unless 0 < power < 1, if the lifted rate is 0, or if nobody ever has as many.
pub fn sample_size(effect: Effect, level: Level, power: f64, tuning: f64) -> Result<u64, Error> {
    require(power > 0.0 && power < 1.0, "power", "between 0 and 1", power)?;
    require(count("tuning", tuning)? >= 1.0, "tuning", "at least 1", tuning)?;
    require(effect.lifted() > 0.0, "lift", "above -1: no ratio leads to a rate of 0", -1.0)?;
    let odds_against = |p: f64| (1.0 - p) / p;
    let variance = odds_against(effect.baseline()) + odds_against(effect.lifted());
    let ln_lift = (effect.lifted() / effect.baseline()).ln().abs();
    let needed = participants_needed(ln_lift, |n| (variance / n).sqrt(), level, power, tuning);
    needed.map(|n| n as u64).ok_or(Error::SampleTooLarge)
}

/// The smallest n a variant at which a log ratio of `ln_lift` with the standard error `error_at(n)` shows with probability
/// `power`; nothing past [`UNREACHABLE`].
pub(crate) fn participants_needed(
    ln_lift: f64,
    error_at: impl Fn(f64) -> f64,
    level: Level,
    power: f64,
    tuning: f64,
) -> Option<f64> {
    let z_power = -normal::upper_quantile(power);
    let shows =
        |n: f64| error_at(n) * (half_width_in_errors(2.0 * n, level, tuning) + z_power) <= ln_lift;
    let (mut low, mut high) = (0.0, 64.0);
    while !shows(high) {
        (low, high) = (high, 2.0 * high);
        if high > UNREACHABLE {
            return None;
        }
    }
    while high - low > 1e-3 * high {
        let middle = f64::midpoint(low, high);
        if shows(middle) { high = middle } else { low = middle }
    }
    Some(high.ceil())
}

/// The sequence at one look, tightest at `tuning` trials ([`DEFAULT_TUNING`]).
///
/// # Errors
/// Unless 1 <= tuning <= 2^64.
pub fn confidence_sequence(look: Look, level: Level, tuning: f64) -> Result<AlwaysValid, Error> {
    require(count("tuning", tuning)? >= 1.0, "tuning", "at least 1", tuning)?;
    let half_width = look.variance.sqrt() * half_width_in_errors(look.n, level, tuning);
    let t = tuned_time(look.n, level, tuning);
    let z = look.difference / look.variance.sqrt();
    let ln_p = 0.5 * t.ln_1p() - z * z / 2.0 * (t / (t + 1.0));
    let interval =
        Interval { low: look.difference - half_width, high: look.difference + half_width };
    Ok(AlwaysValid { interval, p_value: ln_p.min(0.0).exp() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_vary_has_no_sequence() {
        assert!(Look::new(0.1, 0.0, 1000.0).is_err());
        assert!(Look::new(0.1, 0.1, 0.0).is_err());
        assert!(Look::new(f64::INFINITY, 0.1, 10.0).is_err());
    }

    #[test]
    fn the_interval_leaves_zero_out_exactly_when_p_falls_below_alpha() {
        for difference in [0.0, 0.01, 0.013, 0.0137, 0.02] {
            let look = Look::new(difference, 2e-5, 8000.0).unwrap();
            let seen = confidence_sequence(look, Level::DEFAULT, DEFAULT_TUNING).unwrap();
            assert_eq!(seen.interval.low > 0.0, seen.p_value < 0.05);
        }
    }
}
