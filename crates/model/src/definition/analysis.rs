//! How results are analysed, and how a bandit moves weights.

use serde::{Deserialize, Serialize};

use super::plain;

/// The plan of the analysis.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Analysis {
    /// When results may be read without losing the level. Default: always_valid.
    pub method: AnalysisMethod,
    /// The confidence level of each family of comparisons, above 0.5 and below 1. Default: 0.95.
    pub level: f64,
    /// The smallest relative lift that matters, above 0 and at most 10 (0.05 is 5%).
    #[serde(serialize_with = "plain::option")]
    pub minimum_lift: Option<f64>,
    /// The expected rate of the control, above 0 and below 1. With `minimum_lift` it sets at which
    /// sample size the analysis is sharpest.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "plain::option")]
    pub baseline: Option<f64>,
    /// How several comparisons share the level. Default: bonferroni.
    pub correction: MultipleTesting,
    /// The participants of all variants together at which the experiment is planned to end.
    pub planned: Option<u64>,
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            method: AnalysisMethod::default(),
            level: 0.95,
            minimum_lift: None,
            baseline: None,
            correction: MultipleTesting::default(),
            planned: None,
        }
    }
}

/// When results may be read without losing the level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AnalysisMethod {
    /// At any time and as often as wanted: a confidence sequence.
    #[default]
    AlwaysValid,
    /// At looks that are recorded: group-sequential bounds.
    Sequential,
    /// Once, at the planned size.
    Fixed,
}

/// How several comparisons share the level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MultipleTesting {
    /// Each of m comparisons gets 1/m of the allowed error.
    #[default]
    Bonferroni,
    /// The share of false discoveries is bounded.
    BenjaminiHochberg,
    /// Each comparison stands alone.
    None,
}

/// A bandit: the server moves weights towards the better variants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bandit {
    /// Participants per variant before the weights move. Default: 1,000.
    pub burn_in: u64,
    /// The smallest share of a variant, 0 to 1/(2K) with K variants. Default: 0.05 or 1/(2K), the
    /// smaller.
    #[serde(serialize_with = "plain::number")]
    pub floor: f64,
    /// The largest share of a variant, 1/K to 1. Default: 1.
    #[serde(serialize_with = "plain::number")]
    pub ceiling: f64,
}
