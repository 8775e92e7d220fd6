//! The same for means: each has a normal posterior with a flat prior, Normal(mean, variance of the mean).

use super::{ChanceToBeat, WinProbabilities};
use crate::mean::Mean;
use crate::normal::upper_tail;
use crate::quadrature::{NODES, RULE};

/// A posterior is integrated up to this many standard deviations from its mean.
const FURTHEST: i32 = 9;

/// The chance that `variant` has a higher mean than `control`, and the expected loss in the unit of the mean. `None` if neither
/// varies.
#[must_use]
pub fn chance_to_beat(control: Mean, variant: Mean) -> Option<ChanceToBeat> {
    let deviation = (control.variance + variant.variance).sqrt();
    let z = (variant.value - control.value) / deviation;
    if !(deviation > 0.0 && z.is_finite()) {
        return None;
    }
    Some(ChanceToBeat { chance: upper_tail(-z), expected_loss: deviation * mean_beyond(z) })
}

/// The chances of every variant against every other, and of being the highest. `None` unless all vary.
#[must_use]
pub fn win_probabilities(variants: &[Mean]) -> Option<WinProbabilities> {
    if !variants.iter().all(|one| one.variance > 0.0) {
        return None;
    }
    let k = variants.len();
    let (mut beats, mut losses) = (vec![vec![None; k]; k], vec![vec![None; k]; k]);
    for (i, &row) in variants.iter().enumerate() {
        for (j, &column) in variants.iter().enumerate().filter(|(j, _)| *j != i) {
            let found = chance_to_beat(column, row)?;
            beats[i][j] = Some(found.chance);
            losses[i][j] = Some(found.expected_loss);
        }
    }
    Some(WinProbabilities { best: best(variants), beats, losses })
}

/// E[max(Z - z, 0)] for a standard normal Z.
fn mean_beyond(z: f64) -> f64 {
    let density = density(z);
    if z < 10.0 {
        return density - z * upper_tail(z);
    }
    // The difference loses its digits here. Mills' ratio by its asymptotic series (Abramowitz & Stegun 26.2.12), less 1.
    let w = 1.0 / (z * z);
    let series = (2..=12).rev().fold(1.0, |sum, k| 1.0 - f64::from(2 * k - 1) * w * sum);
    density * w * series
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

/// P(variant i is the highest): the integral of its density times the others' distribution functions, on panels that are narrow
/// where one of them changes.
fn best(variants: &[Mean]) -> Vec<f64> {
    let scales: Vec<(f64, f64)> = variants.iter().map(|v| (v.value, v.variance.sqrt())).collect();
    let ends_of = |&(mean, deviation): &(f64, f64)| {
        (-FURTHEST..=FURTHEST).map(move |step| mean + f64::from(step) * deviation)
    };
    let mut ends: Vec<f64> = scales.iter().flat_map(ends_of).collect();
    ends.sort_by(f64::total_cmp);
    let mut best = vec![0.0; variants.len()];
    for panel in ends.windows(2) {
        let half = (panel[1] - panel[0]) / 2.0;
        for node in 0..NODES {
            let x = panel[0] + half * (1.0 + RULE.nodes[node]);
            let z = |(mean, deviation): (f64, f64)| (x - mean) / deviation;
            let below: Vec<f64> = scales.iter().map(|&scale| upper_tail(-z(scale))).collect();
            // Products of all others, from both sides.
            let mut after = vec![1.0; below.len() + 1];
            for (index, factor) in below.iter().enumerate().rev() {
                after[index] = after[index + 1] * factor;
            }
            let mut before = half * RULE.weights[node];
            for (index, &scale) in scales.iter().enumerate() {
                best[index] += before * after[index + 1] * density(z(scale)) / scale.1;
                before *= below[index];
            }
        }
    }
    let total: f64 = best.iter().sum();
    if total > 0.0 {
        best.iter_mut().for_each(|chance| *chance /= total);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mean() -> impl Strategy<Value = Mean> {
        (-100.0..100.0f64, 1e-4..1e4f64).prop_map(|(value, variance)| Mean { value, variance })
    }

    #[test]
    fn the_loss_keeps_its_digits_in_the_tail() {
        // mpmath, 40 digits: npdf(z) - z * ncdf(-z).
        for (z, expected) in [
            (-3.0, 3.000_382_154_317_047_7),
            (0.0, 0.398_942_280_401_432_7),
            (9.0, 1.224_779_180_843_489_7e-20),
            (10.0, 7.474_560_254_589_328e-25),
            (30.0, 1.631_956_734_091_401_2e-199),
        ] {
            let found = mean_beyond(z);
            assert!((found / expected - 1.0).abs() < 1e-9, "{z}: {found:e}");
        }
    }

    #[test]
    fn without_variation_there_are_no_chances() {
        let flat = Mean { value: 1.0, variance: 0.0 };
        assert_eq!(chance_to_beat(flat, flat), None);
        assert_eq!(win_probabilities(&[flat, Mean { value: 1.0, variance: 1.0 }]), None);
    }

    proptest! {
        #[test]
        fn two_chances_sum_to_one_and_their_losses_differ_by_the_difference(a in mean(), b in mean()) {
            let (there, back) = (chance_to_beat(a, b).unwrap(), chance_to_beat(b, a).unwrap());
            prop_assert!((there.chance + back.chance - 1.0).abs() < 1e-12);
            prop_assert!(there.expected_loss >= 0.0);
            let differ = there.expected_loss - back.expected_loss;
            prop_assert!((differ - (a.value - b.value)).abs() < 1e-9);
        }

        #[test]
        fn the_best_of_two_is_the_one_that_beats_the_other(a in mean(), b in mean()) {
            let found = win_probabilities(&[a, b]).unwrap();
            prop_assert!((found.best[0] - found.beats[0][1].unwrap()).abs() < 1e-9, "{:?}", found);
        }

        #[test]
        fn being_best_is_rarer_than_beating_one(variants in prop::collection::vec(mean(), 2..6)) {
            let found = win_probabilities(&variants).unwrap();
            prop_assert!((found.best.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for (row, best) in found.beats.iter().zip(&found.best) {
                prop_assert!(row.iter().flatten().all(|beats| *best <= beats + 1e-9));
            }
        }
    }
}
