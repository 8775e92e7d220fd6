//! The input of each kind. An unknown or missing member is an error that names it.

use serde::Deserialize;

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) successes: f64,
    pub(super) trials: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneProportion {
    pub(super) successes: f64,
    pub(super) trials: f64,
    pub(super) level: Option<f64>,
}

/// `T` for a control and for a variant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair<T> {
    pub(super) control: T,
    pub(super) variant: T,
    pub(super) level: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Duel {
    pub(super) control: Counts,
    pub(super) variant: Counts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variants {
    pub(super) variants: Vec<Counts>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Events {
    pub(super) count: f64,
    pub(super) participants: f64,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Moments {
    pub(super) n: f64,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

/// Exact sums per participant, in steps of 10^-decimals.
#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Sums {
    pub(super) participants: u64,
    pub(super) with_value: u64,
    pub(super) sum: i128,
    pub(super) sum_of_squares: u128,
    pub(super) largest: u128,
    #[serde(default)]
    pub(super) decimals: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    pub(super) control: Sums,
    pub(super) variant: Sums,
    pub(super) alpha: Option<f64>,
    pub(super) method: ValueMethod,
    pub(super) tuning: Option<f64>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum ValueMethod {
    Fixed,
    AlwaysValid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effects {
    pub(super) effects: Vec<f64>,
    pub(super) variances: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeanSampleSize {
    pub(super) mean: f64,
    pub(super) sd: f64,
    pub(super) lift: f64,
    pub(super) alpha: Option<f64>,
    pub(super) power: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeanPower {
    pub(super) mean: f64,
    pub(super) sd: f64,
    pub(super) lift: f64,
    pub(super) per_variant: f64,
    pub(super) alpha: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleRatio {
    pub(super) trials: Vec<f64>,
    pub(super) weights: Vec<f64>,
    #[serde(default)]
    pub(super) counter_error: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleSize {
    pub(super) baseline: f64,
    pub(super) lift: f64,
    pub(super) alpha: Option<f64>,
    pub(super) power: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Power {
    pub(super) baseline: f64,
    pub(super) lift: f64,
    pub(super) per_variant: f64,
    pub(super) alpha: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfidenceSequence {
    pub(super) difference: f64,
    pub(super) variance: f64,
    pub(super) n: f64,
    pub(super) alpha: Option<f64>,
    pub(super) tuning: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupSequential {
    pub(super) information: Vec<f64>,
    pub(super) alpha: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PValues {
    pub(super) p_values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectiveTrials {
    pub(super) successes: f64,
    pub(super) trials: f64,
    pub(super) counter_error: f64,
}
