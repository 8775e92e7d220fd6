//! The API's JSON, as far as it is shown.

use anyhow::{Context, Result};
use serde::Deserialize;

/// An experiment with its counts and what they mean.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Experiment {
    pub(super) experiment: String,
    pub(super) variants: Vec<Participants>,
    pub(super) counting: Counting,
    /// Bytes in Redis, where it was asked for one experiment.
    pub(super) memory: Option<u64>,
    /// None of an abtest that is older than this one.
    pub(super) analysis: Option<Analysis>,
}

/// How the counters count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Counting {
    Hll,
    #[serde(other)]
    Exact,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Participants {
    pub(super) trials: u64,
}

/// What the counts mean.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Analysis {
    pub(super) verdict: Verdict,
    pub(super) warnings: Vec<Remark>,
    pub(super) notes: Vec<Remark>,
    pub(super) control: Option<String>,
    pub(super) level: f64,
    pub(super) minimum_lift: f64,
    pub(super) method: Method,
    pub(super) method_explanation: String,
    /// Of the sequential method.
    pub(super) looks: Option<Looks>,
    pub(super) goals: Vec<Goal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    AlwaysValid,
    Sequential,
    Fixed,
}

/// The looks taken.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Looks {
    pub(super) planned: u64,
    pub(super) taken: Vec<Participation>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Participation {
    pub(super) participants: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Verdict {
    pub(super) sentence: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Remark {
    pub(super) message: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Goal {
    pub(super) goal: String,
    pub(super) kind: Kind,
    pub(super) verdict: Verdict,
    pub(super) variants: Vec<Variant>,
    pub(super) against_control: Vec<Comparison>,
    pub(super) matrix: Matrix,
}

/// Each variant (row) against each (column).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Matrix {
    pub(super) chance_to_beat: Option<Vec<Vec<Option<f64>>>>,
    pub(super) lift: Vec<Vec<Option<f64>>>,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Proportion,
    Rate,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Variant {
    pub(super) variant: String,
    pub(super) trials: u64,
    pub(super) successes: u64,
    pub(super) rate: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    pub(super) counter_share: Option<f64>,
    pub(super) chance_best: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comparison {
    pub(super) variant: String,
    pub(super) difference: Option<f64>,
    pub(super) lift: Option<f64>,
    pub(super) p_value: Option<f64>,
    pub(super) chance_to_beat: Option<f64>,
    pub(super) expected_loss: Option<f64>,
    pub(super) counter_share: Option<f64>,
    pub(super) power: Option<f64>,
    pub(super) sample_needed: SampleNeeded,
    /// By the method of the report.
    #[serde(flatten)]
    evidence: Evidence,
}

/// What a method says of a comparison.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Evidence {
    pub(super) difference_low: Option<f64>,
    pub(super) difference_high: Option<f64>,
    pub(super) lift_low: Option<f64>,
    pub(super) lift_high: Option<f64>,
    pub(super) adjusted_p_value: Option<f64>,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct SampleNeeded {
    pub(super) per_variant: Option<u64>,
    pub(super) per_variant_always_valid: Option<u64>,
}

impl Comparison {
    /// The interval and the p-value that decide.
    pub(super) fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

impl Goal {
    /// A variant's comparison with the control; none of the control itself.
    pub(super) fn comparison(&self, variant: &str) -> Option<&Comparison> {
        self.against_control.iter().find(|comparison| comparison.variant == variant)
    }
}

impl Experiment {
    pub(super) fn participants(&self) -> u64 {
        self.variants.iter().fold(0, |sum: u64, variant| sum.saturating_add(variant.trials))
    }

    /// Keeps one goal of many, and tells whether it was there.
    pub(super) fn keep_goal(&mut self, name: &str) -> bool {
        let Some(analysis) = &mut self.analysis else { return false };
        analysis.goals.retain(|goal| goal.goal == name);
        !analysis.goals.is_empty()
    }
}

/// The experiments of an answer: one, or an array whose first element tells what was asked for.
pub(super) fn parse(text: &str, one: bool) -> Result<Vec<Experiment>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Element {
        Experiment(Box<Experiment>),
        Head {
            #[serde(rename = "meta")]
            _meta: serde::de::IgnoredAny,
        },
    }
    let context = "the answer holds no results; is the abtest there another version?";
    if one {
        return Ok(vec![serde_json::from_str(text).context(context)?]);
    }
    let elements: Vec<Element> = serde_json::from_str(text).context(context)?;
    let experiments = elements.into_iter().filter_map(|element| match element {
        Element::Experiment(experiment) => Some(*experiment),
        Element::Head { .. } => None,
    });
    Ok(experiments.collect())
}
