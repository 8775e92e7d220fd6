//! Does an effect differ between segments? Cochran's Q (Cochran 1954), with I² (Higgins and Thompson 2002).
//!
//! It is a test for one look. Look at it before the segments themselves: if the effects do not differ, the segments say nothing
//! that the whole experiment does not say.

use crate::error::{Error, require};
use crate::normal::chi_square_upper_tail;
use serde::Serialize;

/// An effect in one segment: a log ratio or a difference, with the variance of this estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The estimate.
    pub value: f64,
    /// Its variance, above 0.
    pub variance: f64,
}

/// Whether the effects of several segments differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Heterogeneity {
    /// Cochran's Q: the squared distances from the pooled effect, in units of their variances.
    pub q: f64,
    /// Segments less one.
    pub degrees: usize,
    /// The p-value of "the effect is the same in all segments", for one look.
    pub p_value: f64,
    /// I²: the share of the variation between the segments that chance does not explain, from 0 to 1.
    pub i_squared: f64,
    /// The effect of all segments together, each weighted by 1 / variance.
    pub pooled: f64,
}

/// Cochran's Q. `None` with fewer than two segments.
///
/// # Errors
/// If an effect is beyond 1e100, or a variance is not positive.
pub fn cochran_q(effects: &[Effect]) -> Result<Option<Heterogeneity>, Error> {
    for effect in effects {
        let is_near = effect.value.abs() <= 1e100;
        require(is_near, "effects", "within 1e100 of zero", effect.value)?;
        let varies = (1e-200..=1e200).contains(&effect.variance);
        require(varies, "variances", "positive (between 1e-200 and 1e200)", effect.variance)?;
    }
    if effects.len() < 2 {
        return Ok(None);
    }
    // Relative weights, so that no sum overflows.
    let smallest = effects.iter().map(|effect| effect.variance).fold(f64::INFINITY, f64::min);
    let weight = |effect: &Effect| smallest / effect.variance;
    let weights: f64 = effects.iter().map(weight).sum();
    let pooled = effects.iter().map(|e| weight(e) / weights * e.value).sum::<f64>();
    let distance = |effect: &Effect| (effect.value - pooled) / effect.variance.sqrt();
    let q = effects.iter().map(|effect| distance(effect).powi(2)).sum::<f64>();
    let degrees = effects.len() - 1;
    let i_squared = if q > 0.0 { (1.0 - degrees as f64 / q).max(0.0) } else { 0.0 };
    let p_value = chi_square_upper_tail(q, degrees);
    let q = q.min(f64::MAX);
    Ok(Some(Heterogeneity { q, degrees, p_value, i_squared, pooled }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn effect() -> impl Strategy<Value = Effect> {
        (-2.0..2.0f64, 1e-4..1.0f64).prop_map(|(value, variance)| Effect { value, variance })
    }

    #[test]
    fn one_segment_cannot_differ() {
        assert_eq!(cochran_q(&[]), Ok(None));
        assert_eq!(cochran_q(&[Effect { value: 0.1, variance: 0.1 }]), Ok(None));
        let flat = Effect { value: 0.1, variance: 0.0 };
        assert!(cochran_q(&[flat, flat]).is_err());
    }

    #[test]
    fn equal_effects_do_not_differ() {
        let same = Effect { value: 0.25, variance: 0.5 };
        let found = cochran_q(&[same; 3]).unwrap().unwrap();
        assert_eq!((found.q, found.p_value, found.i_squared, found.pooled), (0.0, 1.0, 0.0, 0.25));
    }

    proptest! {
        #[test]
        fn the_order_and_a_common_shift_change_nothing(effects in prop::collection::vec(effect(), 2..8), shift in -1.0..1.0f64) {
            let plain = cochran_q(&effects).unwrap().unwrap();
            let moved = effects.iter().rev().map(|e| Effect { value: e.value + shift, ..*e });
            let moved = cochran_q(&moved.collect::<Vec<_>>()).unwrap().unwrap();
            prop_assert!((plain.q - moved.q).abs() <= 1e-9 * plain.q.max(1.0));
            prop_assert!((plain.pooled + shift - moved.pooled).abs() < 1e-9);
        }

        #[test]
        fn two_segments_are_a_z_test_of_their_difference(a in effect(), b in effect()) {
            let found = cochran_q(&[a, b]).unwrap().unwrap();
            let z = (a.value - b.value) / (a.variance + b.variance).sqrt();
            prop_assert!((found.q - z * z).abs() <= 1e-9 * (z * z).max(1e-9));
        }
    }
}
