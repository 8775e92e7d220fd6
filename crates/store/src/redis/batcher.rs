//! Concurrent requests share a round trip: while one script runs, the events of new requests wait
//! and go together in the next. A single request goes at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abtest_model::Event;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::admission::Admission;
use crate::{Refusal, StoreError};

/// The answer to a batch.
pub(super) type Recorded = Result<Vec<Result<(), Refusal>>, StoreError>;

/// Most events in one script, so that Redis serves other clients within a millisecond or two.
const SCRIPT_EVENTS: usize = 512;

/// Requests that wait for the next round trip.
#[derive(Default)]
pub(super) struct Batcher {
    state: Mutex<State>,
    admission: Admission,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    running: bool,
}

struct Waiting {
    events: Vec<Event>,
    reply: oneshot::Sender<Recorded>,
    /// Counts the events against the bound until they are recorded. It is kept here and not in the
    /// request, because the events stay when the client disconnects.
    permit: OwnedSemaphorePermit,
}

impl Batcher {
    /// Records events together with those of other waiting requests. `record` runs in a task of
    /// its own, so a client that hangs up takes no other client's answer away.
    pub(super) async fn record<F>(
        self: &Arc<Self>,
        events: Vec<Event>,
        record: impl Fn(Arc<Vec<Event>>) -> F + Send + 'static,
    ) -> Recorded
    where
        F: Future<Output = Recorded> + Send + 'static,
    {
        let permit = self.admission.admit(events.len())?;
        let (reply, answer) = oneshot::channel();
        let start = {
            let mut state = self.lock();
            state.waiting.push_back(Waiting { events, reply, permit });
            !std::mem::replace(&mut state.running, true)
        };
        if start {
            tokio::spawn(Arc::clone(self).run(record));
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Unreachable("recording stopped".into())))
    }

    async fn run<F>(self: Arc<Self>, record: impl Fn(Arc<Vec<Event>>) -> F + Send)
    where
        F: Future<Output = Recorded> + Send,
    {
        let mut stop = StopGuard { batcher: &self, armed: true };
        while let Some(requests) = self.next() {
            let (mut events, mut permits) = (Vec::new(), Vec::with_capacity(requests.len()));
            let mut replies = Vec::with_capacity(requests.len());
            for Waiting { events: more, reply, permit } in requests {
                replies.push((more.len(), reply));
                permits.push(permit);
                events.extend(more);
            }
            let recorded = record(Arc::new(events)).await;
            // Before the answers, so that a client that has its answer is admitted again.
            drop(permits);
            let mut outcomes = recorded.map(Vec::into_iter);
            for (count, reply) in replies {
                let answer = match &mut outcomes {
                    Ok(outcomes) => Ok(outcomes.take(count).collect()),
                    Err(error) => Err(error.clone()),
                };
                // The receiver may be gone; ignore the error.
                let _ = reply.send(answer);
            }
        }
        stop.armed = false;
    }

    /// The waiting requests that fit into a script. `None` ends the run.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        let mut events = 0;
        let fit = state.waiting.iter().take_while(|waiting| {
            let first = events == 0;
            events += waiting.events.len();
            first || events <= SCRIPT_EVENTS
        });
        let fit = fit.count();
        state.running = fit > 0;
        (fit > 0).then(|| state.waiting.drain(..fit).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cleans up if the task ends early (it panicked, or its runtime stopped): the waiting requests
/// fail, and the next one starts a new task.
struct StopGuard<'a> {
    batcher: &'a Batcher,
    armed: bool,
}

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        if self.armed {
            let mut state = self.batcher.lock();
            state.running = false;
            state.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use abtest_model::{Experiment, Goal, Namespace, Uuid, Variant};
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use tokio::sync::Semaphore;

    use super::*;

    fn events(experiment: &str, count: usize) -> Vec<Event> {
        (0..count)
            .map(|number| Event {
                namespace: Namespace::default(),
                experiment: Experiment::new(experiment).unwrap(),
                variant: Variant::new("red").unwrap(),
                goal: Goal::new("g").unwrap(),
                uuid: Uuid::new(number.to_string()).unwrap(),
                allocation: None,
                value: None,
                id: None,
            })
            .collect()
    }

    async fn panic_at_a_bomb(events: Arc<Vec<Event>>) -> Recorded {
        let is_bomb = |event: &Event| event.experiment.as_str() == "bomb";
        assert!(!events.iter().any(is_bomb), "the test wants this panic");
        Ok(vec![Ok(()); events.len()])
    }

    #[tokio::test]
    async fn after_a_panic_the_next_request_is_recorded() {
        let batcher = Arc::new(Batcher::default());
        for _ in 0..2 {
            let failed = batcher.record(events("bomb", 1), panic_at_a_bomb).await;
            assert!(matches!(failed, Err(StoreError::Unreachable(_))), "{failed:?}");
            let recorded = batcher.record(events("e", 2), panic_at_a_bomb).await;
            assert_eq!(recorded, Ok(vec![Ok(()), Ok(())]));
        }
    }

    /// Records each script once the gate has a permit.
    fn record_behind(
        gate: &Arc<Semaphore>,
    ) -> impl Fn(Arc<Vec<Event>>) -> BoxFuture<'static, Recorded> + Send + 'static {
        let gate = Arc::clone(gate);
        move |events: Arc<Vec<Event>>| {
            let gate = Arc::clone(&gate);
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                Ok(vec![Ok(()); events.len()])
            })
        }
    }

    #[tokio::test]
    async fn a_client_that_disconnects_leaves_its_events_within_the_bound() {
        let batcher = Arc::new(Batcher { admission: Admission::new(10), ..Batcher::default() });
        let gate = Arc::new(Semaphore::new(0));
        for _ in 0..2 {
            let request = batcher.record(events("e", 5), record_behind(&gate));
            // The request is sent and then dropped, before its answer.
            assert!(request.now_or_never().is_none());
        }
        let refused = batcher.record(events("e", 1), record_behind(&gate)).await;
        assert_eq!(refused, Err(StoreError::Overloaded { waiting: 10 }));
        gate.add_permits(3);
        while batcher.admission.admit(10).is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(batcher.record(events("e", 1), record_behind(&gate)).await, Ok(vec![Ok(())]));
    }

    #[tokio::test]
    async fn a_slow_store_is_not_given_more_than_the_bound() {
        let batcher = Arc::new(Batcher { admission: Admission::new(10), ..Batcher::default() });
        let gate = Arc::new(Semaphore::new(0));
        let (first, slow) = (Arc::clone(&batcher), record_behind(&gate));
        let first = tokio::spawn(async move { first.record(events("e", 10), slow).await });
        while batcher.admission.admit(1).is_ok() {
            tokio::task::yield_now().await;
        }
        let refused = batcher.record(events("e", 1), record_behind(&gate)).await;
        assert_eq!(refused, Err(StoreError::Overloaded { waiting: 10 }));
        gate.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap().len(), 10);
        assert_eq!(batcher.record(events("e", 1), record_behind(&gate)).await, Ok(vec![Ok(())]));
    }
}
