//! What a store counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::name::{Experiment, Goal, Variant};

/// How a counter counts, and so how far its number can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// Redis HyperLogLog: at most 12 KiB a counter, a standard error of 0.81%.
    Hll,
    /// Every uuid once, without error.
    Exact,
}

/// The counters of one experiment. Goals and variants are kept sorted, so that the same counts
/// always read the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The experiment.
    pub experiment: Experiment,
    /// How its counters count.
    pub counting: Counting,
    counters: BTreeMap<Goal, BTreeMap<Variant, u64>>,
}

impl Tally {
    /// An experiment without counters.
    pub fn new(experiment: Experiment, counting: Counting) -> Self {
        Self { experiment, counting, counters: BTreeMap::new() }
    }

    /// Sets the count of a counter.
    pub fn set(&mut self, goal: Goal, variant: Variant, count: u64) {
        self.counters.entry(goal).or_default().insert(variant, count);
    }

    /// The number of different uuids seen for a goal and a variant; 0 without a counter.
    pub fn count(&self, goal: &str, variant: &Variant) -> u64 {
        self.counters.get(goal).and_then(|variants| variants.get(variant)).copied().unwrap_or(0)
    }

    /// The number of participants of a variant.
    pub fn trials(&self, variant: &Variant) -> u64 {
        self.count(Goal::PARTICIPATE, variant)
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
