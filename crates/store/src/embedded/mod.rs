//! Counters in one folder on disk, with nothing to install. Counts exactly.
//!
//! | module | holds |
//! |---|---|
//! | `disk` | what lies in the key-value store (fjall), and one durable commit |
//! | `catalog` | the writer's list of counters, and the limits |
//! | `published` | the counts that are on disk, for readers |
//! | `journal` | what is kept with experiments, looks and controls, in files |
//! | `writer` | the one thread that writes: it gathers what waits, commits once, answers all |
//! | `answers` | answering all at the price of one |
//!
//! An event's way: its request goes into the writer's queue; the writer takes all that wait,
//! looks up which uuids are new, commits them with one sync, and only then publishes the counts
//! and answers. So concurrent requests share a sync, and a lone one waits for nobody. Reading
//! takes the published counts from memory and never waits for the disk.

mod answers;
mod catalog;
mod disk;
mod export;
mod journal;
mod published;
mod writer;

pub use export::export;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use abtest_model::{Event, Experiment, Limits, Look, Namespace, Tally, Variant, look};
use tokio::sync::{mpsc, oneshot};

use crate::{Refusal, Store, StoreError};
use answers::Reply;
use journal::Journal;
use published::Published;
use writer::{Request, Writer};

/// How many requests may wait for the writer; past that, senders wait too.
const QUEUE: usize = 1_024;

/// A [`Store`] in a folder.
pub struct EmbeddedStore {
    queue: Option<mpsc::Sender<Request>>,
    published: Arc<RwLock<Published>>,
    writer: Option<std::thread::JoinHandle<()>>,
    looks: Journal<Look>,
    controls: Journal<String>,
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
    /// The folder cannot be read or written.
    #[error("the data in {folder} cannot be opened: {reason}")]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// What the system or the key-value store says.
        reason: String,
    },
}

/// What a folder that cannot be opened again means for those who wait. They may be anyone's
/// browsers, so the folder is not named.
impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        Self::Disk(match error {
            OpenError::InUse { .. } => "the data are in use by another abtest".into(),
            OpenError::Newer { found, .. } => {
                format!("the data were written by a newer abtest (format {found})")
            }
            OpenError::Disk { reason, .. } => reason,
        })
    }
}

fn looks_of(folder: &Path) -> Journal<Look> {
    Journal::new(folder, "looks.jsonl")
}

fn controls_of(folder: &Path) -> Journal<String> {
    Journal::new(folder, "controls.jsonl")
}

impl EmbeddedStore {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// When it is in use, from a newer version, or cannot be read and written.
    pub fn open(folder: &Path, limits: Limits) -> Result<Self, OpenError> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (writer, published) = Writer::new(folder.to_owned(), limits, requests)?;
        let writer = std::thread::Builder::new()
            .name("abtest-store".into())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Disk {
                folder: folder.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            queue: Some(queue),
            published,
            writer: Some(writer),
            looks: looks_of(folder),
            controls: controls_of(folder),
        })
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
            // A writer that panicked has nothing left to finish.
            let _ = writer.join();
        }
    }
}

impl Store for EmbeddedStore {
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|reply| Request::Record { events, reply }).await
    }

    async fn tallies(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
    ) -> Result<Vec<Tally>, StoreError> {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        Ok(published.tallies(namespace, scope))
    }

    async fn timelines(
        &self,
        namespace: &Namespace,
        tallies: &mut [Tally],
    ) -> Result<(), StoreError> {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        for tally in tallies {
            tally.timeline = Some(published.timeline(namespace, &tally.experiment));
        }
        Ok(())
    }

    async fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        self.looks.forget(namespace, experiment)?;
        self.controls.forget(namespace, experiment)?;
        let (namespace, experiment) = (namespace.clone(), experiment.clone());
        self.ask(|reply| Request::Delete { namespace, experiment, reply }).await
    }

    async fn looks(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Vec<Look>, StoreError> {
        Ok(look::in_order(self.looks.read(namespace, experiment)?))
    }

    async fn take_look(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        look: Look,
    ) -> Result<(), StoreError> {
        self.looks.write(namespace, experiment, look)
    }

    async fn controls(
        &self,
        namespace: &Namespace,
        tallies: &mut [Tally],
    ) -> Result<(), StoreError> {
        let wanted: HashSet<String> =
            tallies.iter().map(|tally| tally.experiment.to_string()).collect();
        let mut kept = self.controls.read_all(namespace, |name| wanted.contains(name))?;
        for tally in tallies {
            let last = kept.remove(tally.experiment.as_str()).and_then(|mut all| all.pop());
            tally.control = last.and_then(|name| Variant::new(name).ok());
        }
        Ok(())
    }

    async fn keep_control(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        control: Option<&Variant>,
    ) -> Result<(), StoreError> {
        match control {
            Some(control) => self.controls.write(namespace, experiment, control.to_string()),
            None => self.controls.forget(namespace, experiment),
        }
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.ask(|reply| Request::Health { reply }).await
    }
}
