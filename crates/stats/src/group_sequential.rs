//! Planned looks, any number and timing of them: O'Brien-Fleming bounds by alpha spending.
//!
//! The false-alarm probability that a look may spend depends only on its information fraction (Lan and DeMets 1983), so
//! unplanned looks are allowed. The bounds come from the recursion of Armitage, McPherson and Rowe (1969) over the density of
//! those not stopped yet, here of the process B(t) = Z sqrt(t), with Gauss-Legendre panels as narrow as the coming step.

use crate::error::{Error, require};
use crate::level::{Interval, Level};
use crate::normal;
use crate::quadrature::RULE;

/// Looks nearer than this to each other are one look.
const LEAST_STEP: f64 = 1e-8;
/// No density is kept further out than this many standard deviations: beyond, it is no number any more.
const FURTHEST: f64 = 38.0;
/// A transition is ignored beyond this many of its standard deviations (1e-32).
const BAND: f64 = 12.0;

/// A look and its bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The fraction of the planned information that had come in.
    pub information: f64,
    /// The false-alarm probability spent up to and with this look, over both sides.
    pub spent: f64,
    /// Stop if |z| is at least this; `None` where nothing is left to spend (after a look at 1 or later).
    pub z: Option<f64>,
}

/// The bounds for looks at these `information` fractions, which must increase. A fraction above 1 (an overrun) is allowed and
/// spends what a look at 1 would.
///
/// Costs about (1/step) * looks, where step is the root of the smallest increase: 20 looks take 5 milliseconds, 1,000 some 5 seconds.
///
/// # Errors
/// If a fraction is not positive, past 1e6, or less than 1e-8 above the one before.
pub fn group_sequential(information: &[f64], level: Level) -> Result<Vec<Bound>, Error> {
    for &t in information {
        require(
            (LEAST_STEP..=1e6).contains(&t),
            "information",
            "at least 1e-8 (1 is all that was planned)",
            t,
        )?;
    }
    for pair in information.windows(2) {
        let (previous, next) = (pair[0], pair[1]);
        if next - previous < LEAST_STEP * 0.99 {
            return Err(Error::LooksNotIncreasing { previous, next });
        }
    }
    let mut bounds = Vec::with_capacity(information.len());
    let mut unstopped: Option<Unstopped> = None;
    let mut before = Spent::NOTHING;
    for (k, &t) in information.iter().enumerate() {
        let spent = Spent::at(t, level);
        let step = t - if k == 0 { 0.0 } else { information[k - 1] };
        let limit = bound(unstopped.as_ref(), spent, before, t, step);
        bounds.push(Bound {
            information: t,
            spent: spent.probability,
            z: limit.map(|limit| limit / t.sqrt()),
        });
        if let Some(&next) = information.get(k + 1) {
            let edge = limit.unwrap_or(f64::INFINITY).min(FURTHEST * t.sqrt());
            let width = step.min(next - t).sqrt();
            unstopped = Some(Unstopped::after(unstopped.as_ref(), edge, width, t, step));
        }
        before = spent;
    }
    Ok(bounds)
}

/// The interval that goes with a bound: `difference` with this `variance`, valid at every look together with the others
/// (repeated confidence intervals, Jennison and Turnbull 1989). Nothing where the numbers are no estimate.
#[must_use]
pub fn repeated_interval(difference: f64, variance: f64, z: f64) -> Option<Interval> {
    let half_width = z * variance.sqrt();
    Interval::finite(difference - half_width, difference + half_width)
}

/// What a look may have spent, also as a logarithm for when it is next to nothing.
#[derive(Clone, Copy)]
struct Spent {
    probability: f64,
    ln: f64,
}

impl Spent {
    const NOTHING: Spent = Spent { probability: 0.0, ln: f64::NEG_INFINITY };

    /// 2 [2 - 2 Phi(z_{alpha/4} / sqrt(t))]: O'Brien and Fleming's shape for alpha/2 a side.
    fn at(t: f64, level: Level) -> Self {
        if t >= 1.0 {
            return Self { probability: level.alpha(), ln: level.alpha().ln() };
        }
        let z = normal::upper_quantile(level.alpha() / 4.0) / t.sqrt();
        Self { probability: 2.0 * normal::two_sided_p(z), ln: 4f64.ln() + normal::ln_upper_tail(z) }
    }
}

