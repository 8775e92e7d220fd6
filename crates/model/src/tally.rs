//! What a store counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::allocations::Allocations;
use crate::name::{Experiment, Goal, Variant};
use crate::timeline::Timeline;
use crate::values::Values;

/// How a counter counts, and so how far its number can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// Redis HyperLogLog: at most 12 KiB a counter, a standard error of 0.81%.
    #[default]
    Hll,
    /// Every uuid once, without error.
    Exact,
}

/// A text that names no way of counting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `hll` or `exact`")]
pub struct NoCounting;

impl std::fmt::Display for Counting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Hll => "hll",
            Self::Exact => "exact",
        })
    }
}

impl std::str::FromStr for Counting {
    type Err = NoCounting;

    fn from_str(text: &str) -> Result<Self, NoCounting> {
        match text {
            "hll" => Ok(Self::Hll),
            "exact" => Ok(Self::Exact),
            _ => Err(NoCounting),
        }
    }
}

/// What another program counted for a goal and a variant before abtest did. It came without uuids,
/// so the same people may be counted again here: the two are never added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Baseline {
    /// The goal's name, or `participate`.
    pub goal: String,
    /// The variant's name.
    pub label: String,
    /// How many it had counted.
    pub count: u64,
    /// How: Gimel's `hll` is an estimate with a standard error of 0.81%, Lamed's `exact` a number.
    pub counting: Counting,
}

/// The counters of one experiment. Goals and variants are kept sorted, so that the same counts
/// always read the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The experiment.
    pub experiment: Experiment,
    /// How its counters count.
    pub counting: Counting,
    /// The variant that the others are compared with, if one was chosen for this experiment.
    pub control: Option<Variant>,
    /// When it was counted, where that was asked for.
    pub timeline: Option<Timeline>,
    /// Under which allocations it was counted, where that was asked for.
    pub allocations: Option<Allocations>,
    /// The sums of goals with values, where that was asked for.
    pub values: Option<Values>,
    /// Bytes of the store's memory, where that was asked for and the store keeps counters there.
    pub memory: Option<u64>,
    /// What other programs counted before, where that was asked for.
    pub baselines: Vec<Baseline>,
    /// Counters that have lost what they counted: the store knows their names, but what they counted is
    /// gone or began again. Their counts are too low.
    pub lost: BTreeSet<(Goal, Variant)>,
    counters: BTreeMap<Goal, BTreeMap<Variant, u64>>,
}

impl Tally {
    /// An experiment without counters.
    pub fn new(experiment: Experiment, counting: Counting) -> Self {
        Self {
            experiment,
            counting,
            control: None,
            timeline: None,
            allocations: None,
            values: None,
            memory: None,
            baselines: Vec::new(),
            lost: BTreeSet::new(),
            counters: BTreeMap::new(),
        }
    }

    /// Sets the count of a counter.
    pub fn set(&mut self, goal: Goal, variant: Variant, count: u64) {
        self.counters.entry(goal).or_default().insert(variant, count);
    }

    /// Removes the counters that `is_kept` refuses.
    pub fn retain(&mut self, is_kept: impl Fn(&Goal, &Variant) -> bool) {
        self.counters.retain(|goal, variants| {
            variants.retain(|variant, _| is_kept(goal, variant));
            !variants.is_empty()
        });
    }

    /// The number of different uuids seen for a goal and a variant; 0 without a counter.
    pub fn count(&self, goal: &str, variant: &Variant) -> u64 {
        self.counters.get(goal).and_then(|variants| variants.get(variant)).copied().unwrap_or(0)
    }

    /// The number of participants of a variant.
    pub fn trials(&self, variant: &Variant) -> u64 {
        self.count(Goal::PARTICIPATE, variant)
    }

    /// Every counter: its goal, its variant and its count.
    pub fn counters(&self) -> impl Iterator<Item = (&Goal, &Variant, u64)> {
        self.counters.iter().flat_map(|(goal, variants)| {
            variants.iter().map(move |(variant, count)| (goal, variant, *count))
        })
    }

    /// The goals, without the pseudo-goal `participate`.
    pub fn goals(&self) -> impl Iterator<Item = &Goal> {
        self.counters.keys().filter(|goal| !goal.is_participation())
    }

    /// Every variant that has a counter.
    pub fn variants(&self) -> BTreeSet<&Variant> {
        self.counters.values().flat_map(BTreeMap::keys).collect()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }
}
