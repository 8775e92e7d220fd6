//! Beta posteriors in log odds, and the panels on which several of them are integrated together.
//!
//! With u = ln(p/(1 - p)), Beta(a, b) has the density e^(au) / (1 + e^u)^(a + b) up to a constant: smooth and log-concave
//! for every a, b > 0. Its logarithm is taken relative to a point nearby, a d - N ln(1 + p(e^d - 1)), which keeps
//! its digits at 10^12 trials, where a ln p + b ln(1 - p) and log gammas lose them.

use libm::{exp, expm1, log1p};

use crate::exponential;
use crate::proportion::Proportion;
use crate::quadrature::{NODES, Panel, RULE};

/// Densities below e^-DEPTH of the largest are left out.
const DEPTH: f64 = 30.0;
/// e^-720 is close to the smallest positive number.
const DEEPEST: f64 = 720.0;
/// A panel is no wider than this many local standard deviations,
const WIDTH: f64 = 1.8;
/// nor than what changes a density by e^STEEPNESS,
const STEEPNESS: f64 = 6.0;
/// nor than this: 1/(1 + e^-u) itself has poles at a distance of pi.
const WIDEST: f64 = 2.0;
/// The rounding error allowed in a log density. Above, the posterior gets its own reference.
const TOLERANCE: f64 = 1e-9;

/// Beta(1 + successes, 1 + failures).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posterior {
    a: f64,
    b: f64,
    /// ln(a/b): where the density in log odds is highest.
    mode: f64,
}

impl Posterior {
    pub(crate) fn new(proportion: Proportion) -> Self {
        let (a, b) = (1.0 + proportion.successes(), 1.0 + proportion.failures());
        Self { a, b, mode: (a / b).ln() }
    }

    /// This posterior's mean less the other's, from the rarer outcome, so that rates near 1 keep their digits.
    pub(crate) fn mean_above(self, other: Self) -> f64 {
        if self.a < self.b {
            self.a / (self.a + self.b) - other.a / (other.a + other.b)
        } else {
            other.b / (other.a + other.b) - self.b / (self.a + self.b)
        }
    }

    pub(crate) fn mode(self) -> f64 {
        self.mode
    }

    /// -ln of the density at `mode + distance`, relative to the mode.
    fn drop(self, distance: f64) -> f64 {
        Reference::at(self.mode).drop(self, &Reference::at(self.mode).place(distance))
    }

    /// The slope of [`Posterior::drop`]: N p - a, by the smaller of p and 1 - p.
    fn slope(self, u: f64) -> f64 {
        let total = self.a + self.b;
        if u <= 0.0 { total * logistic(u) - self.a } else { self.b - total * logistic(-u) }
    }

    /// How far a panel may reach from `u`.
    fn reach(self, u: f64) -> f64 {
        let curvature = (self.a + self.b) * logistic(u) * logistic(-u);
        (WIDTH / curvature.sqrt()).min(STEEPNESS / self.slope(u).abs()).min(WIDEST)
    }

    /// The distance from the mode, on the `side` -1 or 1, at which the density has dropped by e^-depth.
    fn distance_to(self, depth: f64, side: f64) -> f64 {
        let deviation = (1.0 / self.a + 1.0 / self.b).sqrt();
        let mut distance = side * deviation * (2.0 * depth).sqrt();
        for _ in 0..100 {
            // The drop is convex, so Newton's method approaches from outside after its first step.
            let excess = self.drop(distance) - depth;
            let slope = self.slope(self.mode + distance);
            if excess.abs() < 0.1 || slope * side <= 0.0 {
                break;
            }
            distance -= excess / slope;
        }
        distance
    }

    /// From where to where the density matters when all modes lie between `lowest` and `highest`: to where it is e^-DEPTH of
    /// what it is at the far mode, so that even the chance of the hopeless has its digits.
    fn zone(self, lowest: f64, highest: f64) -> (f64, f64) {
        let depth = |u: f64| (self.drop(u - self.mode) + DEPTH).min(DEEPEST);
        (
            self.mode + self.distance_to(depth(lowest), -1.0),
            self.mode + self.distance_to(depth(highest), 1.0),
        )
    }
}

