//! Are the participants split over the variants as the weights say?
//!
//! The chi-square test holds for one look. The e-value holds however often you look (Ville's inequality), so it raises the alarm.

use crate::error::{Error, count, require};
use crate::normal;

/// An e-value of at least this is an alarm: a sound experiment ever reaches it with a probability of at most 1 in 1,000.
pub const ALARM_AT: f64 = 1_000.0;

/// The tilts that the e-value bets on: an arm gets 1 + tilt times its share.
const TILTS: [f64; 10] = [0.01, -0.01, 0.02, -0.02, 0.05, -0.05, 0.1, -0.1, 0.3, -0.3];

/// Larger e-values are reported as this, so that they stay finite.
const LARGEST: f64 = 1e300;

/// The chi-square test of the split, for one look.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRatio {
    /// Chi-square with one degree less than variants of positive weight. `None` if a variant of weight 0 has participants,
    /// which chance cannot explain.
    pub statistic: Option<f64>,
    /// Its p-value, for one look. 0 if a variant of weight 0 has participants.
    pub p_value: f64,
    /// The participants that the weights would have given, in the variants' order.
    pub expected: Vec<f64>,
}

/// A period of constant weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// New participants of each variant.
    pub participants: Vec<f64>,
    /// The declared weight of each variant.
    pub weights: Vec<f64>,
    /// The relative standard error of each variant's count: 0 for exact counts. It can be above 1, see
    /// [`Counter::relative_error_of_part`](crate::counter_error::Counter::relative_error_of_part).
    pub counter_errors: Vec<f64>,
}

/// The evidence against the declared split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitEvidence {
    /// The e-value, at most 1e300. It holds at every look together.
    pub e_value: f64,
    /// The smallest factor that a period's counts were multiplied by because of the counter's error: 1 for exact counts.
    pub counter_factor: f64,
}

impl SplitEvidence {
    /// Whether the split is wrong. Once true, callers should keep it: a later e-value may be smaller.
    #[must_use]
    pub fn alarm(self) -> bool {
        self.e_value >= ALARM_AT
    }
}

/// The e-value of the split: the mean, over the variants other than `control` and over tilts of 1%, 2%, 5%, 10% and 30% up and
/// down, of the likelihood ratio of the tilted weights against the declared ones, over all periods.
///
/// With counters that err, each period's counts are first multiplied by f = min over variants of B / (B + H): B is the binomial
/// variance of the variant's residual, H the counters' part in it. Without that factor, counts of a HyperLogLog alarm in 40% of
/// sound experiments at a million participants.
///
/// # Errors
/// As for [`sample_ratio`], for each period.
pub fn split_evidence(periods: &[Split], control: usize) -> Result<SplitEvidence, Error> {
    let variants = periods.first().map_or(0, |period| period.weights.len());
    if variants < 2 {
        return Err(Error::TooFew { name: "trials", least: 2, given: variants });
    }
    let mut factor: f64 = 1.0;
    // ln of each bet, arm by arm and tilt by tilt.
    let mut bets = vec![0.0; variants * TILTS.len()];
    for period in periods {
        let shares = shares(&period.participants, &period.weights, &period.counter_errors)?;
        same_length("trials", &period.participants, "variants", &vec![0.0; variants])?;
        let total: f64 = period.participants.iter().sum();
        if total == 0.0 {
            continue;
        }
        let impossible = |(&m, &w): (&f64, &f64)| m > 0.0 && w == 0.0;
        if period.participants.iter().zip(&shares).any(impossible) {
            return Ok(SplitEvidence { e_value: LARGEST, counter_factor: factor });
        }
        let f = counter_factor(total, &shares, &period.counter_errors);
        factor = factor.min(f);
        for arm in 0..variants {
            for (index, tilt) in TILTS.iter().enumerate() {
                bets[arm * TILTS.len() + index] += f
                    * (period.participants[arm] * tilt.ln_1p()
                        - total * (shares[arm] * tilt).ln_1p());
            }
        }
    }
    let others = (0..variants).filter(|&arm| arm != control);
    let bets: Vec<f64> = others
        .flat_map(|arm| bets[arm * TILTS.len()..(arm + 1) * TILTS.len()].iter().copied())
        .collect();
    let largest = bets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = bets.iter().map(|bet| (bet - largest).exp()).sum::<f64>() / bets.len() as f64;
    let e_value = (largest + mean.ln()).exp().min(LARGEST);
    Ok(SplitEvidence { e_value, counter_factor: factor })
}

/// min over variants of B / (B + H), for `total` participants.
fn counter_factor(total: f64, shares: &[f64], errors: &[f64]) -> f64 {
    let variance = |(&w, &e): (&f64, &f64)| (e * total * w).powi(2);
    let all: f64 = shares.iter().zip(errors).map(variance).sum();
    shares
        .iter()
        .zip(errors)
        .filter(|(w, _)| **w > 0.0 && **w < 1.0)
        .map(|(&w, &e)| {
            let own = variance((&w, &e));
            let counter = own * (1.0 - w) * (1.0 - w) + w * w * (all - own);
            let binomial = total * w * (1.0 - w);
            binomial / (binomial + counter)
        })
        .fold(1.0, f64::min)
}

