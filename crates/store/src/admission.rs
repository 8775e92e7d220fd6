//! Bounds the events that wait in memory to be stored, so that a slow store cannot fill it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StoreError;

/// Most events that may wait: some 20 MB, and a second's work of a store.
pub(crate) const MAX_WAITING_EVENTS: u32 = 65_536;

/// Admits events until the bound is reached.
pub(crate) struct Admission {
    bound: u32,
    free: Arc<Semaphore>,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(MAX_WAITING_EVENTS)
    }
}

impl Admission {
    pub(crate) fn new(bound: u32) -> Self {
        Self { bound, free: Arc::new(Semaphore::new(bound as usize)) }
    }

    /// Admits a request's events, until the permit is dropped.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when too many others wait.
    pub(crate) fn admit(&self, events: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        // A request larger than the bound waits alone.
        let events = u32::try_from(events).unwrap_or(u32::MAX).min(self.bound);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(events);
        permit.map_err(|_| StoreError::Overloaded { waiting: self.bound })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_requests_are_refused_until_others_are_done() {
        let admission = Admission::new(10);
        let first = admission.admit(6).unwrap();
        let _second = admission.admit(4).unwrap();
        let overloaded = Err(StoreError::Overloaded { waiting: 10 });
        assert_eq!(admission.admit(1).map(drop), overloaded);
        drop(first);
        assert!(admission.admit(6).is_ok());
        assert_eq!(admission.admit(500).map(drop), overloaded);
    }

    #[test]
    fn a_request_larger_than_the_bound_is_admitted_alone() {
        let admission = Admission::new(10);
        let _large = admission.admit(500).unwrap();
        assert!(admission.admit(1).is_err());
    }
}
