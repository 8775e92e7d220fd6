//! [`Recorder`]: the part of a store that counts events.

use std::collections::HashMap;
use std::future::Future;

use abtest_model::{Counting, Event, Experiment, Namespace};

use crate::{Danger, Refusal, StoreError};

/// Counts every uuid once per namespace, experiment, goal and variant.
///
/// Laws that every backend keeps:
/// - After [`record`](Self::record) acknowledges an event, every process reads it, also after a
///   crash.
/// - Recording an event again changes nothing, however often and however late.
/// - Names come back exactly as they were recorded.
/// - Past a limit, new names are refused one by one; known counters keep counting.
/// - An event that cannot be stored never fails the other events.
pub trait Recorder: Send + Sync + 'static {
    /// Records a batch and says for each event, in order, whether it is stored.
    ///
    /// # Errors
    /// When the store cannot be reached or cannot write. Then nothing of the batch is
    /// acknowledged, and it is safe to send it again.
    fn record(
        &self,
        events: Vec<Event>,
    ) -> impl Future<Output = Result<Vec<Result<(), Refusal>>, StoreError>> + Send;

    /// Says how experiments of a namespace are counted that have not begun yet: as their definitions
    /// ask for. Others begin as the store's settings say, and those that began keep their mode. This
    /// replaces what was said before. A store with one mode ignores it.
    fn count_as(&self, namespace: &Namespace, choices: HashMap<Experiment, Counting>) {
        let _ = (namespace, choices);
    }

    /// Checks that the store can be read and written now, and says what puts the counts at risk. It
    /// writes something if that is not known from the last write. What it writes does not stay.
    ///
    /// # Errors
    /// The reason why events cannot be stored.
    fn health(&self) -> impl Future<Output = Result<Vec<Danger>, StoreError>> + Send;
}
