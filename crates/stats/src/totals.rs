//! What the participants of one variant spent, waited or did: exact sums of one total per participant.
//!
//! Sums are whole numbers in the goal's smallest step (cents for two decimals). They become floating-point numbers once, at the
//! end, so neither many participants nor large totals cost digits.

use crate::error::{Error, require};
use crate::welch::Sample;
use crate::words::{percent, thousands};

/// Participants with a value that each variant needs for a verdict.
pub const LEAST_WITH_VALUE: u64 = 100;

/// The largest share of the sum of squares that one total may have for a verdict.
pub const LARGEST_SHARE: f64 = 0.1;

/// Most decimals of a value.
const MOST_DECIMALS: u8 = 18;

/// The largest sum of squares.
const LARGEST_SQUARES: u128 = 1 << 126;

/// Sums over the participants of one variant, in steps of 10^-decimals. A participant without an event has a total of 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// The participants, with or without a value.
    pub participants: u64,
    /// The participants with a value.
    pub with_value: u64,
    /// The sum of the totals.
    pub sum: i128,
    /// The sum of the squared totals.
    pub sum_of_squares: u128,
    /// The largest absolute total.
    pub largest: u128,
    /// The decimals of a value.
    pub decimals: u8,
}

/// [`Sums`] that fit together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    sums: Sums,
    sample: Sample,
}

/// Why totals cannot decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unready {
    /// Fewer than [`LEAST_WITH_VALUE`] participants have a value: this many.
    TooFew(u64),
    /// One total has more than [`LARGEST_SHARE`] of the sum of squares: this share, from 0 to 1.
    OneDominates(f64),
}

impl Totals {
    /// Checks that the sums can come from one set of totals.
    ///
    /// # Errors
    /// If there are more than 18 decimals, if the sum of squares is above 2^126, or if no whole totals have these sums.
    pub fn new(sums: Sums) -> Result<Self, Error> {
        let decimals = sums.decimals;
        require(decimals <= MOST_DECIMALS, "decimals", "at most 18", f64::from(decimals))?;
        let steps = 10f64.powi(i32::from(decimals));
        // The counter of participants may err, and miss some of those with a value.
        let n = sums.participants.max(sums.with_value);
        let squares = squares_about_mean(sums, n)? / steps / steps;
        let mean = if n == 0 { 0.0 } else { sums.sum as f64 / n as f64 / steps };
        let variance = if n < 2 { 0.0 } else { squares / (n as f64 - 1.0) };
        Ok(Self { sums, sample: Sample::new(n as f64, mean, variance)? })
    }

    /// The participants, with or without a value: at least those with one.
    #[must_use]
    pub fn participants(&self) -> u64 {
        self.sums.participants.max(self.sums.with_value)
    }

    /// The participants with a value.
    #[must_use]
    pub fn with_value(&self) -> u64 {
        self.sums.with_value
    }

    /// The sum of the totals, in the goal's unit.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sums.sum as f64 / 10f64.powi(i32::from(self.sums.decimals))
    }

    /// The totals in the goal's unit: how many, their mean and their variance.
    #[must_use]
    pub fn sample(&self) -> Sample {
        self.sample
    }

    /// Whether the totals can decide: a normal approximation needs enough participants with a value, and no total that outweighs
    /// the others.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), Unready> {
        if self.sums.with_value < LEAST_WITH_VALUE {
            return Err(Unready::TooFew(self.sums.with_value));
        }
        let largest = self.sums.largest as f64;
        // The largest total was kept when it was seen. A refund may have made it smaller since.
        let share = (largest * largest / self.sums.sum_of_squares as f64).min(1.0);
        if share > LARGEST_SHARE { Err(Unready::OneDominates(share)) } else { Ok(()) }
    }
}