/// The weights as shares of 1, after checking a period.
fn shares(trials: &[f64], weights: &[f64], counter_errors: &[f64]) -> Result<Vec<f64>, Error> {
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
        require((0.0..=1e100).contains(&e), "counter_error", "between 0 and 1e100", e)?;
    }
    let total: f64 = weights.iter().sum();
    require(total > 0.0, "weights", "positive for at least one variant", total)?;
    Ok(weights.iter().map(|w| w / total).collect())
}

/// Tests `trials` against `weights`, when each variant's counter has the relative standard error at its place in
/// `counter_errors` (0 for exact counts: Pearson's test).
///
/// The quadratic form r' V^- r, with V = C S C', S = N(diag w - ww') + diag(e N w)^2 and C = I - w1', needs no
/// matrix: C w = 0, so V = C D C' with D = diag(N w + (e N w)^2), and the generalised inverse of that is generalised least
/// squares: the sum of (m - w T)^2 / D at the T that makes it smallest.
///
/// # Errors
/// If the lists' lengths differ, a number is negative, there are no participants, or no weight is positive.
pub fn sample_ratio(
    trials: &[f64],
    weights: &[f64],
    counter_errors: &[f64],
) -> Result<SampleRatio, Error> {
    let shares = shares(trials, weights, counter_errors)?;
    let total: f64 = trials.iter().sum();
    require(total > 0.0, "trials", "more than 0 in all", total)?;

    let expected: Vec<f64> = shares.iter().map(|share| total * share).collect();
    if trials.iter().zip(&expected).any(|(&m, &x)| x == 0.0 && m > 0.0) {
        return Ok(SampleRatio { statistic: None, p_value: 0.0, expected });
    }
    // (trials, expected, variance) of the variants with a weight.
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

/// The chi-square test over several periods: the residuals of all periods together, against the sum of the periods' covariances.
/// A variant must have a weight in some period to have a residual.
///
/// # Errors
/// As for [`sample_ratio`], for each period.
pub fn sample_ratio_over_periods(periods: &[Split]) -> Result<SampleRatio, Error> {
    let variants = periods.first().map_or(0, |period| period.weights.len());
    let mut expected = vec![0.0; variants];
    let mut residual = vec![0.0; variants];
    let mut covariance = vec![vec![0.0; variants]; variants];
    let mut impossible = false;
    for period in periods {
        let w = shares(&period.participants, &period.weights, &period.counter_errors)?;
        same_length("trials", &period.participants, "variants", &expected)?;
        let total: f64 = period.participants.iter().sum();
        let counter: Vec<f64> =
            w.iter().zip(&period.counter_errors).map(|(w, e)| (e * total * w).powi(2)).collect();
        let all: f64 = counter.iter().sum();
        for i in 0..variants {
            impossible |= w[i] == 0.0 && period.participants[i] > 0.0;
            expected[i] += total * w[i];
            residual[i] += period.participants[i] - total * w[i];
            for j in 0..variants {
                let same = if i == j { total * w[i] + counter[i] } else { 0.0 };
                covariance[i][j] +=
                    same - w[i] * w[j] * (total - all) - w[i] * counter[j] - w[j] * counter[i];
            }
        }
    }
    let total: f64 = expected.iter().sum();
    require(total > 0.0, "trials", "more than 0 in all", total)?;
    if impossible {
        return Ok(SampleRatio { statistic: None, p_value: 0.0, expected });
    }
    // The residuals sum to 0, so one variant is left out.
    let open: Vec<usize> = (0..variants).filter(|&i| expected[i] > 0.0).skip(1).collect();
    let matrix = open.iter().map(|&i| open.iter().map(|&j| covariance[i][j]).collect()).collect();
    let right: Vec<f64> = open.iter().map(|&i| residual[i]).collect();
    let statistic = quadratic_form(matrix, &right);
    let p_value = normal::chi_square_upper_tail(statistic, open.len());
    Ok(SampleRatio { statistic: Some(statistic), p_value, expected })
}

/// r' M^-1 r for a symmetric positive definite M, by Cholesky's decomposition.
fn quadratic_form(mut matrix: Vec<Vec<f64>>, right: &[f64]) -> f64 {
    let mut sum = 0.0;
    let mut solved: Vec<f64> = Vec::with_capacity(right.len());
    for i in 0..right.len() {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
            let left = matrix[i][j] - dot;
            matrix[i][j] =
                if i == j { left.max(f64::MIN_POSITIVE).sqrt() } else { left / matrix[j][j] };
        }
        let dot: f64 = (0..i).map(|k| matrix[i][k] * solved[k]).sum();
        let value = (right[i] - dot) / matrix[i][i];
        sum += value * value;
        solved.push(value);
    }
    sum
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
    fn participants_of_a_variant_of_weight_0_have_no_statistic() {
        let check = sample_ratio(&[100.0, 100.0, 1.0], &[1.0, 1.0, 0.0], &[0.0; 3]).unwrap();
        assert_eq!((check.statistic, check.p_value), (None, 0.0));
    }

    #[test]
    fn an_empty_variant_of_weight_0_changes_nothing() {
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

    fn exact(participants: &[f64], weights: &[f64]) -> Split {
        Split {
            participants: participants.to_vec(),
            weights: weights.to_vec(),
            counter_errors: vec![0.0; weights.len()],
        }
    }

    #[test]
    fn the_e_value_is_the_mean_of_the_likelihood_ratios() {
        let found = split_evidence(&[exact(&[480.0, 520.0], &[1.0, 1.0])], 0).unwrap();
        let ratio = |tilt: f64| {
            let q: f64 = 0.5 * (1.0 + tilt) / (1.0 + 0.5 * tilt);
            (520.0 * (q / 0.5).ln() + 480.0 * ((1.0 - q) / 0.5).ln()).exp()
        };
        let mean = TILTS.iter().map(|&tilt| ratio(tilt)).sum::<f64>() / 10.0;
        assert!((found.e_value / mean - 1.0).abs() < 1e-12, "{found:?} {mean}");
        assert_eq!(found.counter_factor, 1.0);
    }

    #[test]
    fn a_split_as_declared_is_no_alarm_and_a_tilted_one_is() {
        let evidence =
            |second: f64| split_evidence(&[exact(&[50_000.0, second], &[1.0, 1.0])], 0).unwrap();
        assert!(!evidence(50_100.0).alarm());
        assert!(evidence(52_500.0).alarm());
    }

    #[test]
    fn one_period_alone_is_the_plain_chi_square_test() {
        let split = Split {
            participants: vec![1_000.0, 2_100.0, 2_900.0, 0.0],
            weights: vec![1.0, 2.0, 3.0, 0.0],
            counter_errors: vec![0.005, 0.006, 0.008, 0.0],
        };
        let plain =
            sample_ratio(&split.participants, &split.weights, &split.counter_errors).unwrap();
        let over = sample_ratio_over_periods(&[split]).unwrap();
        assert!((plain.p_value - over.p_value).abs() < 1e-12, "{plain:?} {over:?}");
        assert_eq!(plain.expected, over.expected);
    }

    #[test]
    fn residuals_of_periods_can_cancel_so_each_period_is_tested_too() {
        // Together 300 and 300; each period is far from its weights.
        let periods = [exact(&[200.0, 100.0], &[1.0, 2.0]), exact(&[100.0, 200.0], &[2.0, 1.0])];
        assert!(sample_ratio_over_periods(&periods).unwrap().p_value > 0.9);
        let sound = [exact(&[100.0, 200.0], &[1.0, 2.0]), exact(&[200.0, 100.0], &[2.0, 1.0])];
        assert!(sample_ratio_over_periods(&sound).unwrap().p_value > 0.9);
        let first = sample_ratio_over_periods(&periods[..1]).unwrap();
        assert!(first.p_value < 1e-9, "{first:?}");
    }

    #[test]
    fn evidence_of_two_periods_multiplies() {
        let (one, other) = (exact(&[90.0, 110.0], &[1.0, 1.0]), exact(&[20.0, 190.0], &[1.0, 9.0]));
        let both = split_evidence(&[one.clone(), other.clone()], 0).unwrap().e_value;
        let alone =
            |period: &Split| split_evidence(std::slice::from_ref(period), 0).unwrap().e_value;
        assert!(both > 0.0 && both < alone(&one) * alone(&other) * 10.0);
        let swapped = split_evidence(&[other, one], 0).unwrap().e_value;
        assert!((both / swapped - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_counters_error_shrinks_the_counts_before_they_are_evidence() {
        let mut split = exact(&[1_000_000.0, 1_010_000.0], &[1.0, 1.0]);
        assert!(split_evidence(std::slice::from_ref(&split), 0).unwrap().alarm());
        split.counter_errors = vec![0.0081; 2];
        let found = split_evidence(&[split], 0).unwrap();
        assert!(!found.alarm());
        // B = N/4; H = 2 (e N / 4)^2 = N^2 e^2 / 8.
        let expected = 1.0 / (1.0 + 2_010_000.0 * 0.0081 * 0.0081 / 2.0);
        assert!((found.counter_factor / expected - 1.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_variant_of_weight_0_with_participants_is_an_alarm() {
        let found = split_evidence(&[exact(&[100.0, 100.0, 1.0], &[1.0, 1.0, 0.0])], 0).unwrap();
        assert!(found.alarm() && found.e_value.is_finite());
        assert!(
            !split_evidence(&[exact(&[100.0, 100.0, 0.0], &[1.0, 1.0, 0.0])], 0).unwrap().alarm()
        );
    }
}
