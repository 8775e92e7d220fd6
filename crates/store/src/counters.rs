//! [`Counters`]: the part of a store that reads and deletes what was counted.

use std::future::Future;

use abtest_model::{Experiment, Goal, Namespace, Tally, Variant};

use crate::{Recorder, StoreError};

/// What [`Counters::read`] reads besides the counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// Fills [`Tally::timeline`]: how many uuids were new on each UTC day.
    pub days: bool,
    /// Fills [`Tally::memory`], where the store keeps counters in memory.
    pub memory: bool,
}

impl Include {
    /// The counts alone.
    pub const COUNTS: Self = Self { days: false, memory: false };
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
/// - The number of round trips of [`read`](Self::read) is bounded. It does not grow with the
///   number of experiments or counters.
/// - After [`delete`](Self::delete) the experiment's counters and the documents that belong to them
///   (looks, control, baseline, alarm) are gone, and recording starts again from nothing. Its
///   definition stays.
/// - After [`prune`](Self::prune) the counters and time lines of the part are gone, and the sample ratio
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

    /// Deletes an experiment and says whether it had counters.
    ///
    /// # Errors
    /// When the store cannot be written. Deleting again continues where it stopped.
    fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
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
