//! [`Documents`]: the part of a store that keeps versioned JSON documents.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use abtest_model::{Experiment, Namespace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Keeps the documents of namespaces: definitions, looks, controls, baselines, layers, settings.
///
/// Laws that every backend keeps:
/// - A [`commit`](Self::commit) is atomic over all documents of a namespace: it stores every
///   write, or none if one document does not have the expected version.
/// - The first version of a document is 1. Every stored change adds 1. A deleted document leaves
///   a tombstone: when it is created again, its versions continue.
/// - A commit with at least one write sets the namespace's version to the larger of its previous
///   version + 1 and the Unix time in milliseconds. So it always grows, also when the writes only
///   delete documents that do not exist.
/// - [`Counters::delete`](crate::Counters::delete) raises the namespace's version after the counts
///   are gone. So a commit that is based on the version from before its reader read the counts never
///   meets the counts of a later experiment of the same name.
/// - A [`snapshot`](Self::snapshot) shows a namespace as it was between two commits.
/// - What a commit acknowledged is still there after a crash.
pub trait Documents: Send + Sync + 'static {
    /// Reads one document; `None` if it does not exist or is deleted. One round trip.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> impl Future<Output = Result<Option<Document>, StoreError>> + Send;

    /// Reads the documents of these kinds; only those of `names`, if given. One round trip. The
    /// result is sorted by key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(
        &self,
        namespace: &Namespace,
        kinds: &[Kind],
        names: Option<&[Experiment]>,
    ) -> impl Future<Output = Result<Vec<Document>, StoreError>> + Send;

    /// Reads all documents of a namespace consistently, in one round trip; `None` if the
    /// namespace still has the version `unless_version`. A namespace without documents has
    /// version 0.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn snapshot(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> impl Future<Output = Result<Option<NamespaceSnapshot>, StoreError>> + Send;

    /// Reads the definitions, layers and settings of a namespace as [`snapshot`](Self::snapshot)
    /// does, without the other documents. Strangers may ask for any namespace: this never looks for
    /// what older versions stored, which holds none of these kinds.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn definitions(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> impl Future<Output = Result<Option<NamespaceSnapshot>, StoreError>> + Send;

    /// The keys of the definitions, layers and settings of each namespace, sorted. The number of round
    /// trips does not grow with the number of namespaces or documents.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn defining_keys(
        &self,
        namespaces: &[Namespace],
    ) -> impl Future<Output = Result<Vec<Vec<DocumentKey>>, StoreError>> + Send;

    /// The namespaces that documents were written to, sorted. All documents of one may be deleted
    /// meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn namespaces(&self) -> impl Future<Output = Result<Vec<Namespace>, StoreError>> + Send;

    /// The namespace's version, in one round trip. Read it before everything that a commit is to be
    /// based on.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(
        &self,
        namespace: &Namespace,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Stores all writes or none. With `based_on`, the namespace must still have this version:
    /// this protects decisions that depend on documents which the commit does not write.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] or [`CommitError::Outdated`] when someone else was faster: read
    /// again and decide again. [`CommitError::Store`] when the store cannot be written; the
    /// commit may have been stored if the connection broke.
    fn commit(
        &self,
        namespace: &Namespace,
        based_on: Option<u64>,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send;

    /// The history entries of a document, oldest first, also those before a deletion.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> impl Future<Output = Result<Vec<HistoryEntry>, StoreError>> + Send;

    /// What the store found damaged when it was opened and was not replaced or deleted since. It
    /// reads nothing. A backend that finds damage only when it reads a record returns nothing.
    fn damaged(&self) -> Vec<DamagedRecord> {
        Vec::new()
    }
}

