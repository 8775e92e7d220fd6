//! Is the experiment sound? Do the trials fall on the variants as the weights say?

use crate::error::{Error, count, require};
use crate::normal;

/// Below this p-value something other than chance moved the trials (Fabijan et al. 2019).
pub const ALARM_BELOW: f64 = 0.001;

/// The sample-ratio check.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRatio {
    /// Chi-square with one degree less than variants of positive weight; `None` where a variant of weight 0 has trials,
    /// which no chance explains.
    pub statistic: Option<f64>,
    /// Its p-value; 0 where a variant of weight 0 has trials.
    pub p_value: f64,
    /// The trials that the weights would have given, in the variants' order.
    pub expected: Vec<f64>,
}

impl SampleRatio {
    /// Whether the experiment's numbers should not be believed.
    #[must_use]
    pub fn alarm(&self) -> bool {
        self.p_value < ALARM_BELOW
    }
}

/// Tests `trials` against `weights`, when each variant's counter has the relative standard error at its place in
/// `counter_errors` (0 for exact counts: Pearson's test).
///
/// The specification's quadratic form r' V^- r, with V = C S C', S = N(diag w - ww') + diag(e N w)^2 and C = I - w1', needs no
/// matrix: C w = 0, so V = C D C' with D = diag(N w + (e N w)^2), and the generalised inverse of that is generalised least
/// squares: the sum of (m - w T)^2 / D at the T that makes it smallest.
///
/// # Errors
/// If the lists' lengths differ, a number is negative, there is nobody, or no weight is positive.
pub fn sample_ratio(
    trials: &[f64],
    weights: &[f64],
    counter_errors: &[f64],
) -> Result<SampleRatio, Error> {
    same_length("trials", trials, "weights", weights)?;
    same_length("trials", trials, "counter_errors", counter_errors)?;
    if trials.len() < 2 {
        return Err(Error::TooFew { name: "trials", least: 2, given: trials.len() });
    }
    for &m in trials {
        count("trials", m)?;
    }
    for &w in weights {
        require((0.0..=1e100).contains(&w), "weights", "between 0 and 1e100", w)?;
    }
    for &e in counter_errors {
        require((0.0..=1.0).contains(&e), "counter_error", "between 0 and 1", e)?;
    }
    let total_weight: f64 = weights.iter().sum();
    require(total_weight > 0.0, "weights", "positive for at least one variant", total_weight)?;
    let total: f64 = trials.iter().sum();
    require(total > 0.0, "trials", "more than 0 in all", total)?;

    let expected: Vec<f64> = weights.iter().map(|w| total * (w / total_weight)).collect();
    if trials.iter().zip(&expected).any(|(&m, &x)| x == 0.0 && m > 0.0) {
        return Ok(SampleRatio { statistic: None, p_value: 0.0, expected });
    }
    // (trials, expected, variance) of the variants that could get any.
    let open = || {
        trials.iter().zip(&expected).zip(counter_errors).filter_map(|((&m, &x), &e)| {
            let counter = e * x;
            (x > 0.0).then_some((m, x, x + counter * counter))
        })
    };
    let (seen, due) = open().fold((0.0, 0.0), |(seen, due), (m, x, variance)| {
        (seen + x * (m / variance), due + x * (x / variance))
    });
    let scale = seen / due;
    let statistic: f64 = open().map(|(m, x, variance)| (m - scale * x).powi(2) / variance).sum();
    let degrees = open().count() - 1;
    let p_value = normal::chi_square_upper_tail(statistic, degrees);
    Ok(SampleRatio { statistic: Some(statistic), p_value, expected })
}

fn same_length(
    left_name: &'static str,
    left: &[f64],
    right_name: &'static str,
    right: &[f64],
) -> Result<(), Error> {
    if left.len() == right.len() {
        return Ok(());
    }
    Err(Error::Lengths { left_name, left: left.len(), right_name, right: right.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_of_a_variant_without_weight_are_an_alarm() {
        let check = sample_ratio(&[100.0, 100.0, 1.0], &[1.0, 1.0, 0.0], &[0.0; 3]).unwrap();
        assert!(check.alarm());
        assert_eq!(check.statistic, None);
    }

    #[test]
    fn an_empty_variant_without_weight_changes_nothing() {
        let with = sample_ratio(&[90.0, 100.0, 0.0], &[1.0, 1.0, 0.0], &[0.0081; 3]).unwrap();
        let without = sample_ratio(&[90.0, 100.0], &[1.0, 1.0], &[0.0081; 2]).unwrap();
        assert_eq!((with.statistic, with.p_value), (without.statistic, without.p_value));
    }

    #[test]
    fn the_order_of_the_variants_does_not_matter() {
        let a =
            sample_ratio(&[10.0, 20.0, 40.0], &[1.0, 2.0, 3.0], &[0.005, 0.006, 0.008]).unwrap();
        let b =
            sample_ratio(&[40.0, 10.0, 20.0], &[3.0, 1.0, 2.0], &[0.008, 0.005, 0.006]).unwrap();
        assert!((a.p_value - b.p_value).abs() < 1e-14);
    }
}
