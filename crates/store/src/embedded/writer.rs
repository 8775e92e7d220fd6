//! The one thread that writes. It takes all waiting requests, commits them with one sync,
//! publishes the result to readers, and then answers.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use abtest_config::Limits;
use abtest_model::{Amount, Day, Event, Experiment, Goal, Namespace, Tally, Variant};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::answers::{Answer, Answers, Commit, Reply};
use super::catalog::{Catalog, Check, Counter, counter_name};
use super::disk::{Changes, Disk, now, seen_key, store_error};
use super::import::{ImportAnswer, ImportRequest};
use super::ledger::Ledger;
use super::open::{self, Opened};
use super::overlaps::{ComparedCounter, Comparison};
use super::snapshot::Snapshot;
use super::totals::Totals;
use super::values::{Ledgers, goal_name};
use crate::documents::{deletion_of, deletion_of_alarm};
use crate::{DocumentKey, HistoryEntry, Kind, Part, Refusal, StoreError, Write};

/// Most events in one commit, so that the first request does not wait long.
const COMMIT_EVENTS: usize = 8_192;

/// How many uuids of deleted counters are removed before the queue is looked at again.
const SWEEP: usize = 2_000;

/// What is asked of the writer.
pub(super) enum Request {
    Record {
        events: Vec<Event>,
        day: Option<Day>,
        /// Counts the events against the bound until they are recorded. It is kept here and not with the
        /// client's request, because the events stay in the queue when the client disconnects.
        permit: Option<OwnedSemaphorePermit>,
        reply: Reply<Vec<Result<(), Refusal>>>,
    },
    Delete {
        namespace: Namespace,
        experiment: Experiment,
        reply: Reply<bool>,
    },
    Prune {
        namespace: Namespace,
        experiment: Experiment,
        part: Part,
        reply: Reply<bool>,
    },
    SetCap {
        namespace: Namespace,
        experiment: Experiment,
        goal: Goal,
        cap: Option<Amount>,
        reply: Reply<bool>,
    },
    Health {
        reply: Reply<()>,
    },
    Commit {
        commit: DocumentCommit,
        reply: Reply<Commit>,
    },
    History {
        namespace: Namespace,
        key: DocumentKey,
        reply: Reply<Vec<HistoryEntry>>,
    },
    Compare {
        namespace: Namespace,
        tally: Tally,
        reply: Reply<Comparison>,
    },
    Import {
        request: ImportRequest,
        reply: Reply<ImportAnswer>,
    },
}

/// A commit of documents.
pub(super) struct DocumentCommit {
    pub(super) namespace: Namespace,
    pub(super) based_on: Option<u64>,
    pub(super) writes: Vec<Write>,
}

impl Request {
    /// The answer when nothing can be done.
    fn failed(self, error: &StoreError) -> Answer {
        match self {
            Self::Record { reply, .. } => Answer::Recorded(reply, Err(error.clone())),
            Self::Delete { reply, .. } | Self::Prune { reply, .. } | Self::SetCap { reply, .. } => {
                Answer::Deleted(reply, Err(error.clone()))
            }
            Self::Health { reply } => Answer::Healthy(reply, Err(error.clone())),
            Self::Commit { reply, .. } => Answer::Committed(reply, Err(error.clone())),
            Self::History { reply, .. } => Answer::History(reply, Err(error.clone())),
            Self::Compare { reply, .. } => Answer::Comparison(reply, Err(error.clone())),
            Self::Import { reply, .. } => Answer::Imported(reply, Err(error.clone())),
        }
    }
}

/// The writer and what only it may touch.
pub(super) struct Writer {
    folder: PathBuf,
    limits: Limits,
    requests: mpsc::Receiver<Request>,
    snapshot: Arc<RwLock<Snapshot>>,
    /// `None` after the disk failed: then the key-value store must be opened again.
    open: Option<Open>,
    /// A compaction that ran when the disk failed. The folder can be opened again once it ends.
    compaction: Option<JoinHandle<()>>,
    /// Whether no write has succeeded since one failed.
    write_failed: bool,
}

pub(super) struct Open {
    pub(super) disk: Disk,
    pub(super) catalog: Catalog,
    /// The documents, with the changes of the requests at hand.
    pub(super) documents: Ledger,
    /// The sums of counters with values, with the changes of the requests at hand.
    pub(super) values: Ledgers,
    /// Whether uuids of deleted counters may be left.
    pub(super) sweeping: bool,
    /// Counters of unfinished imports, which must not be swept.
    pub(super) staged: HashSet<u64>,
}