/// 1/(1 + e^-u).
fn logistic(u: f64) -> f64 {
    if u >= 0.0 {
        1.0 / (1.0 + exp(-u))
    } else {
        let odds = exp(u);
        odds / (1.0 + odds)
    }
}

/// A point in log odds relative to which log densities are taken.
#[derive(Clone, Copy)]
struct Reference {
    u: f64,
    /// The probability there of the rarer outcome.
    rarer: f64,
    /// 1 if success is the rarer outcome, -1 if failure is.
    side: f64,
}

/// A distance from a reference.
struct Place {
    distance: f64,
    /// ln(1 + p(e^d - 1)), d and p as the rarer outcome sees them.
    growth: f64,
}

impl Reference {
    fn at(u: f64) -> Self {
        Self { u, rarer: logistic(-u.abs()), side: if u > 0.0 { -1.0 } else { 1.0 } }
    }

    fn place(self, distance: f64) -> Place {
        let distance = distance * self.side;
        Place { distance, growth: log1p(self.rarer * expm1(distance)) }
    }

    /// -ln of the posterior's density at `place` relative to the reference.
    fn drop(self, posterior: Posterior, place: &Place) -> f64 {
        let count = if self.side > 0.0 { posterior.a } else { posterior.b };
        (posterior.a + posterior.b) * place.growth - count * place.distance
    }

    /// Whether the posterior's log density keeps its digits up to `distance` away.
    fn serves(self, posterior: Posterior, distance: f64) -> bool {
        let (near, far) = (self.place(distance), self.place(-distance));
        let count = if self.side > 0.0 { posterior.a } else { posterior.b };
        let growth = near.growth.abs().max(far.growth.abs());
        let size = (count * distance).max((posterior.a + posterior.b) * growth);
        size * f64::EPSILON < TOLERANCE
    }
}

/// One panel: its nodes as probabilities, with each posterior's density and tails.
pub(crate) struct Strip {
    /// du-weights of the nodes.
    pub(crate) weights: Panel,
    /// dp-weights of the nodes: the same, times p(1 - p).
    pub(crate) probability_weights: Panel,
    /// For each posterior: (density, P(below), P(above)) at the nodes; densities in u, normalised.
    pub(crate) posteriors: Vec<Curve>,
}

/// A posterior on a panel.
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    pub(crate) density: Panel,
    pub(crate) below: Panel,
    pub(crate) above: Panel,
}

/// The panels that cover all posteriors, from left to right, with densities and both tails at each node.
pub(crate) fn strips(posteriors: &[Posterior]) -> Vec<Strip> {
    let lowest = posteriors.iter().map(|p| p.mode).fold(f64::INFINITY, f64::min);
    let highest = posteriors.iter().map(|p| p.mode).fold(f64::NEG_INFINITY, f64::max);
    let zones: Vec<(f64, f64)> = posteriors.iter().map(|p| p.zone(lowest, highest)).collect();
    let edges = panel_edges(posteriors, &zones);
    let (Some(&start), Some(&end)) = (edges.first(), edges.last()) else { return Vec::new() };

    let shared = Reference::at(f64::midpoint(start, end));
    let references: Vec<Option<Reference>> = posteriors
        .iter()
        .map(|&p| (!shared.serves(p, (end - start) / 2.0)).then(|| Reference::at(p.mode)))
        .collect();
    let offsets: Vec<f64> = posteriors
        .iter()
        .zip(&references)
        .map(|(&p, own)| {
            let reference = own.unwrap_or(shared);
            reference.drop(p, &reference.place(p.mode - reference.u))
        })
        .collect();

    let mut strips: Vec<Strip> = Vec::with_capacity(edges.len());
    let mut totals = vec![0.0; posteriors.len()];
    let mut panel_totals: Vec<Vec<f64>> = Vec::with_capacity(edges.len());
    for pair in edges.windows(2) {
        let (left, half) = (pair[0], (pair[1] - pair[0]) / 2.0);
        let nodes = RULE.nodes.map(|node| left + half * (1.0 + node));
        let places = nodes.map(|u| shared.place(u - shared.u));
        let weights = RULE.weights.map(|w| w * half);
        let mut probability_weights = weights;
        let odds = exponential::exp(&nodes.map(|u| -u.abs()));
        for (weight, odds) in probability_weights.iter_mut().zip(odds) {
            *weight *= odds / ((1.0 + odds) * (1.0 + odds));
        }
        let mut curves = Vec::with_capacity(posteriors.len());
        let mut in_panel = Vec::with_capacity(posteriors.len());
        for (i, &posterior) in posteriors.iter().enumerate() {
            let mut density = [0.0; NODES];
            let untouched = pair[1] <= zones[i].0 || pair[0] >= zones[i].1;
            if !untouched {
                match references[i] {
                    None => {
                        for (value, place) in density.iter_mut().zip(&places) {
                            *value = offsets[i] - shared.drop(posterior, place);
                        }
                    }
                    Some(own) => {
                        for (value, &u) in density.iter_mut().zip(&nodes) {
                            let place = own.place(u - own.u);
                            *value = offsets[i] - own.drop(posterior, &place);
                        }
                    }
                }
                density = exponential::exp(&density);
            }
            let (total, up_to) =
                if untouched { (0.0, [0.0; NODES]) } else { RULE.cumulative(&density, half) };
            let before = totals[i];
            totals[i] += total;
            in_panel.push(total);
            curves.push(Curve {
                density,
                below: up_to.map(|x| x + before),
                above: up_to.map(|x| total - x),
            });
        }
        strips.push(Strip { weights, probability_weights, posteriors: curves });
        panel_totals.push(in_panel);
    }
    finish(&mut strips, &panel_totals, &totals);
    strips
}

