//! What the uuids of an experiment's counters have in common. Uuids that reach a goal and never took
//! part, and uuids in several variants, can be votes that somebody stuffed.

use abtest_model::{Goal, Variant};

/// What the uuids of an experiment's counters have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overlaps {
    /// For each goal and variant, the uuids that did not take part in the variant.
    pub strangers: Vec<Strangers>,
    /// The participants that take part in several variants. `None` with fewer than two variants.
    pub in_several: Option<Share>,
}

/// The uuids of a goal in a variant that did not take part in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Strangers {
    /// The goal.
    pub goal: Goal,
    /// The variant.
    pub variant: Variant,
    /// How many uuids of the counter are strangers.
    pub share: Share,
}

/// How many uuids of those that were looked at have a property.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share {
    /// How many were looked at. Large exact counters are looked at in part.
    pub looked_at: u64,
    /// How many of them have the property. With HyperLogLogs it is an estimate.
    pub found: u64,
    /// The standard error of `found` if the property is rare; 0 if it is exact.
    pub error: f64,
}

/// Most counters of an experiment that are compared. The largest ones come first.
#[cfg(any(feature = "embedded", feature = "redis"))]
pub(crate) const MOST_COUNTERS: usize = 40;
