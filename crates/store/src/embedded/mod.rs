//! Counters and documents in one folder on disk, with nothing to install. Counts exactly.
//!
//! | module | holds |
//! |---|---|
//! | `open` | opens a folder, and refuses one that lost something |
//! | `files`, `journal`, `keyspaces` | find damaged files before they are opened |
//! | `copies` | keep the files as they were until it is known that nothing is lost |
//! | `disk` | what the key-value store (fjall) holds, and one durable commit |
//! | `catalog` | the writer's list of counters, and the limits |
//! | `ledger` | the documents |
//! | `record` | the bytes of a document, with a checksum |
//! | `snapshot` | what is on disk, in memory for readers |
//! | `space` | gives the disk space of removed records back |
//! | `writer` | the one thread that writes |
//! | `answers` | sends the answers of a commit with one wake-up |
//! | `totals` | how much there is after a commit |
//! | `values` | the totals of units, and what they add up to |
//! | `watermark` | the last totals in a file of their own, so that a loss is noticed |
//! | `check` | says what is wrong with a folder |
//! | `repair` | saves what can be read of a damaged folder |
//! | `finding` | what is wrong, in words |
//! | `overlaps` | compares the uuids of counters |
//! | `export` | reads an experiment out of a folder |
//! | `import` | stages an experiment and publishes it in one commit |
//! | `legacy` | the files in which format 1 kept looks and controls |
//!
//! The path of an event: its request goes into the writer's queue. The writer takes all waiting
//! requests, finds out which uuids are new, commits them with one sync, publishes the counts and
//! then answers. So concurrent requests share a sync, and a single request waits for no other.
//! Reading takes the published counts and documents from memory and never waits for the disk.

mod answers;
mod catalog;
mod check;
mod copies;
mod disk;
mod export;
mod files;
mod finding;
mod import;
mod journal;
mod keyspaces;
mod ledger;
mod legacy;
mod open;
mod overlaps;
mod record;
mod repair;
mod snapshot;
mod space;
mod totals;
mod values;
mod watermark;
mod writer;

pub use check::{Check, Contents, check};
pub use export::export;
pub use finding::Finding;
pub use repair::{Before, Repaired, repair};

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use abtest_config::Limits;
use abtest_model::{Amount, Day, Event, Experiment, Goal, Namespace, Tally};
use tokio::sync::{mpsc, oneshot};

use crate::admission::Admission;
use crate::{
    CommitError, Committed, CountedNamespace, Counters, DamagedRecord, Danger, Document,
    DocumentKey, Documents, HistoryEntry, Include, Kind, NamespaceSnapshot, Overlaps, Part,
    Recorder, Refusal, StoreError, Write,
};
use answers::Reply;
use disk::store_error;
use snapshot::Snapshot;
use writer::{DocumentCommit, Request, Writer};

/// Requests in the writer's queue. More wait outside of it, as far as they are admitted.
const QUEUE: usize = 1_024;

/// A store in a folder.
pub struct EmbeddedStore {
    queue: Option<mpsc::Sender<Request>>,
    snapshot: Arc<RwLock<Snapshot>>,
    writer: Option<std::thread::JoinHandle<()>>,
    admission: Admission,
}

/// Why a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the data in {folder} is in use by another abtest; stop that one, or choose another folder"
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A later version wrote it.
    #[error("the data in {folder} was written by a newer abtest (format {found}); update this one")]
    Newer {
        /// The folder.
        folder: PathBuf,
        /// The format found.
        found: String,
    },
    /// Something that was acknowledged is missing or cannot be read.
    #[error(
        "the data in {folder} are damaged: {}. Nothing was changed. Run `abtest data check` to see \
         everything that is wrong; then restore the folder from a backup, or run `abtest data \
         repair` to continue with what can be saved",
        finding::summary(findings)
    )]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What is wrong. There is at least one finding.
        findings: Vec<Finding>,
    },
    /// The format number makes no sense.
    #[error(
        "the data in {folder} have the unknown format `{found}`; they are damaged, or another \
         program wrote them"
    )]
    UnknownFormat {
        /// The folder.
        folder: PathBuf,
        /// The format found.
        found: String,
    },
    /// The folder cannot be read or written.
    #[error("the data in {folder} cannot be opened: {reason}")]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// What the system or the key-value store says.
        reason: String,
    },
}

