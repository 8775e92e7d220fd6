//! The one thread that writes: it gathers what waits, commits once, publishes, answers all.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use abtest_model::{Day, Event, Experiment, Limits, Namespace};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::answers::{Answer, Answers, Reply};
use super::catalog::{Catalog, Counter, counter_name};
use super::disk::{Changes, Disk, seen_key, store_error};
use super::published::Published;
use crate::{Refusal, StoreError};

/// Most events in one commit, so that the first to wait does not wait long.
const COMMIT_EVENTS: usize = 8_192;

/// How many uuids of deleted counters are removed before the queue is looked at again.
const SWEEP: usize = 2_000;

/// What is asked of the writer.
pub(super) enum Request {
    Record { events: Vec<Event>, reply: Reply<Vec<Result<(), Refusal>>> },
    Delete { namespace: Namespace, experiment: Experiment, reply: Reply<bool> },
    Health { reply: Reply<()> },
}

impl Request {
    /// The answer when nothing can be done.
    fn failed(self, error: &StoreError) -> Answer {
        match self {
            Self::Record { reply, .. } => Answer::Recorded(reply, Err(error.clone())),
            Self::Delete { reply, .. } => Answer::Deleted(reply, Err(error.clone())),
            Self::Health { reply } => Answer::Healthy(reply, Err(error.clone())),
        }
    }
}

/// The writer and what only it may touch.
pub(super) struct Writer {
    folder: PathBuf,
    limits: Limits,
    requests: mpsc::Receiver<Request>,
    published: Arc<RwLock<Published>>,
    /// None after the disk failed: the key-value store must then be opened anew.
    open: Option<Open>,
}

struct Open {
    disk: Disk,
    catalog: Catalog,
    /// Whether uuids of deleted counters may be left.
    sweeping: bool,
}

impl Writer {
    pub(super) fn new(
        folder: PathBuf,
        limits: Limits,
        requests: mpsc::Receiver<Request>,
    ) -> Result<(Self, Arc<RwLock<Published>>), super::OpenError> {
        let (disk, catalog, published) = Disk::open(&folder)?;
        let published = Arc::new(RwLock::new(published));
        let open = Some(Open { disk, catalog, sweeping: true });
        Ok((Self { folder, limits, requests, published: Arc::clone(&published), open }, published))
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(first) = self.next() {
            let mut requests = vec![first];
            let mut events = 0;
            while events < COMMIT_EVENTS {
                let Ok(request) = self.requests.try_recv() else { break };
                if let Request::Record { events: more, .. } = &request {
                    events += more.len();
                }
                requests.push(request);
            }
            self.serve(requests);
        }
    }

    /// The next request; while there is none, deleted counters are swept.
    fn next(&mut self) -> Option<Request> {
        while let Some(open) = self.open.as_mut().filter(|open| open.sweeping) {
            match self.requests.try_recv() {
                Ok(request) => return Some(request),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => match open.disk.sweep(SWEEP) {
                    Ok(finished) => open.sweeping = !finished,
                    Err(error) => {
                        tracing::error!(%error, "deleted counters cannot be swept");
                        self.open = None;
                    }
                },
            }
        }
        self.requests.blocking_recv()
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let limits = self.limits;
        let open = match self.reopen() {
            Ok(open) => open,
            Err(error) => {
                let failed = requests.into_iter().map(|request| request.failed(&error));
                return Answers::new(failed.collect()).send();
            }
        };
        let mut answers = Vec::with_capacity(requests.len());
        let mut changes = Changes::on(Day::today());
        let applied = open.apply(requests, &limits, &mut changes, &mut answers);
        match applied.and_then(|()| open.commit(&changes)) {
            Ok(()) => {
                self.publish(&changes);
                Answers::new(answers).send();
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed; nothing of it is acknowledged");
                // The catalog is ahead of the disk now: both are read anew at the next request.
                self.open = None;
                let error = store_error(&error);
                let failed = answers.into_iter().map(|answer| answer.failed(&error));
                Answers::new(failed.collect()).send();
            }
        }
    }

    /// What is open, opened anew if the disk failed before.
    fn reopen(&mut self) -> Result<&mut Open, StoreError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let (disk, catalog, published) = Disk::open(&self.folder).map_err(|error| {
                    tracing::error!(%error, "nothing can be recorded");
                    StoreError::from(error)
                })?;
                *self.published.write().unwrap_or_else(PoisonError::into_inner) = published;
                Open { disk, catalog, sweeping: true }
            }
        };
        Ok(self.open.insert(open))
    }

    fn publish(&self, changes: &Changes) {
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        // Deleted ones first: their experiment goes as a whole, and may have come back since.
        let (deleted, counted): (Vec<_>, Vec<_>) =
            changes.counters.iter().partition(|(_, counter)| counter.is_none());
        for (name, counter) in deleted.into_iter().chain(counted) {
            published.set(name, counter.map(|counter| counter.count));
        }
        for ((name, id), new) in &changes.new {
            // What a counter had before it was deleted in the same commit is gone with it.
            if changes.removed.contains(id) {
                continue;
            }
            published.add(name, changes.day, *new);
        }
    }
}

impl Open {
    /// Works out what the requests change, and what will be answered once that is on disk.
    fn apply(
        &mut self,
        requests: Vec<Request>,
        limits: &Limits,
        changes: &mut Changes,
        answers: &mut Vec<Answer>,
    ) -> fjall::Result<()> {
        let mut failed = Ok(());
        for request in requests {
            let answer = match request {
                Request::Record { events, reply } => {
                    let mut outcomes = Vec::with_capacity(events.len());
                    for event in &events {
                        match self.record(event, limits, changes) {
                            Ok(outcome) => outcomes.push(outcome),
                            Err(error) => failed = Err(error),
                        }
                    }
                    Answer::Recorded(reply, Ok(outcomes))
                }
                Request::Delete { namespace, experiment, reply } => {
                    let deleted = self.delete(&namespace, &experiment, changes);
                    Answer::Deleted(reply, Ok(deleted))
                }
                Request::Health { reply } => Answer::Healthy(reply, Ok(())),
            };
            answers.push(answer);
        }
        failed
    }

    fn record(
        &mut self,
        event: &Event,
        limits: &Limits,
        changes: &mut Changes,
    ) -> fjall::Result<Result<(), Refusal>> {
        let name = counter_name(event);
        let counter = match self.catalog.counter(event, &name, limits) {
            Ok(counter) => counter,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let key = seen_key(counter.id, &event.uuid);
        if !changes.seen.contains(&key) && !self.disk.was_seen(&key)? {
            changes.seen.insert(key);
            counter.count += 1;
            *changes.new.entry((name.clone(), counter.id)).or_default() += 1;
            changes.counters.insert(name, Some(*counter));
        }
        Ok(Ok(()))
    }

    fn delete(
        &mut self,
        namespace: &Namespace,
        experiment: &Experiment,
        changes: &mut Changes,
    ) -> bool {
        let counters = self.catalog.remove(namespace, experiment);
        let deleted = !counters.is_empty();
        for (name, Counter { id, .. }) in counters {
            changes.counters.insert(name, None);
            changes.removed.push(id);
        }
        self.sweeping |= deleted;
        deleted
    }

    /// Duplicates change nothing and need no sync: what they repeat is on disk.
    fn commit(&self, changes: &Changes) -> fjall::Result<()> {
        if changes.counters.is_empty() { Ok(()) } else { self.disk.commit(changes) }
    }
}