/// The edge b of the look at `t` with P(not stopped before, |B| > b) = what is spent there.
fn bound(
    unstopped: Option<&Unstopped>,
    spent: Spent,
    before: Spent,
    t: f64,
    step: f64,
) -> Option<f64> {
    let marginal = |ln_spent: f64| normal::upper_quantile_of_ln(ln_spent - 2f64.ln()) * t.sqrt();
    let Some(unstopped) = unstopped else { return Some(marginal(spent.ln)) };
    let to_spend = spent.probability - before.probability;
    if spent.ln < -600.0 {
        // What earlier looks took away is nothing even beside this.
        return (spent.ln > before.ln).then(|| marginal(spent.ln));
    }
    if to_spend <= 0.0 {
        return None;
    }
    let target = to_spend.ln();
    // |B| > b and not stopped before is at most |B| > b: the bound lies below the marginal one.
    let (mut low, mut high) = (0.0, marginal(target));
    let mut edge = high;
    for _ in 0..200 {
        let (crossing, density) = unstopped.crossing(edge, step);
        let excess = crossing.ln() - target;
        if excess > 0.0 {
            low = edge
        } else {
            high = edge
        }
        // ln P is concave in b. Where it is no number the bracket is halved.
        let newton = edge + excess * crossing / density;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        let moved = (next - edge).abs();
        edge = next;
        if moved <= 1e-13 * edge {
            break;
        }
    }
    Some(edge)
}

/// The density of B among those that no look has stopped, on b >= 0 (it is even): nodes with density times weight.
struct Unstopped {
    nodes: Vec<f64>,
    masses: Vec<f64>,
}

impl Unstopped {
    /// The density up to `edge` at a look a `step` after the `previous` one (or after 0), on panels of about `width`.
    fn after(previous: Option<&Self>, edge: f64, width: f64, t: f64, step: f64) -> Self {
        let panels = (edge / (1.5 * width)).ceil().max(1.0);
        let half = edge / panels / 2.0;
        let (mut nodes, mut masses) = (Vec::new(), Vec::new());
        for panel in 0..panels as usize {
            let middle = half * (2.0 * panel as f64 + 1.0);
            for (node, weight) in RULE.nodes.iter().zip(&RULE.weights) {
                let b = middle + half * node;
                let density = match previous {
                    None => 2.0 * normal_density(b, t.sqrt()),
                    Some(previous) => previous.density(b, step),
                };
                nodes.push(b);
                masses.push(density * weight * half);
            }
        }
        Self { nodes, masses }
    }

    /// The density of |B| at `b` after a `step`.
    fn density(&self, b: f64, step: f64) -> f64 {
        let deviation = step.sqrt();
        let from = self.nodes.partition_point(|&x| x < b - BAND * deviation);
        let to = self.nodes.partition_point(|&x| x <= b + BAND * deviation);
        let mut sum = 0.0;
        for (&x, mass) in self.nodes[from..to].iter().zip(&self.masses[from..to]) {
            sum += mass * (normal_density(b - x, deviation) + normal_density(b + x, deviation));
        }
        sum
    }

    /// P(|B| > edge) after a `step`, and the density of |B| there; both without a cut, for the smallest probabilities.
    fn crossing(&self, edge: f64, step: f64) -> (f64, f64) {
        let deviation = step.sqrt();
        let (mut probability, mut density) = (0.0, 0.0);
        for (&x, mass) in self.nodes.iter().zip(&self.masses).rev() {
            let (near, far) = ((edge - x) / deviation, (edge + x) / deviation);
            if near > FURTHEST {
                break;
            }
            probability += mass * (normal::upper_tail(near) + normal::upper_tail(far));
            density +=
                mass * (normal_density(edge - x, deviation) + normal_density(edge + x, deviation));
        }
        (probability, density)
    }
}

fn normal_density(x: f64, deviation: f64) -> f64 {
    let z = x / deviation;
    (-0.5 * z * z).exp() / (deviation * (2.0 * std::f64::consts::PI).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn z(information: &[f64], alpha: f64) -> Vec<Option<f64>> {
        let level = Level::from_alpha(alpha).unwrap();
        group_sequential(information, level).unwrap().iter().map(|b| b.z).collect()
    }

    #[test]
    fn a_single_look_at_the_end_is_the_fixed_test() {
        let bound = z(&[1.0], 0.05)[0].unwrap();
        assert!((bound - 1.959_963_984_540_054).abs() < 1e-12);
    }

    #[test]
    fn a_look_after_the_end_has_nothing_left_to_spend() {
        assert_eq!(z(&[0.5, 1.0, 1.2], 0.05)[2], None);
        assert!(z(&[0.5, 1.2], 0.05)[1].unwrap() > 1.9);
    }

    #[test]
    fn looks_that_go_back_are_refused() {
        assert!(group_sequential(&[0.5, 0.5], Level::DEFAULT).is_err());
        assert!(group_sequential(&[0.0], Level::DEFAULT).is_err());
        assert!(group_sequential(&[f64::NAN], Level::DEFAULT).is_err());
        assert_eq!(group_sequential(&[], Level::DEFAULT), Ok(vec![]));
    }

    #[test]
    fn very_early_looks_have_high_but_finite_bounds() {
        let bounds = z(&[1e-4, 2e-4, 0.001, 0.3, 1.0], 0.05);
        let bounds: Vec<f64> = bounds.into_iter().flatten().collect();
        assert_eq!(bounds.len(), 5);
        assert!(bounds.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