impl Writer {
    pub(super) fn new(
        folder: PathBuf,
        limits: Limits,
        requests: mpsc::Receiver<Request>,
    ) -> Result<(Self, Arc<RwLock<Snapshot>>), super::OpenError> {
        let (open, snapshot) = Open::new(open::open(&folder)?);
        let (open, snapshot) = (Some(open), Arc::new(RwLock::new(snapshot)));
        let shared = Arc::clone(&snapshot);
        let writer = Self {
            folder,
            limits,
            requests,
            snapshot: shared,
            open,
            compaction: None,
            write_failed: false,
        };
        Ok((writer, snapshot))
    }

    /// Works until the store is dropped.
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
        if let Some(compaction) = self.compaction.take() {
            // A thread that panicked has nothing left to finish.
            let _ = compaction.join();
        }
    }

    /// The next request. Meanwhile deleted counters are swept.
    fn next(&mut self) -> Option<Request> {
        while let Some(open) = self.open.as_mut().filter(|open| open.sweeping) {
            match self.requests.try_recv() {
                Ok(request) => return Some(request),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => match open.disk.sweep(SWEEP, &open.staged) {
                    Ok(finished) => open.sweeping = !finished,
                    Err(error) => {
                        tracing::error!(%error, "deleted counters cannot be swept");
                        self.write_failed = true;
                        self.close();
                    }
                },
            }
        }
        self.requests.blocking_recv()
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let (limits, write_failed) = (self.limits, self.write_failed);
        let open = match self.reopen() {
            Ok(open) => open,
            Err(error) => {
                let failed = requests.into_iter().map(|request| request.failed(&error));
                return Answers::new(failed.collect()).send();
            }
        };
        let mut answers = Vec::with_capacity(requests.len());
        let mut changes = Changes::at(now());
        let asked = requests.iter().any(|request| matches!(request, Request::Health { .. }));
        changes.is_probe = write_failed && asked;
        let applied = open.apply(requests, &limits, &mut changes, &mut answers);
        match applied.and_then(|()| open.commit(&changes)) {
            Ok(()) => {
                self.write_failed &= changes.is_empty();
                self.publish(&changes);
                Answers::new(answers).send();
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed; nothing of it is acknowledged");
                self.write_failed = true;
                // The catalog is ahead of the disk now: the next request reads both again.
                self.close();
                let error = store_error(&error);
                let failed = answers.into_iter().map(|answer| answer.failed(&error));
                Answers::new(failed.collect()).send();
            }
        }
    }

    /// Closes the disk after it failed. Requests get an answer while a compaction still runs.
    fn close(&mut self) {
        self.compaction = self.open.take().and_then(|mut open| open.disk.take_compaction());
    }

    /// What is open, opened again if the disk failed before.
    fn reopen(&mut self) -> Result<&mut Open, StoreError> {
        if self.compaction.as_ref().is_some_and(|compaction| !compaction.is_finished()) {
            return Err(StoreError::Unreachable("it is about to be opened again".into()));
        }
        self.compaction = None;
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let opened = open::open(&self.folder).map_err(|error| {
                    tracing::error!(%error, "nothing can be recorded");
                    StoreError::from(error)
                })?;
                let (open, snapshot) = Open::new(opened);
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
                open
            }
        };
        Ok(self.open.insert(open))
    }

    fn publish(&self, changes: &Changes) {
        let mut snapshot = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        // Deleted experiments go first: they may have been recorded again since.
        for (namespace, experiment) in &changes.deleted {
            snapshot.remove(namespace, experiment);
        }
        for (namespace, experiment, part) in &changes.pruned {
            snapshot.prune(namespace, experiment, part);
        }
        for (name, counter) in &changes.counters {
            if let Some(counter) = counter {
                snapshot.set(name, counter.count);
            }
        }
        for ((name, id, day), new) in &changes.new {
            // What a counter had before it was deleted in the same commit is gone with it.
            if !changes.removed.contains(id) {
                snapshot.add(name, *day, *new);
            }
        }
        for ((name, id, allocation), new) in &changes.allocated {
            if !changes.removed.contains(id) {
                snapshot.add_allocated(name, *allocation, *new);
            }
        }
        for (id, (name, values)) in &changes.values {
            if !changes.removed.contains(id) {
                snapshot.set_values(name, values);
            }
        }
        for changed in &changes.documents {
            snapshot.documents.apply(changed);
        }
    }
}

