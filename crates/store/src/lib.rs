//! Where counts are kept.
//!
//! [`Store`] is the contract; [`redis`](crate::redis) keeps the counters in Gimel's keys on a
//! Redis of the user's, [`embedded`] in one folder on disk, with nothing to install. Both pass
//! the same contract tests (`tests/contract`).

#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
#[cfg(feature = "redis")]
pub mod redis;
pub mod transfer;

use std::future::Future;

use abtest_model::{Event, Experiment, Look, Namespace, Tally, Variant};

pub use error::{Refusal, StoreError};

/// Counts every uuid once per namespace, experiment, goal and variant.
///
/// Laws that every backend keeps:
/// - What [`record`](Store::record) acknowledged is in the next [`tallies`](Store::tallies), from
///   any process, also after a crash.
/// - Recording an event again changes nothing, however often, however late.
/// - Names come back exactly as they were recorded.
/// - Past a limit new names are refused one by one; known counters go on.
/// - After [`delete`](Store::delete) an experiment's counters and looks are gone, and recording
///   starts again from nothing.
pub trait Store: Send + Sync + 'static {
    /// Records a batch, and tells of each event, in order, whether it is stored. An event that
    /// is refused does not keep the others from being stored.
    ///
    /// # Errors
    /// When the store cannot be reached or cannot write: then none of the batch is acknowledged,
    /// and sending it again is safe.
    fn record(
        &self,
        events: Vec<Event>,
    ) -> impl Future<Output = Result<Vec<Result<(), Refusal>>, StoreError>> + Send;

    /// The tallies of a namespace, by experiment name; or those of `scope`, in its order, empty
    /// where an experiment is unknown.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tallies(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
    ) -> impl Future<Output = Result<Vec<Tally>, StoreError>> + Send;

    /// Puts the time line into each tally: how many of its uuids were new on each UTC day, by the
    /// clock of whoever counts.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn timelines(
        &self,
        namespace: &Namespace,
        tallies: &mut [Tally],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Puts the memory that their counters use into tallies, where the store keeps them in memory;
    /// elsewhere nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn measure(
        &self,
        _namespace: &Namespace,
        _tallies: &mut [Tally],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Puts into tallies what other programs counted before, where the store was told.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn starting_values(
        &self,
        _namespace: &Namespace,
        _tallies: &mut [Tally],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Deletes an experiment with its counters, and tells whether it was there.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The looks taken at an experiment, those with fewer participants first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn looks(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> impl Future<Output = Result<Vec<Look>, StoreError>> + Send;

    /// Remembers a look, durably. A look at as many participants as an earlier one changes
    /// nothing.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn take_look(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        look: Look,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Puts into tallies the control that was chosen for each experiment, where one was.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn controls(
        &self,
        namespace: &Namespace,
        tallies: &mut [Tally],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps the chosen control with its experiment, durably; none forgets the choice.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn keep_control(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        control: Option<&Variant>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether the store can be reached now.
    ///
    /// # Errors
    /// Why not.
    fn health(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
