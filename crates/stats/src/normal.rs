//! The normal distribution's tails and quantiles, and chi-square's tail.

use std::f64::consts::{LN_2, SQRT_2};

/// P(|Z| > |z|) for a standard normal Z, to the last digits down to 1e-308.
#[must_use]
pub fn two_sided_p(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// P(Z > z) for a standard normal Z.
#[must_use]
pub fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// The z that a standard normal exceeds with `probability`, which must lie in (0, 1).
#[must_use]
pub fn upper_quantile(probability: f64) -> f64 {
    SQRT_2 * statrs::function::erf::erfc_inv(2.0 * probability)
}

/// ln P(Z > z): for z where the tail itself is no longer a number.
pub(crate) fn ln_upper_tail(z: f64) -> f64 {
    if z < 35.0 {
        return upper_tail(z).ln();
    }
    // Mills' ratio by its asymptotic series (Abramowitz & Stegun 26.2.12); the fourth term is below 1e-10 here.
    let w = 1.0 / (z * z);
    let series = 1.0 - w * (1.0 - 3.0 * w * (1.0 - 5.0 * w * (1.0 - 7.0 * w)));
    -0.5 * z * z - z.ln() - 0.5 * (std::f64::consts::PI.ln() + LN_2) + series.ln()
}

/// The z with ln P(Z > z) = `ln_probability`, for tails of any depth.
pub(crate) fn upper_quantile_of_ln(ln_probability: f64) -> f64 {
    if ln_probability > -690.0 {
        return upper_quantile(ln_probability.exp());
    }
    let mut z = (-2.0 * ln_probability).sqrt();
    for _ in 0..50 {
        // d/dz ln P(Z > z) is -(z + 1/z) up to 1/z^3: enough for Newton's method out here.
        let step = (ln_upper_tail(z) - ln_probability) / (z + 1.0 / z);
        z += step;
        if step.abs() < 1e-14 * z {
            break;
        }
    }
    z
}

/// P(X > statistic) for chi-square with `degrees` of freedom.
#[must_use]
pub fn chi_square_upper_tail(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 || statistic <= 0.0 {
        return 1.0;
    }
    if statistic == f64::INFINITY {
        return 0.0;
    }
    if degrees == 1 {
        return two_sided_p(statistic.sqrt());
    }
    statrs::function::gamma::checked_gamma_ur(degrees as f64 / 2.0, statistic / 2.0)
        .unwrap_or(0.0)
        .clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64, tolerance: f64) {
        assert!((value / expected - 1.0).abs() < tolerance, "{value:e} is not {expected:e}");
    }

    #[test]
    fn tails_hold_down_to_1e_minus_300() {
        // mpmath erfc(z/sqrt(2)) at 60 digits.
        close(two_sided_p(35.0), 2.249_821_412_944_812_5e-268, 1e-12);
        close(two_sided_p(-20.0), 5.507_248_237_212_467_4e-89, 1e-13);
    }

    #[test]
    fn the_log_tail_joins_the_tail_and_has_its_inverse() {
        close(ln_upper_tail(36.0), upper_tail(36.0).ln(), 1e-12);
        for z in [36.5, 40.0, 70.0, 1000.0] {
            close(upper_quantile_of_ln(ln_upper_tail(z)), z, 1e-12);
        }
        close(upper_quantile_of_ln(ln_upper_tail(3.0)), 3.0, 1e-14);
    }

    #[test]
    fn chi_square_agrees_with_mpmath_in_the_deep_tail() {
        close(chi_square_upper_tail(1400.0, 49), 5.863_22e-261, 1e-5);
        close(chi_square_upper_tail(400.0, 199), 1.292_71e-15, 1e-5);
        assert_eq!(chi_square_upper_tail(1e12, 5), 0.0);
    }
}