impl OpenError {
    fn disk(folder: &Path, reason: impl ToString) -> Self {
        Self::Disk { folder: folder.to_owned(), reason: reason.to_string() }
    }

    fn damaged(folder: &Path, problem: impl Into<String>) -> Self {
        let findings = vec![Finding::of_contents(problem)];
        Self::Damaged { folder: folder.to_owned(), findings }
    }

    /// What the key-value store says. If it is not the system that failed, the files are damaged.
    fn database(folder: &Path, error: &fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => Self::InUse { folder: folder.to_owned() },
            fjall::Error::Io(error) if error.kind() != ErrorKind::UnexpectedEof => {
                Self::disk(folder, error)
            }
            error => Self::damaged(folder, format!("a file cannot be read ({error})")),
        }
    }
}

/// What a folder that cannot be opened again means for the requests that wait.
impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        Self::Disk(match error {
            OpenError::InUse { .. } => "the data are in use by another abtest".into(),
            OpenError::Newer { found, .. } => {
                format!("the data were written by a newer abtest (format {found})")
            }
            OpenError::Damaged { findings, .. } => {
                format!("the data are damaged: {}", finding::summary(&findings))
            }
            OpenError::UnknownFormat { .. } => "the data have an unknown format".into(),
            OpenError::Disk { reason, .. } => reason,
        })
    }
}

impl EmbeddedStore {
    /// Opens the folder, or creates it.
    ///
    /// # Errors
    /// When it is in use, damaged, from a newer version, or cannot be read and written.
    pub fn open(folder: &Path, limits: Limits) -> Result<Self, OpenError> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (writer, snapshot) = Writer::new(folder.to_owned(), limits, requests)?;
        let writer = std::thread::Builder::new()
            .name("abtest-store".into())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Disk {
                folder: folder.to_owned(),
                reason: error.to_string(),
            })?;
        let admission = Admission::default();
        let (queue, writer) = (Some(queue), Some(writer));
        Ok(Self { queue, snapshot, writer, admission })
    }

    /// Records a batch as if it had come on `day`. For demonstrations and tests, which need a
    /// past; everything else records with [`Recorder::record`].
    ///
    /// # Errors
    /// As [`Recorder::record`].
    pub async fn record_on(
        &self,
        day: Day,
        events: Vec<Event>,
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        self.ask(|reply| Request::Record { events, day: Some(day), permit: None, reply }).await
    }

    fn read_snapshot(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let closed = || StoreError::Unreachable("it is shutting down".into());
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(request(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.answer
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // If the writer panicked, there is nothing left to finish.
            let _ = writer.join();
        }
    }
}

impl Recorder for EmbeddedStore {
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let permit = Some(self.admission.admit(events.len())?);
        self.ask(|reply| Request::Record { events, day: None, permit, reply }).await
    }

    async fn health(&self) -> Result<Vec<Danger>, StoreError> {
        self.ask(|reply| Request::Health { reply }).await?;
        let records = self.damaged().len();
        Ok(if records == 0 { Vec::new() } else { vec![Danger::Damaged { records }] })
    }
}

impl Counters for EmbeddedStore {
    async fn read(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
        include: Include,
    ) -> Result<Vec<Tally>, StoreError> {
        Ok(self.read_snapshot().tallies(namespace, scope, include))
    }

    async fn counted(&self) -> Result<Vec<CountedNamespace>, StoreError> {
        Ok(self.read_snapshot().counted())
    }

