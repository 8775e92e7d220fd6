//! [`Counters`]: the part of a store that reads and deletes what was counted.

use std::future::Future;

use abtest_model::{Experiment, Namespace, Tally};

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

/// Reads and deletes what a [`Recorder`] counted.
///
/// Laws that every backend keeps:
/// - The number of round trips of [`read`](Self::read) is bounded. It does not grow with the
///   number of experiments or counters.
/// - After [`delete`](Self::delete) the experiment's counters and the documents that belong to them
///   (looks, control, baseline, alarm) are gone, and recording starts again from nothing. Its
///   definition stays.
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
}