impl Open {
    fn new(opened: Opened) -> (Self, Snapshot) {
        let Opened { disk, catalog, values, snapshot } = opened;
        let documents = snapshot.documents.clone();
        let staged = HashSet::new();
        (Self { disk, catalog, documents, values, sweeping: true, staged }, snapshot)
    }

    /// Works out what the requests change, and the answers for when that is on disk.
    fn apply(
        &mut self,
        requests: Vec<Request>,
        limits: &Limits,
        changes: &mut Changes,
        answers: &mut Vec<Answer>,
    ) -> fjall::Result<()> {
        let today = Day::of_unix_time(changes.at / 1_000);
        let mut failed = Ok(());
        for request in requests {
            let answer = match request {
                Request::Record { events, day, permit: _permit, reply } => {
                    let day = day.unwrap_or(today);
                    let mut outcomes = Vec::with_capacity(events.len());
                    for event in &events {
                        match self.record(event, day, limits, changes) {
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
                Request::Prune { namespace, experiment, part, reply } => {
                    let pruned = self.prune(namespace, experiment, part, changes);
                    Answer::Deleted(reply, Ok(pruned))
                }
                Request::SetCap { namespace, experiment, goal, cap, reply } => {
                    match self.set_cap((&namespace, &experiment, &goal), cap, changes) {
                        Ok(()) => Answer::Deleted(reply, Ok(true)),
                        Err(error) => {
                            let answer = Answer::Deleted(reply, Err(store_error(&error)));
                            failed = Err(error);
                            answer
                        }
                    }
                }
                Request::Health { reply } => Answer::Healthy(reply, Ok(())),
                Request::Commit { commit, reply } => {
                    Answer::Committed(reply, Ok(self.commit_documents(commit, changes)))
                }
                Request::History { namespace, key, reply } => {
                    let history = self.disk.history(&namespace, &key);
                    Answer::History(reply, history)
                }
                Request::Compare { namespace, tally, reply } => {
                    let counter = |(goal, variant, _): (&Goal, &Variant, u64)| {
                        let name = counter_name(&namespace, &tally.experiment, goal, variant);
                        let (goal, variant) = (goal.clone(), variant.clone());
                        Some(ComparedCounter { goal, variant, counter: self.catalog.find(&name)? })
                    };
                    let counters = tally.counters().filter_map(counter).collect();
                    Answer::Comparison(reply, Ok(self.disk.comparison(counters)))
                }
                Request::Import { request, reply } => {
                    match self.import(request, limits, today, changes) {
                        Ok(answer) => Answer::Imported(reply, answer),
                        Err(error) => {
                            let answer = Answer::Imported(reply, Err(store_error(&error)));
                            failed = Err(error);
                            answer
                        }
                    }
                }
            };
            answers.push(answer);
        }
        failed
    }

    fn record(
        &mut self,
        event: &Event,
        day: Day,
        limits: &Limits,
        changes: &mut Changes,
    ) -> fjall::Result<Result<(), Refusal>> {
        let Event { namespace, experiment, goal, variant, .. } = event;
        let name = counter_name(namespace, experiment, goal, variant);
        let known = self.catalog.find(&name).map(|counter| counter.id);
        let addition = match event.value {
            None => None,
            Some(value) => {
                match self.values.addition(self.disk.values(), changes, event, known, value)? {
                    Ok(addition) => addition,
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
        };
        let check = Check { limits, documents: &self.documents, at: changes.at };
        let counter = match self.catalog.counter(event, &name, &check, &mut changes.new_names) {
            Ok(counter) => counter,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let key = seen_key(counter.id, &event.uuid);
        if !changes.seen.contains(&key) && !self.disk.was_seen(&key)? {
            changes.seen.insert(key);
            *changes.new.entry((name.clone(), counter.id, day)).or_default() += 1;
            if let Some(allocation) = event.allocation {
                let counted = (name.clone(), counter.id, allocation);
                *changes.allocated.entry(counted).or_default() += 1;
            }
            let counter = self.catalog.count_uuid(&name);
            changes.counters.insert(name.clone(), counter);
        }
        if let Some(addition) = addition {
            let documents = &self.documents;
            let cap = || declared_cap(documents, event);
            self.values.add(event, &name, counter.id, cap, addition, changes);
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
        let deleted = self.remove(counters, changes);
        self.catalog.free_new_names(namespace, changes.at, &mut changes.new_names);
        self.delete_documents(namespace, deletion_of(experiment), changes);
        changes.deleted.push((namespace.clone(), experiment.clone()));
        deleted
    }

    fn prune(
        &mut self,
        namespace: Namespace,
        experiment: Experiment,
        part: Part,
        changes: &mut Changes,
    ) -> bool {
        let counters = self.catalog.prune(&namespace, &experiment, &part);
        let pruned = self.remove(counters, changes);
        self.catalog.free_new_names(&namespace, changes.at, &mut changes.new_names);
        self.delete_documents(&namespace, deletion_of_alarm(&experiment), changes);
        changes.pruned.push((namespace, experiment, part));
        pruned
    }

    /// Removes counters and says whether there were any.
    fn remove(&mut self, counters: Vec<(String, Counter)>, changes: &mut Changes) -> bool {
        let removed = !counters.is_empty();
        let ids: Vec<u64> = counters.iter().map(|(_, counter)| counter.id).collect();
        self.values.remove(&ids);
        for (name, Counter { id, .. }) in counters {
            changes.counters.insert(name, None);
            changes.removed.push(id);
        }
        self.sweeping |= removed;
        removed
    }

    /// Makes the sums of a goal anew with another cap.
    fn set_cap(
        &mut self,
        (namespace, experiment, goal): (&Namespace, &Experiment, &Goal),
        cap: Option<Amount>,
        changes: &mut Changes,
    ) -> fjall::Result<()> {
        let goal = goal_name(namespace, experiment, goal);
        for (name, counter) in self.catalog.counters_of(&goal) {
            let place = (goal.as_str(), name.as_str(), counter.id);
            self.values.set_cap(self.disk.values(), changes, place, cap)?;
        }
        Ok(())
    }

    fn delete_documents(
        &mut self,
        namespace: &Namespace,
        writes: Vec<Write>,
        changes: &mut Changes,
    ) {
        let commit = DocumentCommit { namespace: namespace.clone(), based_on: None, writes };
        // It expects nothing, so it cannot be refused.
        let _ = self.commit_documents(commit, changes);
    }

    pub(super) fn commit_documents(
        &mut self,
        commit: DocumentCommit,
        changes: &mut Changes,
    ) -> Commit {
        let DocumentCommit { namespace, based_on, writes } = commit;
        let (committed, changed) =
            self.documents.commit(&namespace, based_on, writes, changes.at)?;
        if let Some(changed) = changed {
            self.documents.apply(&changed);
            changes.documents.push(changed);
        }
        Ok(committed)
    }

    /// Duplicates change nothing and need no sync: the originals are on disk.
    fn commit(&mut self, changes: &Changes) -> fjall::Result<()> {
        if changes.is_empty() { Ok(()) } else { self.disk.commit(changes, self.totals()) }
    }

    /// What there is of counters and documents, with the changes of the requests at hand.
    fn totals(&self) -> Totals {
        let of_counters = self.catalog.totals();
        Totals {
            documents: self.documents.records(),
            digest: of_counters.digest ^ self.documents.digest(),
            ..of_counters
        }
    }
}

/// The cap that the definition of the event's experiment declares for its goal.
fn declared_cap(documents: &Ledger, event: &Event) -> Option<Amount> {
    let document = documents.get(&event.namespace, &Kind::Definition.of(&event.experiment))?;
    let document: abtest_model::definition::Document = document.parse().ok()?;
    document.definition.goal(event.goal.as_str())?.cap_amount()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_get_an_answer_while_a_compaction_outlives_a_failed_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (_queue, requests) = mpsc::channel(1);
        let (mut writer, _) =
            Writer::new(folder.path().to_owned(), Limits::default(), requests).unwrap();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        writer.close();
        writer.compaction = Some(std::thread::spawn(move || ended.recv().unwrap()));
        assert!(matches!(writer.reopen(), Err(StoreError::Unreachable(_))));
        end.send(()).unwrap();
        while !writer.compaction.as_ref().unwrap().is_finished() {
            std::thread::yield_now();
        }
        assert!(writer.reopen().is_ok());
    }
}
