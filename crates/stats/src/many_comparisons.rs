//! Many comparisons: p-values and intervals that account for how many there are.

use crate::error::{Error, require};
use crate::level::Level;

/// How a family of comparisons shares its error rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Each comparison gets an equal share: the chance of any false alarm in the family is at most alpha.
    #[default]
    Bonferroni,
    /// The expected share of false alarms among the alarms is at most alpha (Benjamini and Hochberg 1995), with the intervals
    /// of Benjamini and Yekutieli (2005).
    BenjaminiHochberg,
    /// Each comparison as if it were the only one.
    None,
}

/// A family after the correction.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// The adjusted p-values, in the input's order.
    pub p_values: Vec<f64>,
    /// The level of every interval of the family.
    pub interval_level: Level,
}

impl Correction {
    /// Corrects a family of `comparisons` pairs, of which these have a p-value. An interval at the returned level excludes 0
    /// exactly if the adjusted p-value is below alpha.
    ///
    /// # Errors
    /// If a p-value is not in [0, 1].
    pub fn correct(
        self,
        p_values: &[f64],
        comparisons: u64,
        level: Level,
    ) -> Result<Corrected, Error> {
        ascending(p_values)?;
        let m = comparisons.max(p_values.len() as u64).max(1) as f64;
        let alpha = level.alpha();
        Ok(match self {
            Self::None => Corrected { p_values: p_values.to_vec(), interval_level: level },
            Self::Bonferroni => Corrected {
                p_values: p_values.iter().map(|p| (m * p).min(1.0)).collect(),
                interval_level: Level::from_alpha(alpha / m)?,
            },
            Self::BenjaminiHochberg => {
                let adjusted = step_up(p_values, m)?;
                let selected = adjusted.iter().filter(|&&p| p < alpha).count().max(1);
                Corrected {
                    p_values: adjusted,
                    interval_level: Level::from_alpha(selected as f64 * alpha / m)?,
                }
            }
        })
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
    step_up(p_values, p_values.len() as f64)
}

/// Benjamini and Hochberg's adjustment for `m` p-values, of which those that are not given are 1.
fn step_up(p_values: &[f64], m: f64) -> Result<Vec<f64>, Error> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (rank, &index) in order.iter().enumerate().rev() {
        let share = m / (rank + 1) as f64;
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
    fn an_empty_family_has_no_adjusted_p_values() {
        assert_eq!(holm(&[]), Ok(vec![]));
        assert_eq!(benjamini_hochberg(&[0.3]), Ok(vec![0.3]));
        assert!(holm(&[f64::NAN]).is_err());
        assert!(benjamini_hochberg(&[1.1]).is_err());
    }

    #[test]
    fn pairs_without_data_count_in_every_correction() {
        let correct = |correction: Correction| {
            let corrected = correction.correct(&[0.01, 0.03], 4, Level::DEFAULT).unwrap();
            (corrected.p_values, corrected.interval_level.alpha())
        };
        assert_eq!(correct(Correction::Bonferroni), (vec![0.04, 0.12], 0.0125));
        assert_eq!(correct(Correction::BenjaminiHochberg), (vec![0.04, 0.06], 0.0125));
        assert_eq!(correct(Correction::None), (vec![0.01, 0.03], 0.05));
    }

    #[test]
    fn two_selected_of_four_have_intervals_at_half_of_alpha() {
        let correction = Correction::BenjaminiHochberg;
        let corrected = correction.correct(&[0.01, 0.02, 0.9], 4, Level::DEFAULT).unwrap();
        assert_eq!(corrected.interval_level.alpha(), 0.025);
    }
}