/// The sum of (total - mean)², in steps squared.
fn squares_about_mean(sums: Sums, n: u64) -> Result<f64, Error> {
    let (sum, squares) = (sums.sum as f64, sums.sum_of_squares as f64);
    let fits = sums.sum_of_squares <= LARGEST_SQUARES;
    require(fits, "sum_of_squares", "at most 2^126", squares)?;
    let wrong = Error::Sums { n, sum, sum_of_squares: squares };
    if sums.with_value == 0 {
        let none = sums.sum == 0 && sums.sum_of_squares == 0;
        return if none { Ok(0.0) } else { Err(wrong) };
    }
    // By Cauchy and Schwarz. This also keeps the whole numbers below from overflowing.
    if sum * (sum / n as f64) > 1.000_001 * squares {
        return Err(wrong);
    }
    let middle = nearest(sums.sum, i128::from(n));
    let rest = sums.sum - i128::from(n) * middle;
    // The sum of (total - middle)². A product may overflow, but the result fits, so the overflows cancel.
    let about_middle = (sums.sum_of_squares as i128)
        .wrapping_sub(middle.wrapping_mul(sums.sum))
        .wrapping_sub(middle.wrapping_mul(rest));
    // Whole numbers are at most their squares.
    if about_middle < rest.abs() {
        return Err(wrong);
    }
    // At most half is taken away, because rest is at most n/2: no digits are lost.
    let rest = rest as f64;
    Ok(about_middle as f64 - rest * (rest / n as f64))
}

impl Unready {
    /// What is wrong and what to do, as a clause: "each variant needs at least 100 participants with a value, and one has 12".
    #[must_use]
    pub fn advice(self) -> String {
        match self {
            Self::TooFew(seen) => format!(
                "each variant needs at least {LEAST_WITH_VALUE} participants with a value, and one has {}",
                thousands(seen)
            ),
            Self::OneDominates(share) => format!(
                "one participant's total makes {} of a variant's sum of squares, and at most {} is allowed, because such a total \
                 moves the result by chance; set a cap for the goal, for example the 99th percentile of the totals of \
                 participants with a value, and the results are then of totals up to the cap",
                percent(share),
                percent(LARGEST_SHARE)
            ),
        }
    }
}