/// Adds to each upper tail what lies in the panels to the right, and normalises.
fn finish(strips: &mut [Strip], panel_totals: &[Vec<f64>], totals: &[f64]) {
    let mut right = vec![0.0; totals.len()];
    for (strip, in_panel) in strips.iter_mut().zip(panel_totals).rev() {
        for (i, curve) in strip.posteriors.iter_mut().enumerate() {
            let scale = 1.0 / totals[i];
            curve.density = curve.density.map(|x| x * scale);
            curve.below = curve.below.map(|x| x * scale);
            curve.above = curve.above.map(|x| (x + right[i]) * scale);
            right[i] += in_panel[i];
        }
    }
}

/// Where panels meet: fine enough for every density in its zone, coarse elsewhere.
fn panel_edges(posteriors: &[Posterior], zones: &[(f64, f64)]) -> Vec<f64> {
    let start = zones.iter().map(|z| z.0).fold(f64::INFINITY, f64::min);
    let end = zones.iter().map(|z| z.1).fold(f64::NEG_INFINITY, f64::max);
    let entries: Vec<f64> = posteriors.iter().zip(zones).map(|(p, z)| p.reach(z.0)).collect();
    let mut edges = vec![start];
    let mut left = start;
    while left < end {
        let mut width = WIDEST;
        for ((posterior, zone), entry) in posteriors.iter().zip(zones).zip(&entries) {
            if left >= zone.1 {
                continue;
            }
            let reach =
                if left >= zone.0 { posterior.reach(left) } else { zone.0 - left + entry / 2.0 };
            width = width.min(reach);
        }
        // Always advance, even if the width is below rounding error.
        left += width.max(4.0 * f64::EPSILON * left.abs()).max(1e-300);
        edges.push(left);
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posterior_integrates_to_one_and_its_tails_to_each_other() {
        for (s, n) in [(0.0, 0.0), (0.0, 1e12), (3.0, 40.0), (5e10, 1e12), (1e12, 1e12)] {
            let posterior = Posterior::new(Proportion::new(s, n).unwrap());
            let strips = strips(&[posterior]);
            let mut mass = 0.0;
            for strip in &strips {
                let curve = &strip.posteriors[0];
                for k in 0..NODES {
                    mass += strip.weights[k] * curve.density[k];
                    assert!((curve.below[k] + curve.above[k] - 1.0).abs() < 1e-9);
                }
            }
            assert!((mass - 1.0).abs() < 1e-12, "{s}/{n}: {mass}");
            assert!(strips.len() < 60, "{s}/{n}: {} panels", strips.len());
        }
    }
}
