//! The probability that one variant's rate is higher than another's. For means: [`means`].
//!
//! Each rate has the posterior Beta(1 + s, 1 + n - s) with a flat prior, independent of the others. (Miller 2014 has closed
//! forms for small counts.) The integrals use quadrature, not sampling: the same counts always give the same result. The
//! relative error is at most 1e-9, from no trials to 10^12, also for probabilities of 1e-100.
//!
//! These probabilities are not corrected for looking or for several comparisons.

pub mod means;

use crate::posterior::{Posterior, strips};
use crate::proportion::Proportion;
use crate::quadrature::NODES;
use serde::Serialize;

/// A control and a variant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChanceToBeat {
    /// P(p1 > p0).
    pub chance: f64,
    /// E[max(p0 - p1, 0)]: the rate (or mean) that you give up if you choose the variant and it is worse.
    pub expected_loss: f64,
}

/// Each variant against each other variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WinProbabilities {
    /// P(variant i is the highest); they sum to 1.
    pub best: Vec<f64>,
    /// P(p_i > p_j) in row i, column j. `None` on the diagonal.
    pub beats: Vec<Vec<Option<f64>>>,
    /// E[max(p_j - p_i, 0)] in row i, column j: the rate that you give up if you choose i and j is better.
    #[serde(skip)]
    pub losses: Vec<Vec<Option<f64>>>,
}

/// The chance that `variant` beats `control`.
#[must_use]
pub fn chance_to_beat(control: Proportion, variant: Proportion) -> ChanceToBeat {
    let both = win_probabilities(&[control, variant]);
    let at = |matrix: &[Vec<Option<f64>>]| matrix[1][0].unwrap_or(0.0);
    ChanceToBeat { chance: at(&both.beats), expected_loss: at(&both.losses) }
}

/// The chances of every variant against every other, and of being the best.
#[must_use]
pub fn win_probabilities(variants: &[Proportion]) -> WinProbabilities {
    let k = variants.len();
    let posteriors: Vec<Posterior> = variants.iter().map(|&v| Posterior::new(v)).collect();
    let (mut beats, mut losses) = (vec![vec![None; k]; k], vec![vec![None; k]; k]);
    if k < 2 {
        return WinProbabilities { best: vec![1.0; k], beats, losses };
    }
    let strips = strips(&posteriors);

    let mut best = vec![0.0; k];
    let mut before = vec![[1.0; NODES]; k];
    for strip in &strips {
        // The product of all others' P(below), from running products on both sides.
        let mut product = strip.weights;
        for (slot, curve) in before.iter_mut().zip(&strip.posteriors) {
            *slot = product;
            multiply(&mut product, &curve.below);
        }
        let mut after = [1.0; NODES];
        for i in (0..k).rev() {
            let curve = &strip.posteriors[i];
            best[i] += (0..NODES).map(|n| curve.density[n] * before[i][n] * after[n]).sum::<f64>();
            multiply(&mut after, &curve.below);
        }
    }
    let total: f64 = best.iter().sum();
    for chance in &mut best {
        *chance /= total;
    }

    for i in 0..k {
        for j in i + 1..k {
            let (low, high) =
                if posteriors[i].mode() <= posteriors[j].mode() { (i, j) } else { (j, i) };
            // Integrate the smaller chance and the smaller loss. The larger ones follow without cancellation.
            let (mut upset, mut gain) = (0.0, 0.0);
            for strip in &strips {
                let (lower, higher) = (&strip.posteriors[low], &strip.posteriors[high]);
                for n in 0..NODES {
                    upset += strip.weights[n] * lower.density[n] * higher.below[n];
                    gain += strip.probability_weights[n] * lower.above[n] * higher.below[n];
                }
            }
            let ahead = posteriors[high].mean_above(posteriors[low]);
            let upset = upset.clamp(0.0, 1.0);
            beats[low][high] = Some(upset);
            beats[high][low] = Some(1.0 - upset);
            losses[high][low] = Some(gain.max(0.0));
            losses[low][high] = Some((gain + ahead).max(0.0));
        }
    }
    WinProbabilities { best, beats, losses }
}

fn multiply(product: &mut [f64; NODES], by: &[f64; NODES]) {
    for (value, factor) in product.iter_mut().zip(by) {
        *value *= factor;
    }
}
