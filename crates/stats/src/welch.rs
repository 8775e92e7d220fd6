//! Continuous metrics such as revenue: Welch's test of two means.

use crate::error::{Error, count, require};
use crate::level::{Interval, Level};
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

    /// The sample of n values x from the sums of x - shift and of (x - shift)^2, for any fixed shift near the mean (the first
    /// value seen will do). Without a shift the squares cancel when the mean is large beside the spread (Chan, Golub and
    /// LeVeque 1983).
    ///
    /// # Errors
    /// As for [`Sample::new`].
    pub fn from_shifted_sums(
        n: f64,
        shift: f64,
        sum: f64,
        sum_of_squares: f64,
    ) -> Result<Self, Error> {
        let n = count("n", n)?;
        if n == 0.0 {
            return Self::new(0.0, 0.0, 0.0);
        }
        let squares = sum_of_squares - sum * (sum / n);
        let variance = if n < 2.0 { 0.0 } else { squares.max(0.0) / (n - 1.0) };
        require(!squares.is_nan(), "sum_of_squares", "a number", sum_of_squares)?;
        Self::new(n, shift + sum / n, variance)
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

    /// Student's interval for the mean. `None` with fewer than two values.
    #[must_use]
    pub fn interval(self, level: Level) -> Option<Interval> {
        if self.n < 2.0 {
            return None;
        }
        let half = student::critical_value(level, self.n - 1.0) * (self.variance / self.n).sqrt();
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
    if control.n < 2.0 || variant.n < 2.0 {
        return None;
    }
    let (v0, v1) = (control.variance / control.n, variant.variance / variant.n);
    let variance = v0 + v1;
    if variance <= 0.0 {
        return None;
    }
    // Shares of the variance, so that no square underflows or overflows.
    let (share0, share1) = (v0 / variance, v1 / variance);
    let df = 1.0 / (share0 * share0 / (control.n - 1.0) + share1 * share1 / (variant.n - 1.0));
    let difference = variant.mean - control.mean;
    let error = variance.sqrt();
    let t = difference / error;
    if !(df.is_finite() && t.is_finite()) {
        return None;
    }
    let half = student::critical_value(level, df) * error;
    Some(Welch {
        difference,
        interval: Interval::finite(difference - half, difference + half)?,
        t,
        df,
        p_value: student::two_sided_p(t, df),
    })
}

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

    #[test]
    fn a_shift_keeps_the_digits_of_the_variance() {
        let values = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 4.0];
        let sums = |shift: f64| {
            let sum = values.iter().map(|x| x - shift).sum();
            let squares = values.iter().map(|x| (x - shift) * (x - shift)).sum();
            Sample::from_shifted_sums(3.0, shift, sum, squares).unwrap()
        };
        let sample = sums(values[0]);
        assert!((sample.variance - 7.0 / 3.0).abs() < 1e-12);
        assert!((sample.mean - (1e9 + 7.0 / 3.0)).abs() < 1e-6);
    }
}
