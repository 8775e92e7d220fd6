//! One variant's rate for a goal that a trial reaches at most once.

use crate::error::{Error, count};
use crate::level::{Interval, Level};

/// `successes` out of `trials`, successes <= trials. Numbers with a fraction are effective counts
/// ([`crate::counter_error::effective`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proportion {
    successes: f64,
    trials: f64,
}

impl Proportion {
    /// `successes` out of `trials`.
    ///
    /// # Errors
    /// If either is negative, not a number or past 2^64, or successes exceed trials.
    pub fn new(successes: f64, trials: f64) -> Result<Self, Error> {
        let (successes, trials) = (count("successes", successes)?, count("trials", trials)?);
        if successes > trials {
            return Err(Error::SuccessesExceedTrials { successes, trials });
        }
        Ok(Self { successes, trials })
    }

    /// The proportion of whole counts.
    ///
    /// # Errors
    /// If successes exceed trials.
    pub fn from_counts(successes: u64, trials: u64) -> Result<Self, Error> {
        Self::new(successes as f64, trials as f64)
    }

    /// How many succeeded.
    #[must_use]
    pub fn successes(self) -> f64 {
        self.successes
    }

    /// How many did not succeed.
    #[must_use]
    pub fn failures(self) -> f64 {
        self.trials - self.successes
    }

    /// How many trials there were.
    #[must_use]
    pub fn trials(self) -> f64 {
        self.trials
    }

    /// successes / trials. `None` without trials.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.trials > 0.0).then(|| self.successes / self.trials)
    }

    /// Wilson's score interval (Wilson 1927; recommended by Brown, Cai and DasGupta 2001). `None` without trials.
    ///
    /// The ends solve (p - s/n)^2 = z^2 p(1 - p)/n. The lower one comes from the product of the roots, s^2/(n(n + z^2)),
    /// because their difference cancels at small rates.
    #[must_use]
    pub fn wilson(self, level: Level) -> Option<Interval> {
        let (s, n) = (self.successes, self.trials);
        if n <= 0.0 {
            return None;
        }
        let z = level.critical_value();
        let reach = |s: f64| {
            let spread = s * ((n - s) / n) + z * z / 4.0;
            s + z * z / 2.0 + z * spread.sqrt()
        };
        let low = if s == 0.0 { 0.0 } else { s / n * (s / reach(s)) };
        let high = if s == n { 1.0 } else { reach(s) / (n + z * z) };
        // Rounding may not move the estimate out of its own interval.
        let rate = s / n;
        Interval::finite(low.clamp(0.0, rate), high.clamp(rate, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trials_give_no_estimate() {
        let nothing = Proportion::from_counts(0, 0).unwrap();
        assert_eq!(nothing.rate(), None);
        assert_eq!(nothing.wilson(Level::DEFAULT), None);
    }

    #[test]
    fn invalid_proportions_are_refused() {
        assert!(Proportion::from_counts(2, 1).is_err());
        assert!(Proportion::new(-1.0, 1.0).is_err());
        assert!(Proportion::new(f64::NAN, 1.0).is_err());
        assert!(Proportion::new(0.0, f64::INFINITY).is_err());
    }
}