/// The whole number nearest to sum / n, for n > 0.
fn nearest(sum: i128, n: i128) -> i128 {
    let (down, rest) = (sum.div_euclid(n), sum.rem_euclid(n));
    if 2 * rest > n { down + 1 } else { down }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(totals: &[i64], decimals: u8) -> Totals {
        let squares = totals.iter().map(|&t| i128::from(t) * i128::from(t)).sum::<i128>();
        Totals::new(Sums {
            participants: totals.len() as u64,
            with_value: totals.iter().filter(|&&total| total != 0).count() as u64,
            sum: totals.iter().map(|&total| i128::from(total)).sum(),
            sum_of_squares: squares.unsigned_abs(),
            largest: totals.iter().map(|total| u128::from(total.unsigned_abs())).max().unwrap_or(0),
            decimals,
        })
        .unwrap()
    }

    #[test]
    fn the_mean_and_the_variance_are_in_the_goals_unit() {
        let found = of(&[0, 0, 1_999, 2_001, -500], 2);
        let sample = found.sample();
        assert_eq!(sample.mean(), Some(7.0));
        // Python's statistics.variance([0, 0, 19.99, 20.01, -5])
        assert!((sample.variance() - 145.000_05).abs() < 1e-12, "{}", sample.variance());
        assert_eq!((found.participants(), found.with_value(), found.sum()), (5, 3, 35.0));
    }

    #[test]
    fn large_totals_that_differ_by_one_step_keep_every_digit() {
        let high = 1_000_000_000_000_000;
        let found = of(&[high + 1, high + 2, high + 4], 0);
        assert!((found.sample().variance() - 7.0 / 3.0).abs() < 1e-14);
        // 10^7 participants with 10^6 cents each: the squares need more than 64 bits.
        let sums = Sums {
            participants: 10_000_001,
            with_value: 10_000_000,
            sum: 10_000_000 * 1_000_000,
            sum_of_squares: 10_000_000 * 1_000_000 * 1_000_000,
            largest: 1_000_000,
            decimals: 2,
        };
        let variance = Totals::new(sums).unwrap().sample().variance();
        // 10,000 for n - 1 participants and 0 for one: the mean is 10,000 (1 - 1/n), the squares are 10^8 (1 - 1/n).
        let expected = 1e8 * (1.0 - 1.0 / 10_000_001.0) / 1e7;
        assert!((variance / expected - 1.0).abs() < 1e-14, "{variance}");
    }

    #[test]
    fn sums_that_no_totals_have_are_refused() {
        let sums =
            Sums { participants: 3, with_value: 3, sum: 6, sum_of_squares: 12, ..Sums::default() };
        assert!(Totals::new(sums).is_ok());
        for (sum, sum_of_squares) in [(6, 11), (7, 16), (1, 0), (i128::MAX, 5), (0, u128::MAX)] {
            assert!(Totals::new(Sums { sum, sum_of_squares, ..sums }).is_err(), "{sum}");
        }
        assert!(
            Totals::new(Sums { with_value: 0, participants: 3, sum: 1, ..Sums::default() })
                .is_err()
        );
        assert!(Totals::new(Sums { decimals: 19, ..sums }).is_err());
        assert_eq!(Totals::new(Sums::default()).unwrap().sample().mean(), None);
    }

    #[test]
    fn a_counter_that_misses_participants_with_a_value_does_not_lose_them() {
        let sums =
            Sums { participants: 2, with_value: 3, sum: 6, sum_of_squares: 12, ..Sums::default() };
        assert_eq!(Totals::new(sums).unwrap().sample().mean(), Some(2.0));
    }

    #[test]
    fn few_values_or_one_large_total_cannot_decide() {
        let mut totals = vec![10; 99];
        assert_eq!(of(&totals, 0).ready(), Err(Unready::TooFew(99)));
        totals.push(10);
        assert_eq!(of(&totals, 0).ready(), Ok(()));
        totals.push(1_000);
        let Err(Unready::OneDominates(share)) = of(&totals, 0).ready() else { panic!() };
        assert!((share - 0.990_099).abs() < 1e-6, "{share}");
        assert!(Unready::OneDominates(share).advice().contains("set a cap"));
        // A refund took the large total back: 0 now, but still known as the largest.
        let mut sums = of(&[10; 100], 0).sums;
        sums.largest = 1_000;
        assert_eq!(Totals::new(sums).unwrap().ready(), Err(Unready::OneDominates(1.0)));
    }

    proptest! {
        #[test]
        fn the_sums_give_the_variance_of_the_totals(
            totals in prop::collection::vec(-1_000_000_000_000i64..1_000_000_000_000, 2..50),
            shift in -100_000_000_000_000i64..100_000_000_000_000,
        ) {
            let moved: Vec<i64> = totals.iter().map(|total| total + shift).collect();
            let (before, after) = (of(&totals, 2), of(&moved, 2));
            let n = totals.len() as f64;
            let mean = totals.iter().map(|&t| t as f64).sum::<f64>() / n;
            let squares = totals.iter().map(|&t| (t as f64 - mean).powi(2)).sum::<f64>() / 1e4;
            let close = |one: f64, other: f64| (one - other).abs() <= 1e-12 * one.max(other);
            prop_assert!(close(before.sample().variance(), squares / (n - 1.0)));
            // A shift of all totals moves the mean and leaves the variance.
            prop_assert!(close(before.sample().variance(), after.sample().variance()));
        }

        #[test]
        fn the_unit_scales_the_mean_and_its_variance(
            totals in prop::collection::vec(-100_000i64..100_000, 2..50), error in 0.0..0.01f64,
        ) {
            let mean = |decimals| of(&totals, decimals).sample().mean_with_variance(error).unwrap();
            let (cents, euros) = (mean(0), mean(2));
            prop_assert!((cents.value / 100.0 - euros.value).abs() <= 1e-12 * cents.value.abs());
            prop_assert!((cents.variance / 1e4 - euros.variance).abs() <= 1e-12 * cents.variance);
        }
    }
}
