//! Where abtest keeps counts and documents.
//!
//! | module | holds |
//! |---|---|
//! | [`recorder`] | [`Recorder`]: counts events |
//! | [`counters`] | [`Counters`]: reads and deletes what was counted |
//! | [`overlaps`] | [`Overlaps`]: what the uuids of an experiment's counters have in common |
//! | [`documents`] | [`Documents`]: versioned JSON documents of a namespace |
//! | [`health`] | what puts counts at risk although the store works |
//! | [`contents`] | the JSON of the documents that belong to counts: looks, control, baselines |
//! | [`redis`](crate::redis) | the backend on the user's Redis, under Gimel's keys |
//! | [`embedded`] | the backend in one folder on disk, with nothing to install |
//! | [`transfer`] | moves an experiment from one store to another |
//!
//! Both backends pass the same contract tests (`tests/contract`).

#[cfg(any(feature = "embedded", feature = "redis"))]
mod admission;
pub mod contents;
pub mod counters;
pub mod documents;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
pub mod health;
#[cfg(any(feature = "embedded", feature = "redis"))]
mod new_names;
pub mod overlaps;
pub mod recorder;
#[cfg(feature = "redis")]
pub mod redis;
pub mod transfer;

pub use counters::{CountedNamespace, Counters, Include, Part};
pub use documents::{
    Change, CommitError, Committed, DamagedRecord, Document, DocumentKey, Documents, Expected,
    HistoryEntry, Kind, NamespaceSnapshot, Write,
};
pub use error::{Refusal, StoreError, WrongSetting};
pub use health::Danger;
pub use overlaps::{Overlaps, Share, Strangers};
pub use recorder::Recorder;

/// A store that does everything.
pub trait Store: Counters + Documents {}

impl<S: Counters + Documents> Store for S {}
