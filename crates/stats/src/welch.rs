//! Continuous metrics such as revenue: Welch's test of two means.

use crate::error::{Error, count, require};
use crate::level::{Interval, Level};
use crate::mean::{Contrast, Mean, Reach};
use crate::student;
use serde::Serialize;

/// A sample by its count, mean and variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    n: f64,
    mean: f64,
    variance: f64,
}

/// The largest mean. Its square is far from overflow.
const LARGEST_MEAN: f64 = 1e100;

impl Sample {
    /// `n` values with this mean and sample variance (divisor n - 1).
    ///
    /// # Errors
    /// If n is not a count, the mean is beyond 1e100, or the variance is negative or above 1e200.
    pub fn new(n: f64, mean: f64, variance: f64) -> Result<Self, Error> {
        let n = count("n", n)?;
        require(mean.abs() <= LARGEST_MEAN, "mean", "within 1e100 of zero", mean)?;
        let ok = (0.0..=LARGEST_MEAN * LARGEST_MEAN).contains(&variance);
        require(ok, "variance", "between 0 and 1e200", variance)?;
        Ok(Self { n, mean, variance })
    }

    /// How many values.
    #[must_use]
    pub fn n(self) -> f64 {
        self.n
    }

    /// Their mean. `None` without values.
    #[must_use]
    pub fn mean(self) -> Option<f64> {
        (self.n > 0.0).then_some(self.mean)
    }

    /// The sample variance, with the divisor n - 1.
    #[must_use]
    pub fn variance(self) -> f64 {
        self.variance
    }

    /// The mean with its variance. The relative standard error `counter_error` of n adds e²m². `None` with fewer than two values.
    #[must_use]
    pub fn mean_with_variance(self, counter_error: f64) -> Option<Mean> {
        let counter = counter_error * self.mean;
        let variance = self.variance / self.n + counter * counter;
        (self.n >= 2.0).then_some(Mean { value: self.mean, variance })
    }

    /// Student's interval for the mean. The relative standard error `counter_error` of n widens it. `None` with fewer than two
    /// values.
    #[must_use]
    pub fn interval(self, level: Level, counter_error: f64) -> Option<Interval> {
        let error = self.mean_with_variance(counter_error)?.variance.sqrt();
        let half = student::critical_value(level, self.n - 1.0) * error;
        Interval::finite(self.mean - half, self.mean + half)
    }
}

/// Welch's comparison of two means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Welch {
    /// mean1 - mean0.
    pub difference: f64,
    /// Its interval.
    pub interval: Interval,
    /// The statistic.
    pub t: f64,
    /// Welch-Satterthwaite degrees of freedom.
    pub df: f64,
    /// Two-sided.
    pub p_value: f64,
}

/// Welch's t test (Welch 1947). `None` with fewer than two values per variant, or if neither varies.
#[must_use]
pub fn welch(control: Sample, variant: Sample, level: Level) -> Option<Welch> {
    let contrast = contrast(control, variant, [0.0; 2])?;
    let Reach::Student { degrees } = contrast.reach() else { return None };
    Some(Welch {
        difference: contrast.difference(),
        interval: contrast.difference_interval(level)?,
        t: contrast.z(),
        df: degrees,
        p_value: contrast.p_value(),
    })
}

/// The two means for Welch's test. The counters of the participants err by `counter_errors`, as shares: control, then variant.
/// `None` as for [`welch`].
#[must_use]
pub fn contrast(control: Sample, variant: Sample, counter_errors: [f64; 2]) -> Option<Contrast> {
    let from = control.mean_with_variance(counter_errors[0])?;
    let to = variant.mean_with_variance(counter_errors[1])?;
    let variance = from.variance + to.variance;
    if variance <= 0.0 {
        return None;
    }
    // Shares of the variance, so that no square underflows or overflows. What the counters add is known, so it has no term.
    let term = |sample: Sample| {
        let share = sample.variance / sample.n / variance;
        share * share / (sample.n - 1.0)
    };
    let degrees = (term(control) + term(variant)).recip().min(MOST_DEGREES);
    Contrast::new(from, to, Reach::Student { degrees })
}

/// With more, Student's t is the normal distribution to the last digit.
const MOST_DEGREES: f64 = 1e20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_or_no_variation_has_no_test() {
        let one = Sample::new(1.0, 3.0, 0.0).unwrap();
        let flat = Sample::new(9.0, 3.0, 0.0).unwrap();
        let some = Sample::new(9.0, 3.0, 2.0).unwrap();
        assert_eq!(welch(one, some, Level::DEFAULT), None);
        assert_eq!(welch(flat, flat, Level::DEFAULT), None);
        assert!((welch(flat, some, Level::DEFAULT).unwrap().df - 8.0).abs() < 1e-12);
    }
}