    /// It reads beside the writer, so recording does not wait for it.
    async fn overlaps(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Option<Overlaps>, StoreError> {
        let scope = Some(std::slice::from_ref(experiment));
        let tally = self.read_snapshot().tallies(namespace, scope, Include::COUNTS).pop();
        let Some(tally) = tally else { return Ok(None) };
        let namespace = namespace.clone();
        let comparison = self.ask(|reply| Request::Compare { namespace, tally, reply }).await?;
        let compared = tokio::task::spawn_blocking(move || comparison.run()).await;
        let overlaps = compared.map_err(|error| StoreError::Disk(error.to_string()))?;
        overlaps.map(Some).map_err(|error| store_error(&error))
    }

    /// Counters and documents go in one commit.
    async fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        let (namespace, experiment) = (namespace.clone(), experiment.clone());
        self.ask(|reply| Request::Delete { namespace, experiment, reply }).await
    }

    async fn prune(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        part: &Part,
    ) -> Result<bool, StoreError> {
        let (namespace, experiment, part) = (namespace.clone(), experiment.clone(), part.clone());
        self.ask(|reply| Request::Prune { namespace, experiment, part, reply }).await
    }

    /// All in one commit. Recording waits for it, about a second per million units.
    async fn set_cap(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        goal: &Goal,
        cap: Option<Amount>,
    ) -> Result<bool, StoreError> {
        let (namespace, experiment, goal) = (namespace.clone(), experiment.clone(), goal.clone());
        self.ask(|reply| Request::SetCap { namespace, experiment, goal, cap, reply }).await
    }
}

impl Documents for EmbeddedStore {
    async fn get(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Option<Document>, StoreError> {
        Ok(self.read_snapshot().documents.get(namespace, key))
    }

    async fn list(
        &self,
        namespace: &Namespace,
        kinds: &[Kind],
        names: Option<&[Experiment]>,
    ) -> Result<Vec<Document>, StoreError> {
        Ok(self.read_snapshot().documents.list(namespace, kinds, names))
    }

    async fn snapshot(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        Ok(self.read_snapshot().documents.snapshot(namespace, unless_version))
    }

    async fn definitions(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        let snapshot = self.read_snapshot().documents.snapshot(namespace, unless_version);
        Ok(snapshot.map(|mut snapshot| {
            snapshot.documents.retain(|document| Kind::DEFINING.contains(&document.key.kind));
            snapshot
        }))
    }

    async fn defining_keys(
        &self,
        namespaces: &[Namespace],
    ) -> Result<Vec<Vec<DocumentKey>>, StoreError> {
        let documents = &self.read_snapshot().documents;
        Ok(namespaces.iter().map(|namespace| documents.defining_keys(namespace)).collect())
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        Ok(self.read_snapshot().documents.namespaces())
    }

    async fn version(&self, namespace: &Namespace) -> Result<u64, StoreError> {
        Ok(self.read_snapshot().documents.version(namespace))
    }

    async fn commit(
        &self,
        namespace: &Namespace,
        based_on: Option<u64>,
        writes: Vec<Write>,
    ) -> Result<Committed, CommitError> {
        let commit = DocumentCommit { namespace: namespace.clone(), based_on, writes };
        self.ask(|reply| Request::Commit { commit, reply }).await?
    }

    async fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let (namespace, key) = (namespace.clone(), key.clone());
        self.ask(|reply| Request::History { namespace, key, reply }).await
    }

    fn damaged(&self) -> Vec<DamagedRecord> {
        self.read_snapshot().damaged()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn events_count_against_the_bound_until_they_are_recorded_also_without_their_client() {
        // The writer does nothing.
        let (queue, mut requests) = mpsc::channel(QUEUE);
        let store = EmbeddedStore {
            queue: Some(queue),
            snapshot: Arc::default(),
            writer: None,
            admission: Admission::new(10),
        };
        let event = abtest_model::Query::parse("experiment=e&variant=v&event=g&uuid=u");
        let event = Event::from_query(&event.unwrap()).unwrap();
        let send = |events: usize| {
            let mut record = Box::pin(store.record(vec![event.clone(); events]));
            record.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            // The client disconnects.
        };
        assert!(send(6).is_pending());
        assert!(send(5).is_ready(), "there is room for four");
        drop(requests.try_recv().unwrap());
        assert!(send(5).is_pending());
    }
}
