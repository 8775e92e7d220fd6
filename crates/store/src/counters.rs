//! [`Counters`]: the part of a store that reads and deletes what was counted.

use std::collections::BTreeSet;
use std::future::Future;

use abtest_model::{Amount, Counting, Experiment, Goal, Namespace, Tally, Variant};

use crate::{Overlaps, Recorder, StoreError};

/// What [`Counters::read`] reads besides the counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// Fills [`Tally::timeline`]: how many uuids were new on each UTC day.
    pub days: bool,
    /// Fills [`Tally::allocations`]: how many uuids were new under each allocation.
    pub allocations: bool,
    /// Fills [`Tally::values`]: sums over the totals of units.
    pub values: bool,
    /// Fills [`Tally::memory`], where the store keeps counters in memory.
    pub memory: bool,
}

impl Include {
    /// The counts alone.
    pub const COUNTS: Self = Self { days: false, allocations: false, values: false, memory: false };
}

/// What is counted in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountedNamespace {
    /// The namespace.
    pub namespace: Namespace,
    /// The experiments that have counters.
    pub experiments: BTreeSet<Experiment>,
    /// How many counters they have.
    pub counters: u64,
}

/// A part of an experiment that can be removed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Every counter of a variant.
    Variant(Variant),
    /// Every counter of a goal; that may be `participate`.
    Goal(Goal),
}

impl Part {
    /// Whether a counter belongs to this part.
    pub fn contains(&self, goal: &Goal, variant: &Variant) -> bool {
        match self {
            Self::Variant(part) => part == variant,
            Self::Goal(part) => part == goal,
        }
    }
}

/// Reads and deletes what a [`Recorder`] counted.
///
/// Laws that every backend keeps:
/// - The number of round trips of [`read`](Self::read), [`counted`](Self::counted) and
///   [`overlaps`](Self::overlaps) is bounded. It does not grow with the number of namespaces,
///   experiments or counters.
/// - After [`delete`](Self::delete) the experiment's counters and the documents that belong to them
///   (looks, control, baseline, alarm) are gone, and recording starts again from nothing. Its
///   definition stays.
/// - A uuid counts under the allocation that its event stated when it was new to its counter. The
///   same uuid changes nothing later. Without an allocation it counts in the total only.
/// - An event with a value adds it to the unit's total of its goal. The same id never adds twice to a
///   goal, also from another unit. Without an id, a unit has one value.
/// - Sums over the totals are exact in every way of counting. A cap clamps each total on both sides.
///   The total of a unit counts under the allocation that its first value stated.
/// - After [`prune`](Self::prune) the counters, time lines and counts by allocation of the part are gone, and the sample ratio
///   alarm, which the part may have caused. Everything else is unchanged. An event that is recorded
///   meanwhile is counted before, and removed, or it is counted anew. The namespace's version rises
///   after the counts are gone.
pub trait Counters: Recorder {
    /// The tallies of a namespace, sorted by experiment name; or those of `scope`, in its order,
    /// with an empty tally for an unknown experiment.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn read(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
        include: Include,
    ) -> impl Future<Output = Result<Vec<Tally>, StoreError>> + Send;

    /// The namespaces in which something was counted, sorted.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn counted(&self) -> impl Future<Output = Result<Vec<CountedNamespace>, StoreError>> + Send;

    /// What the uuids of an experiment's counters have in common; `None` if this store cannot tell. It
    /// looks at a bounded number of counters and uuids.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn overlaps(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> impl Future<Output = Result<Option<Overlaps>, StoreError>> + Send;

    /// How an experiment without events will be counted, if its definition asks for `asked`. A store with
    /// one mode ignores what is asked.
    fn counting_of_new(&self, asked: Option<Counting>) -> Counting {
        let _ = asked;
        Counting::Exact
    }

    /// Deletes an experiment and says whether it had counters.
    ///
    /// # Errors
    /// When the store cannot be written. Deleting again continues where it stopped.
    fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Makes the sums of a goal anew with a cap, from the totals of the units, if it has another one.
    /// Says whether that is finished; if not, setting the cap again continues. Events are added
    /// meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn set_cap(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        goal: &Goal,
        cap: Option<Amount>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a variant or a goal from an experiment and says whether it had counters.
    ///
    /// # Errors
    /// When the store cannot be written. Pruning again continues where it stopped.
    fn prune(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        part: &Part,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
