//! Student's t: tails and quantiles for any degrees of freedom from 1 up.
//!
//! The usual formula is the incomplete beta function. In statrs and puruspe it loses up to eight digits in the tail and all but
//! two at 10^12 degrees, because log gammas of such numbers cancel. Here t = sqrt(df) sinh(u) makes the density cosh(u)^-df,
//! which is smooth and log-concave and needs no gamma function. It is integrated numerically; the constant is the integral
//! from 0.

use libm::asinh; // std's needs a newer C library than Lambda has

use crate::level::Level;
use crate::quadrature::RULE;

/// P(|T| > |t|) with `degrees` >= 1 of freedom.
#[must_use]
pub fn two_sided_p(t: f64, degrees: f64) -> f64 {
    let u = asinh(t.abs() / degrees.sqrt());
    (tail(u, degrees) / tail(0.0, degrees) * (-drop(u, degrees)).exp()).clamp(0.0, 1.0)
}

/// t with P(|T| > t) = alpha.
#[must_use]
pub fn critical_value(level: Level, degrees: f64) -> f64 {
    let centre = tail(0.0, degrees);
    let target = level.alpha().ln();
    let mut u = asinh(level.critical_value() / degrees.sqrt());
    for _ in 0..60 {
        let beyond = tail(u, degrees);
        let ln_p = (beyond / centre).ln() - drop(u, degrees);
        // ln p is concave in u with slope -1/beyond, so Newton's method converges.
        let step = (ln_p - target) * beyond;
        u = (u + step).max(0.0);
        if step.abs() <= 1e-14 * u {
            break;
        }
    }
    degrees.sqrt() * u.sinh()
}

/// -ln of the density at u, relative to u = 0.
fn drop(u: f64, degrees: f64) -> f64 {
    let ln_cosh = if u < 1.0 {
        (2.0 * (u / 2.0).sinh().powi(2)).ln_1p()
    } else {
        u + (0.5 * (-2.0 * u).exp_m1()).ln_1p()
    };
    degrees * ln_cosh
}

/// The integral of cosh^-df from u on, in units of its value at u.
fn tail(from: f64, degrees: f64) -> f64 {
    let at_start = drop(from, degrees);
    let (mut sum, mut left) = (0.0, from);
    loop {
        let steepness = degrees * left.tanh();
        let width = (1.5 / degrees.sqrt()).min(6.0 / steepness).min(1.0);
        let half = width / 2.0;
        for (node, weight) in RULE.nodes.iter().zip(&RULE.weights) {
            let u = left + half * (1.0 + node);
            sum += weight * half * (at_start - drop(u, degrees)).exp();
        }
        left += width;
        if drop(left, degrees) - at_start > 40.0 || width <= 0.0 {
            return sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64, tolerance: f64) {
        assert!((value / expected - 1.0).abs() < tolerance, "{value:e} is not {expected:e}");
    }

    #[test]
    fn one_degree_is_cauchy_and_two_have_a_closed_form() {
        close(two_sided_p(1.0, 1.0), 0.5, 1e-13);
        close(two_sided_p(1e6, 1.0), 6.366_197_723_673_692e-7, 1e-12);
        close(two_sided_p(3.0, 2.0), 1.0 - 3.0 / 11f64.sqrt(), 1e-12);
        close(critical_value(Level::DEFAULT, 1.0), 12.706_204_736_174_71, 1e-12);
    }

    #[test]
    fn many_degrees_approach_the_normal() {
        for z in [0.01, 1.0, 5.0, 30.0] {
            close(two_sided_p(z, 1e16), crate::normal::two_sided_p(z), 1e-9);
        }
        close(critical_value(Level::DEFAULT, 1e12), 1.959_963_984_540_054, 1e-10);
    }

    #[test]
    fn the_quantile_inverts_the_tail() {
        for degrees in [1.0, 1.7, 5.0, 333.0, 2e5, 1e11] {
            for alpha in [0.9, 0.05, 1e-6, 1e-30] {
                let t = critical_value(Level::from_alpha(alpha).unwrap(), degrees);
                close(two_sided_p(t, degrees), alpha, 1e-9);
            }
        }
    }
}
