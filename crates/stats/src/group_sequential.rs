//! Looks in any number and at any time: O'Brien-Fleming bounds by alpha spending.
//!
//! The false-alarm probability that a look may spend depends only on its information fraction (Lan and DeMets 1983), so
//! unplanned looks are allowed. The bounds come from the recursion of Armitage, McPherson and Rowe (1969) over the density of
//! those not stopped yet, here of the process B(t) = Z sqrt(t), with Gauss-Legendre panels as narrow as the coming step.

use crate::error::{Error, require};
use crate::level::{Interval, Level};
use crate::normal;
use crate::quadrature::RULE;

/// The smallest step between two looks.
const LEAST_STEP: f64 = 1e-8;
/// Densities are kept up to this many standard deviations. Beyond, they underflow.
const FURTHEST: f64 = 38.0;
/// A transition is ignored beyond this many of its standard deviations (1e-32).
const BAND: f64 = 12.0;

/// A look and its bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The share of the planned information that the look has.
    pub information: f64,
    /// The false-alarm probability spent so far, this look included, over both sides.
    pub spent: f64,
    /// Stop if |z| is above this. `None` if nothing is left to spend (after a look at 1 or later).
    pub z: Option<f64>,
}

/// The bounds for looks at these `information` fractions, which must increase. A fraction above 1 (an overrun) is allowed and
/// spends as much as a look at 1.
///
/// Costs about (1/step) * looks, where step is the root of the smallest increase: 20 looks take 5 milliseconds, 1,000 about
/// 5 seconds.
///
/// # Errors
/// If a fraction is not positive, above 1e6, or less than 1e-8 above the one before.
pub fn group_sequential(information: &[f64], level: Level) -> Result<Vec<Bound>, Error> {
    let mut looking = Looking::new(level);
    information.iter().map(|&t| looking.take(t)).collect()
}

/// Looks that are taken one after the other.
#[derive(Debug, Clone)]
pub struct Looking {
    level: Level,
    spent: Spent,
    last: Option<LastLook>,
}

#[derive(Debug, Clone)]
struct LastLook {
    t: f64,
    /// Since the look before, or since 0.
    step: f64,
    /// |B| above this stops.
    edge: f64,
    spent_before: f64,
    /// Those that no earlier look stopped. `None` at the first look.
    unstopped: Option<Unstopped>,
}

impl Looking {
    /// No look yet.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self { level, spent: Spent::NOTHING, last: None }
    }

    /// The false-alarm probability spent so far.
    #[must_use]
    pub fn spent(&self) -> f64 {
        self.spent.probability
    }

    /// Takes a look at the fraction `t` of the planned information.
    ///
    /// # Errors
    /// If t is not positive, above 1e6, or less than 1e-8 above the look before.
    pub fn take(&mut self, t: f64) -> Result<Bound, Error> {
        let (unstopped, step) = self.reach(t)?;
        let spent = Spent::at(t, self.level);
        let limit = bound(unstopped.as_ref(), spent, self.spent, t, step);
        self.enter(t, step, limit, unstopped, spent);
        Ok(Bound { information: t, spent: spent.probability, z: limit.map(|b| b / t.sqrt()) })
    }

    /// Adds a look that was taken earlier, with the bound and the spent probability that it had then.
    ///
    /// # Errors
    /// As for [`Looking::take`], or if the bound or the spent probability is not a positive number.
    pub fn recall(&mut self, look: Bound) -> Result<(), Error> {
        let t = look.information;
        let (unstopped, step) = self.reach(t)?;
        let z = look.z.unwrap_or(f64::MAX);
        require(z > 0.0, "bound", "positive", z)?;
        require((0.0..=1.0).contains(&look.spent), "spent", "between 0 and 1", look.spent)?;
        let spent = Spent { probability: look.spent, ln: look.spent.ln() };
        self.enter(t, step, look.z.map(|z| z * t.sqrt()), unstopped, spent);
        Ok(())
    }

    /// The p-value of the statistic `z` at the last look: the alpha at which the spending reaches the probability of stopping
    /// earlier, or now with a statistic at least this far from 0. It is below the level's alpha exactly if |z| is above the
    /// look's bound. At the planned end it is the p-value of the stagewise ordering (Tsiatis, Rosner and Mehta 1984).
    #[must_use]
    pub fn p_value(&self, z: f64) -> f64 {
        let Some(last) = &self.last else { return 1.0 };
        let reached = match &last.unstopped {
            None => normal::two_sided_p(z),
            Some(unstopped) => {
                last.spent_before + unstopped.crossing(z.abs() * last.t.sqrt(), last.step).0
            }
        };
        if last.t >= 1.0 {
            return reached.clamp(0.0, 1.0);
        }
        // Spending inverted: 2 [2 - 2 Phi(z_{alpha/4} / sqrt(t))] = reached.
        let quarter = (reached / 4.0).clamp(1e-300, 0.25);
        (4.0 * normal::upper_tail(normal::upper_quantile(quarter) * last.t.sqrt())).min(1.0)
    }

    /// Those not stopped before a look at `t`, and the step to it.
    fn reach(&self, t: f64) -> Result<(Option<Unstopped>, f64), Error> {
        let rule = "at least 1e-8 (1 is all that was planned)";
        require((LEAST_STEP..=1e6).contains(&t), "information", rule, t)?;
        let Some(last) = &self.last else { return Ok((None, t)) };
        let step = t - last.t;
        if step < LEAST_STEP * 0.99 {
            return Err(Error::LooksNotIncreasing { previous: last.t, next: t });
        }
        let width = last.step.min(step).sqrt();
        let unstopped =
            Unstopped::after(last.unstopped.as_ref(), last.edge, width, last.t, last.step);
        Ok((Some(unstopped), step))
    }

    fn enter(
        &mut self,
        t: f64,
        step: f64,
        limit: Option<f64>,
        unstopped: Option<Unstopped>,
        spent: Spent,
    ) {
        let edge = limit.unwrap_or(f64::INFINITY).min(FURTHEST * t.sqrt());
        let spent_before = self.spent.probability;
        self.last = Some(LastLook { t, step, edge, spent_before, unstopped });
        self.spent = spent;
    }
}

/// The interval that goes with a bound: `difference` with this `variance`, valid at all looks together
/// (repeated confidence intervals, Jennison and Turnbull 1989). `None` if an end is not finite.
#[must_use]
pub fn repeated_interval(difference: f64, variance: f64, z: f64) -> Option<Interval> {
    let half_width = z * variance.sqrt();
    Interval::finite(difference - half_width, difference + half_width)
}

/// The probability spent up to a look, and its logarithm, which keeps its digits when the probability underflows.
#[derive(Debug, Clone, Copy)]
struct Spent {
    probability: f64,
    ln: f64,
}

impl Spent {
    const NOTHING: Spent = Spent { probability: 0.0, ln: f64::NEG_INFINITY };

    /// 2 [2 - 2 Phi(z_{alpha/4} / sqrt(t))]: O'Brien and Fleming's shape for alpha/2 on each side.
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
        // Earlier looks spent a negligible part even of this.
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
        // ln P is concave in b. Bisect where Newton's step leaves the bracket or is not a number.
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
#[derive(Debug, Clone)]
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

    /// P(|B| > edge) after a `step`, and the density of |B| there; without the band, so that the smallest probabilities keep their digits.
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
