//! Sample sizes, power and duration.

use crate::error::{Error, require};
use crate::level::Level;
use crate::normal;

/// The effect that a test should find: the control's rate or mean, and a relative lift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    baseline: f64,
    lifted: f64,
    spread: Spread,
}

/// How much one participant varies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spread {
    /// As a goal that is reached or not.
    OfRate,
    /// By this standard deviation, in both variants.
    Deviation(f64),
}

impl Effect {
    /// A `baseline` rate, changed by the relative `lift` (0.1: 10% more).
    ///
    /// # Errors
    /// Unless 0 < baseline < 1, the lift is not 0 and the lifted rate lies in [0, 1].
    pub fn new(baseline: f64, lift: f64) -> Result<Self, Error> {
        require(baseline > 0.0 && baseline < 1.0, "baseline", "between 0 and 1", baseline)?;
        let lifted = baseline * (1.0 + lift);
        let rule = "other than 0 and such that baseline * (1 + lift) lies between 0 and 1";
        // Rounding may put 0.5 lifted by 100% slightly above 1.
        let fits = (-1e-15..=1.0 + 1e-15).contains(&lifted) && lifted != baseline;
        require(fits, "lift", rule, lift)?;
        Ok(Self { baseline, lifted: lifted.clamp(0.0, 1.0), spread: Spread::OfRate })
    }

    /// A `mean` per participant, changed by the relative `lift`. One participant's total varies by the standard deviation `sd`,
    /// participants without a value included.
    ///
    /// # Errors
    /// Unless mean and sd are above 0 and at most 1e100, and the lift is not 0 and within 1e6.
    pub fn of_mean(mean: f64, sd: f64, lift: f64) -> Result<Self, Error> {
        let is_size = |value: f64| (1e-100..=1e100).contains(&value);
        require(is_size(mean), "mean", "above 0 (between 1e-100 and 1e100)", mean)?;
        require(is_size(sd), "sd", "above 0 (between 1e-100 and 1e100)", sd)?;
        let lifted = mean * (1.0 + lift);
        let fits = lift.abs() <= 1e6 && lifted != mean;
        require(fits, "lift", "other than 0 and between -1e6 and 1e6", lift)?;
        Ok(Self { baseline: mean, lifted, spread: Spread::Deviation(sd) })
    }

    /// The control's rate or mean.
    #[must_use]
    pub fn baseline(self) -> f64 {
        self.baseline
    }

    /// The variant's rate or mean if the lift is true.
    #[must_use]
    pub fn lifted(self) -> f64 {
        self.lifted
    }

    /// The standard deviation of a mean's effect; `None` for a rate.
    #[must_use]
    pub fn deviation(self) -> Option<f64> {
        match self.spread {
            Spread::OfRate => None,
            Spread::Deviation(sd) => Some(sd),
        }
    }

    /// The standard deviations of sqrt(n)(p1 - p0) without a difference and with the lift.
    fn deviations(self) -> (f64, f64) {
        if let Spread::Deviation(sd) = self.spread {
            let both = 2f64.sqrt() * sd;
            return (both, both);
        }
        let mean = f64::midpoint(self.baseline, self.lifted);
        let variance = |p: f64| p * (1.0 - p);
        let alternative = variance(self.baseline) + variance(self.lifted);
        ((2.0 * variance(mean)).sqrt(), alternative.sqrt())
    }
}

/// Participants per variant for a two-sided test to find `effect` with probability `power`, rounded up. For rates: Fleiss 1981,
/// without continuity correction. For means: 2 (z_{α/2} + z_β)² sd² / (m1 - m0)².
///
/// # Errors
/// Unless 0 < power < 1, or if the result is above 10^18.
pub fn sample_size(effect: Effect, level: Level, power: f64) -> Result<u64, Error> {
    require(power > 0.0 && power < 1.0, "power", "between 0 and 1", power)?;
    let (null, alternative) = effect.deviations();
    let z_power = -normal::upper_quantile(power);
    // If power is below the false-positive rate, n = 0. Clamp before squaring.
    let reach = (level.critical_value() * null + z_power * alternative).max(0.0);
    let n = (reach / (effect.lifted - effect.baseline)).powi(2).ceil();
    if n > 1e18 {
        return Err(Error::SampleTooLarge);
    }
    Ok(n as u64)
}

/// The power to find `effect` with `per_variant` participants per variant: the inverse of [`sample_size`], which also leaves
/// out the far tail of the two-sided test.
#[must_use]
pub fn power(effect: Effect, level: Level, per_variant: f64) -> f64 {
    let (null, alternative) = effect.deviations();
    let distance = (effect.lifted - effect.baseline).abs() * per_variant.max(0.0).sqrt();
    let z = (distance - level.critical_value() * null) / alternative;
    normal::upper_tail(-z)
}

/// Days until each of `variants` has `per_variant` participants at `visitors_a_day`.
///
/// # Errors
/// Unless visitors_a_day is positive and finite.
pub fn duration_in_days(
    per_variant: u64,
    variants: usize,
    visitors_a_day: f64,
) -> Result<f64, Error> {
    let ok = visitors_a_day >= 1e-9 && visitors_a_day.is_finite();
    require(ok, "visitors_a_day", "positive", visitors_a_day)?;
    Ok(per_variant as f64 * variants as f64 / visitors_a_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lift_to_certainty_can_be_planned_and_one_past_it_cannot() {
        assert!(Effect::new(0.5, 1.0).is_ok());
        assert!(Effect::new(0.5, 1.1).is_err());
        assert!(Effect::new(0.5, 0.0).is_err());
        assert!(Effect::new(0.5, f64::NAN).is_err());
        assert!(Effect::new(0.5, -1.0).is_ok());
    }

    #[test]
    fn a_lift_too_small_to_ever_see_says_so() {
        let effect = Effect::new(1e-6, 1e-9).unwrap();
        assert_eq!(sample_size(effect, Level::DEFAULT, 0.8), Err(Error::SampleTooLarge));
    }

    #[test]
    fn duration_counts_all_variants() {
        assert_eq!(duration_in_days(31_234, 2, 1000.0).unwrap(), 62.468);
        assert!(duration_in_days(1, 2, 0.0).is_err());
    }
}
