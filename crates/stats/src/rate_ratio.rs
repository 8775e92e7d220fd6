//! Two variants, a goal that can be reached many times: Poisson rates.
//!
//! Only counts are known, so repeats are assumed to be independent. Visitors who repeat make the true variance larger: with
//! geometric repeats of mean 2 the test has about 24% false alarms at 5%. So [`crate::analysis`] decides nothing by it.

use crate::error::{Error, count};
use crate::level::{Interval, Level};
use crate::two_proportion::{Estimate, ZTest, hybrid};

/// `count` events among `participants`; the count may exceed the participants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    count: f64,
    participants: f64,
}

impl Rate {
    /// `count` events among `participants`.
    ///
    /// # Errors
    /// If either is negative, not a number or past 2^64.
    pub fn new(count_: f64, participants: f64) -> Result<Self, Error> {
        Ok(Self {
            count: count("count", count_)?,
            participants: count("participants", participants)?,
        })
    }

    /// How often the goal was reached.
    #[must_use]
    pub fn count(self) -> f64 {
        self.count
    }

    /// How many could reach it.
    #[must_use]
    pub fn participants(self) -> f64 {
        self.participants
    }

    /// count / participants. `None` without participants.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        let rate = self.count / self.participants;
        (self.participants > 0.0 && rate.is_finite()).then_some(rate)
    }

    /// The score interval for a Poisson rate: the r with (c - rn)^2 = z^2 rn, Wilson's idea for counts (Rao 1948).
    #[must_use]
    pub fn score_interval(self, level: Level) -> Option<Interval> {
        let rate = self.rate()?;
        let (c, n, z) = (self.count, self.participants, level.critical_value());
        let reach = c + z * z / 2.0 + z * (c + z * z / 4.0).sqrt();
        let low = c / n * (c / reach); // the roots' product is (c/n)^2
        Interval::finite(low.min(rate), (reach / n).max(rate))
    }
}

/// What two rates say about each other. A member is `None` where the counts do not determine it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// r1 / r0 where the control has events.
    pub ratio: Option<f64>,
    /// Its interval from the log ratio, where both have events.
    pub interval: Option<Interval>,
    /// The two-sided score test (Gu et al. 2008).
    pub test: Option<ZTest>,
}

/// Compares the rates of `variant` and `control`.
#[must_use]
pub fn rate_ratio(control: Rate, variant: Rate, level: Level) -> RateRatio {
    RateRatio {
        ratio: ratio(control, variant),
        interval: ratio_interval(control, variant, level),
        test: score_test(control, variant),
    }
}

/// r1 - r0 by the hybrid of score intervals, as Newcombe's for proportions.
#[must_use]
pub fn rate_difference(control: Rate, variant: Rate, level: Level) -> Option<Estimate> {
    hybrid(
        control.rate()?,
        control.score_interval(level)?,
        variant.rate()?,
        variant.score_interval(level)?,
    )
}

fn ratio(control: Rate, variant: Rate) -> Option<f64> {
    let ratio = variant.rate()? / control.rate()?;
    ratio.is_finite().then_some(ratio)
}

fn ratio_interval(control: Rate, variant: Rate, level: Level) -> Option<Interval> {
    let half_width = level.critical_value() * ln_ratio_variance(control, variant)?.sqrt();
    let ln_ratio = ratio(control, variant)?.ln();
    Interval::finite((ln_ratio - half_width).exp(), (ln_ratio + half_width).exp())
}

/// 1/c0 + 1/c1: the delta method's variance of ln(r1/r0).
fn ln_ratio_variance(control: Rate, variant: Rate) -> Option<f64> {
    let variance = 1.0 / control.count + 1.0 / variant.count;
    variance.is_finite().then_some(variance)
}

fn score_test(control: Rate, variant: Rate) -> Option<ZTest> {
    let (r0, r1) = (control.rate()?, variant.rate()?);
    let pooled = (control.count + variant.count) / (control.participants + variant.participants);
    let variance = pooled * (1.0 / control.participants + 1.0 / variant.participants);
    if variance <= 0.0 {
        return None;
    }
    ZTest::new((r1 - r0) / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_events_there_is_no_ratio_and_without_participants_nothing() {
        let some = Rate::new(9.0, 20.0).unwrap();
        let silent = Rate::new(0.0, 20.0).unwrap();
        let empty = Rate::new(0.0, 0.0).unwrap();
        let fallen = rate_ratio(some, silent, Level::DEFAULT);
        assert_eq!((fallen.ratio, fallen.interval), (Some(0.0), None));
        assert_eq!(rate_ratio(silent, some, Level::DEFAULT).ratio, None);
        assert_eq!(rate_ratio(silent, silent, Level::DEFAULT).test, None);
        assert_eq!(rate_ratio(empty, some, Level::DEFAULT).test, None);
    }

    #[test]
    fn the_score_interval_of_no_events_starts_at_zero_and_goes_up() {
        let interval = Rate::new(0.0, 100.0).unwrap().score_interval(Level::DEFAULT).unwrap();
        assert_eq!(interval.low, 0.0);
        assert!((interval.high - 0.038_414_588_206_941_24).abs() < 1e-12); // z^2 / n
    }
}
