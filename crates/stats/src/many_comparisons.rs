//! Many comparisons: p-values adjusted for how many there are.

use crate::error::{Error, require};

/// How p-values are adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// [`holm`]: bounds the chance of any false alarm.
    #[default]
    Holm,
    /// [`benjamini_hochberg`]: bounds the share of false ones among the alarms.
    BenjaminiHochberg,
    /// Each as if it were the only one.
    None,
}

impl Correction {
    /// The adjusted p-values, in the input's order.
    ///
    /// # Errors
    /// If a p-value is not in [0, 1].
    pub fn adjust(self, p_values: &[f64]) -> Result<Vec<f64>, Error> {
        match self {
            Self::Holm => holm(p_values),
            Self::BenjaminiHochberg => benjamini_hochberg(p_values),
            Self::None => ascending(p_values).map(|_| p_values.to_vec()),
        }
    }
}

/// Holm's step-down adjustment (Holm 1979), in the input's order.
///
/// # Errors
/// If a p-value is not in [0, 1].
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, Error> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        largest = largest.max(p_values[index] * remaining).min(1.0);
        adjusted[index] = largest;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's step-up adjustment (1995), in the input's order.
///
/// # Errors
/// If a p-value is not in [0, 1].
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>, Error> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (rank, &index) in order.iter().enumerate().rev() {
        let share = p_values.len() as f64 / (rank + 1) as f64;
        smallest = smallest.min(p_values[index] * share);
        adjusted[index] = smallest;
    }
    Ok(adjusted)
}

/// The indices of `p_values` from the smallest to the largest.
fn ascending(p_values: &[f64]) -> Result<Vec<usize>, Error> {
    for &p in p_values {
        require((0.0..=1.0).contains(&p), "p_values", "between 0 and 1", p)?;
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_adjust_is_nothing_adjusted() {
        assert_eq!(holm(&[]), Ok(vec![]));
        assert_eq!(benjamini_hochberg(&[0.3]), Ok(vec![0.3]));
        assert!(holm(&[f64::NAN]).is_err());
        assert!(benjamini_hochberg(&[1.1]).is_err());
    }
}