/// What a document describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An experiment's definition.
    Definition,
    /// The looks taken at an experiment.
    Looks,
    /// The control chosen for an experiment.
    Control,
    /// What other programs counted for an experiment before.
    Baseline,
    /// The sample ratio alarm of an experiment.
    Alarm,
    /// A layer and its slots.
    Layer,
    /// The settings of the namespace.
    Settings,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Definition,
        Self::Looks,
        Self::Control,
        Self::Baseline,
        Self::Alarm,
        Self::Layer,
        Self::Settings,
    ];

    /// The kinds whose documents carry an experiment's name.
    pub const OF_EXPERIMENTS: [Self; 5] =
        [Self::Definition, Self::Looks, Self::Control, Self::Baseline, Self::Alarm];

    /// The kinds that say what is defined in a namespace.
    pub const DEFINING: [Self; 3] = [Self::Definition, Self::Layer, Self::Settings];

    /// The kinds whose documents are deleted together with an experiment's counts. Deleting a
    /// definition is a commit of its own: its history keeps what remains of it.
    pub const DELETED_WITH_COUNTS: [Self; 4] =
        [Self::Looks, Self::Control, Self::Baseline, Self::Alarm];

    /// The word that stands for the kind in keys. It never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Looks => "looks",
            Self::Control => "control",
            Self::Baseline => "baseline",
            Self::Alarm => "alarm",
            Self::Layer => "layer",
            Self::Settings => "settings",
        }
    }

    /// The kind that a word in a key stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The key of this kind's document for an experiment.
    pub fn of(self, experiment: &Experiment) -> DocumentKey {
        DocumentKey::new(self, experiment.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The key of a document within its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    /// What the document describes.
    pub kind: Kind,
    /// The name of the experiment or layer; any text, without rules.
    pub name: String,
}

impl DocumentKey {
    /// The key of a document of this kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// The key of the namespace's one settings document.
    pub fn settings() -> Self {
        Self::new(Kind::Settings, "")
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Settings => formatter.write_str("the settings"),
            kind => write!(formatter, "the {kind} of `{}`", self.name.escape_debug()),
        }
    }
}

/// A document as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its key.
    pub key: DocumentKey,
    /// Its version, from 1; 0 if it is damaged and the version cannot be read.
    pub version: u64,
    /// `None` if what is stored is damaged.
    content: Option<Arc<str>>,
}

impl Document {
    /// A document with this JSON text.
    pub fn new(key: DocumentKey, version: u64, content: impl Into<Arc<str>>) -> Self {
        Self { key, version, content: Some(content.into()) }
    }

    /// A document whose stored record is damaged. It still stands in the way of
    /// [`Expected::Absent`].
    pub fn damaged(key: DocumentKey, version: u64) -> Self {
        Self { key, version, content: None }
    }

    /// The JSON text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the stored record is damaged.
    pub fn content(&self) -> Result<&Arc<str>, StoreError> {
        self.content.as_ref().ok_or_else(|| self.unreadable())
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not the JSON of a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(self.content()?).map_err(|_| self.unreadable())
    }

    fn unreadable(&self) -> StoreError {
        StoreError::Damaged { what: self.key.to_string() }
    }
}

/// Something stored that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DamagedRecord {
    /// Its namespace; `None` if that cannot be read either.
    pub namespace: Option<Namespace>,
    /// What it is, in words, such as "the looks of `button color`".
    pub what: String,
}

impl fmt::Display for DamagedRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} in namespace `{namespace}`", self.what),
            None => formatter.write_str(&self.what),
        }
    }
}

/// All documents of a namespace at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceSnapshot {
    /// The namespace's version.
    pub version: u64,
    /// Its documents, sorted by key.
    pub documents: Vec<Document>,
}

/// One write of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The document.
    pub key: DocumentKey,
    /// What must be stored under the key now.
    pub expected: Expected,
    /// What to do.
    pub change: Change,
    /// The JSON of the history entry: who did it, why, what changed. The store adds the version
    /// and the time. Without it the history has no entry for this version.
    pub entry: Option<String>,
}

impl Write {
    /// Stores JSON text under a key.
    pub fn put(key: DocumentKey, expected: Expected, content: impl Into<Arc<str>>) -> Self {
        Self { key, expected, change: Change::Put(content.into()), entry: None }
    }

