//! Concurrent requests share a round trip: while one script runs, the events of the requests that
//! arrive wait, and go together in the next. A lone request goes at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abtest_model::Event;
use tokio::sync::oneshot;

use crate::{Refusal, StoreError};

/// What became of a batch.
pub(super) type Recorded = Result<Vec<Result<(), Refusal>>, StoreError>;

/// Most events in one script, so that Redis is back to others within a millisecond or two.
const SCRIPT_EVENTS: usize = 512;

/// Requests that wait for the next round trip.
#[derive(Default)]
pub(super) struct Gather {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    running: bool,
}

struct Waiting {
    events: Vec<Event>,
    reply: oneshot::Sender<Recorded>,
}

impl Gather {
    /// Records events with whatever else waits. `record` runs in a task of its own, so that a
    /// browser that hangs up takes nobody's answer away.
    pub(super) async fn record<F>(
        self: &Arc<Self>,
        events: Vec<Event>,
        record: impl Fn(Arc<Vec<Event>>) -> F + Send + 'static,
    ) -> Recorded
    where
        F: Future<Output = Recorded> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let start = {
            let mut state = self.lock();
            state.waiting.push(Waiting { events, reply });
            !std::mem::replace(&mut state.running, true)
        };
        if start {
            tokio::spawn(Arc::clone(self).run(record));
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Unreachable("it is shutting down".into())))
    }

    async fn run<F>(self: Arc<Self>, record: impl Fn(Arc<Vec<Event>>) -> F + Send)
    where
        F: Future<Output = Recorded> + Send,
    {
        while let Some(requests) = self.next() {
            let (mut events, mut replies) = (Vec::new(), Vec::with_capacity(requests.len()));
            for Waiting { events: more, reply } in requests {
                replies.push((more.len(), reply));
                events.extend(more);
            }
            let recorded = record(Arc::new(events)).await;
            let mut outcomes = recorded.map(Vec::into_iter);
            for (count, reply) in replies {
                let answer = match &mut outcomes {
                    Ok(outcomes) => Ok(outcomes.take(count).collect()),
                    Err(error) => Err(error.clone()),
                };
                // Who does not wait any more does not mind.
                let _ = reply.send(answer);
            }
        }
    }

    /// What waits, up to a script's fill; none ends the running.
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