    /// Deletes the document with a key.
    pub fn delete(key: DocumentKey, expected: Expected) -> Self {
        Self { key, expected, change: Change::Delete, entry: None }
    }

    /// The same, with a history entry.
    #[must_use]
    pub fn with_entry(self, entry: impl Into<String>) -> Self {
        Self { entry: Some(entry.into()), ..self }
    }
}

/// What must be stored under a key for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No document: it never existed or was deleted.
    Absent,
    /// The document with exactly this version.
    Version(u64),
    /// Anything.
    Any,
}

impl Expected {
    /// What a reader found: the version of the document, or its absence.
    pub fn found(document: Option<&Document>) -> Self {
        document.map_or(Self::Absent, |document| Self::Version(document.version))
    }

    /// Whether the version found (`None` for no document) is the expected one.
    pub fn matches(self, found: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Version(version) => found == Some(version),
        }
    }
}

/// What a write does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Stores this JSON text.
    Put(Arc<str>),
    /// Deletes the document. Deleting what does not exist changes no document.
    Delete,
}

/// The result of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The namespace's version.
    pub version: u64,
    /// The version of each written document, in the order of the writes; for a deleted one the
    /// version of its tombstone, 0 if it never existed.
    pub versions: Vec<u64>,
}

/// A step in the history of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The version that this step made.
    pub version: u64,
    /// When, by the store's clock, in Unix milliseconds.
    pub at: u64,
    /// The JSON that the writer supplied.
    pub entry: String,
}

/// Why nothing was committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A document does not have the expected version.
    #[error("{key} {}; read it again and repeat the change", found_text(.found))]
    Conflict {
        /// The document.
        key: DocumentKey,
        /// The version found; `None` if there is no such document.
        found: Option<u64>,
    },
    /// The namespace does not have the version that the commit is based on.
    #[error(
        "the namespace has changed (it now has version {found}); read it again and repeat the \
         change"
    )]
    Outdated {
        /// The namespace's version.
        found: u64,
    },
    /// Two writes name the same document.
    #[error("{key} is written twice in one commit; write it once")]
    Twice {
        /// The document.
        key: DocumentKey,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn found_text(found: &Option<u64>) -> String {
    match found {
        Some(version) => format!("has changed (it now has version {version})"),
        None => "does not exist any more".to_owned(),
    }
}

/// Refuses a commit that writes a document twice.
#[cfg(any(feature = "embedded", feature = "redis"))]
pub(crate) fn check_distinct(writes: &[Write]) -> Result<(), CommitError> {
    let mut keys = std::collections::HashSet::with_capacity(writes.len());
    match writes.iter().find(|write| !keys.insert(&write.key)) {
        Some(write) => Err(CommitError::Twice { key: write.key.clone() }),
        None => Ok(()),
    }
}

/// The writes that delete the documents of an experiment, without its definition.
#[cfg(any(feature = "embedded", feature = "redis"))]
pub(crate) fn deletion_of(experiment: &Experiment) -> Vec<Write> {
    deletion(experiment, &Kind::DELETED_WITH_COUNTS)
}

/// The writes that delete the documents that are made from an experiment's counts.
#[cfg(feature = "redis")]
pub(crate) fn deletion_of_derived(experiment: &Experiment) -> Vec<Write> {
    deletion(experiment, &[Kind::Looks, Kind::Control, Kind::Alarm])
}

/// The write that deletes the alarm of an experiment.
#[cfg(any(feature = "embedded", feature = "redis"))]
pub(crate) fn deletion_of_alarm(experiment: &Experiment) -> Vec<Write> {
    deletion(experiment, &[Kind::Alarm])
}

#[cfg(any(feature = "embedded", feature = "redis"))]
fn deletion(experiment: &Experiment, kinds: &[Kind]) -> Vec<Write> {
    kinds.iter().map(|kind| Write::delete(kind.of(experiment), Expected::Any)).collect()
}
