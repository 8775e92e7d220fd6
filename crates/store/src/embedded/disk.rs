//! What the key-value store holds, and one durable commit.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | `format` | the format's number |
//! | `meta` | `commits` | how many commits there were |
//! | `meta` | `probe` | zeros: what finds out whether the disk can be written again |
//! | `counters` | namespace, experiment, goal, variant, with NUL between | id and count |
//! | `days` | counter id, UTC day (days since 1970) | how many uuids were new |
//! | `seen` | counter id, uuid | nothing |
//! | `removed` | id of a deleted counter whose uuids are still to be removed | nothing |
//! | `documents` | namespace, kind, name, with NUL between | see `record` |
//! | `history` | namespace, kind, name, NUL after each, then the version | milliseconds, the JSON |
//! | `namespaces` | namespace | version |
//!
//! Numbers are big-endian. Format 1 had no documents: see `legacy`. Format 2 had documents without
//! checksums: see `record`.

use std::collections::{HashMap, HashSet};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use abtest_model::{Day, Experiment, Namespace, Uuid};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::catalog::{Catalog, Counter, SEPARATOR};
use super::ledger::{Changed, ChangedDocument, Content, Ledger};
use super::record;
use super::snapshot::{Snapshot, is_counter_name};
use super::watermark::{JournalCopies, Watermark};
use super::{OpenError, legacy};
use crate::{DamagedRecord, DocumentKey, HistoryEntry, Kind, Part, StoreError};

/// The format that this version writes.
const FORMAT: u32 = 3;

/// The format whose documents have no checksums.
const FORMAT_WITHOUT_CHECKSUMS: u32 = 2;

/// Removed uuids after which their disk space is given back.
const COMPACT_AFTER: usize = 50_000;

/// What a probe writes: as much as the largest commits, so that a disk which has room for a few bytes
/// only is not taken for one that works.
const PROBE_BYTES: usize = 1024 * 1024;

/// The format whose looks and controls are in files.
const FORMAT_WITH_FILES: u32 = 1;

/// The open key-value store.
pub(super) struct Disk {
    database: Database,
    counters: Keyspace,
    seen: Keyspace,
    days: Keyspace,
    removed: Keyspace,
    documents: Keyspace,
    history: Keyspace,
    namespaces: Keyspace,
    meta: Keyspace,
    /// How many commits there were.
    commits: u64,
    watermark: Watermark,
    /// The last key that was swept. A sweep that started from the beginning would step over
    /// everything it has removed so far, while recording waits.
    swept: Vec<u8>,
    /// How many uuids were removed since a compaction became due.
    removed_uuids: usize,
    /// Whether a compaction must start once none is running.
    compaction_due: bool,
    compaction: Option<JoinHandle<()>>,
}

/// What one commit changes. A counter appears once, with its last state.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Counters by name; `None` for a deleted one.
    pub(super) counters: HashMap<String, Option<Counter>>,
    /// Keys of uuids that are new.
    pub(super) seen: HashSet<Vec<u8>>,
    /// New uuids by counter's name and id, and day.
    pub(super) new: HashMap<(String, u64, Day), u64>,
    /// Ids of deleted counters.
    pub(super) removed: Vec<u64>,
    /// Experiments that were deleted. They may have been recorded again since.
    pub(super) deleted: Vec<(Namespace, Experiment)>,
    /// Parts of experiments that were removed. They may have been recorded again since.
    pub(super) pruned: Vec<(Namespace, Experiment, Part)>,
    /// Changes of documents in the order of their commits.
    pub(super) documents: Vec<Changed>,
    /// The time of the commit in Unix milliseconds.
    pub(super) at: u64,
    /// Whether something is written in any case, to find out whether that is possible.
    pub(super) is_probe: bool,
}

impl Changes {
    pub(super) fn at(now: u64) -> Self {
        Self { at: now, ..Self::default() }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.counters.is_empty() && self.documents.is_empty() && !self.is_probe
    }
}

/// The key under which a counter's uuid is remembered.
pub(super) fn seen_key(counter: u64, uuid: &Uuid) -> Vec<u8> {
    [&counter.to_be_bytes(), uuid.as_str().as_bytes()].concat()
}

impl Disk {
    /// Opens a folder, or creates it, and reads every counter and document.
    pub(super) fn open(folder: &Path) -> Result<(Self, Catalog, Snapshot), OpenError> {
        let failed = |reason: String| OpenError::Disk { folder: folder.to_owned(), reason };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed(error.to_string()))?;
        let watermark = Watermark::open(folder).map_err(|error| failed(error.to_string()))?;
        let watermark = watermark.ok_or_else(|| OpenError::InUse { folder: folder.to_owned() })?;
        let expected = watermark.read().map_err(|error| failed(error.to_string()))?;
        let copies = JournalCopies::make(folder).map_err(|error| failed(error.to_string()))?;
        let opened = Self::open_database(folder, watermark).map_err(|error| match error {
            fjall::Error::Locked => OpenError::InUse { folder: folder.to_owned() },
            error => failed(error.to_string()),
        });
        let (disk, format) = match opened {
            Ok((disk, _)) if disk.commits < expected => {
                let found = disk.commits;
                drop(disk);
                copies.restore().map_err(|error| failed(error.to_string()))?;
                return Err(OpenError::Incomplete { folder: folder.to_owned(), found, expected });
            }
            Ok(opened) => {
                copies.discard().map_err(|error| failed(error.to_string()))?;
                opened
            }
            Err(error) => {
                // Another process may have the journals open: then they are not touched.
                let put_back = match &error {
                    OpenError::InUse { .. } => copies.discard(),
                    _ => copies.restore(),
                };
                put_back.map_err(|error| failed(error.to_string()))?;
                return Err(error);
            }
        };
        match std::str::from_utf8(&format).ok().and_then(|format| format.parse::<u32>().ok()) {
            Some(FORMAT) => {}
            Some(FORMAT_WITHOUT_CHECKSUMS) => {
                disk.add_checksums().map_err(|error| failed(error.to_string()))?;
            }
            Some(FORMAT_WITH_FILES) => disk.take_files(folder).map_err(failed)?,
            Some(newer) if newer > FORMAT => {
                let found = newer.to_string();
                return Err(OpenError::Newer { folder: folder.to_owned(), found });
            }
            _ => {
                let found = String::from_utf8_lossy(&format).escape_debug().to_string();
                return Err(OpenError::UnknownFormat { folder: folder.to_owned(), found });
            }
        }
        let (catalog, snapshot) = disk.load().map_err(|error| failed(error.to_string()))?;
        let (experiments, counters, uuids) = catalog.size();
        tracing::info!(experiments, counters, uuids, "opened the data");
        Ok((disk, catalog, snapshot))
    }

    fn open_database(folder: &Path, watermark: Watermark) -> fjall::Result<(Self, Vec<u8>)> {
        let database = Database::builder(folder).open()?;
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        let meta = keyspace("meta")?;
        let format = match meta.get("format")? {
            Some(format) => format.to_vec(),
            None => {
                let format = FORMAT.to_string();
                meta.insert("format", &format)?;
                database.persist(PersistMode::SyncAll)?;
                format.into_bytes()
            }
        };
        let commits = meta.get("commits")?.and_then(|value| decode_number(&value)).unwrap_or(0);
        let disk = Self {
            commits,
            watermark,
            counters: keyspace("counters")?,
            seen: keyspace("seen")?,
            days: keyspace("days")?,
            removed: keyspace("removed")?,
            documents: keyspace("documents")?,
            history: keyspace("history")?,
            namespaces: keyspace("namespaces")?,
            meta,
            swept: Vec::new(),
            removed_uuids: 0,
            compaction_due: false,
            compaction: None,
            database,
        };
        Ok((disk, format))
    }

    /// Moves looks and controls from the files of format 1 into the database, in one commit with
    /// the new format number.
    fn take_files(&self, folder: &Path) -> Result<(), String> {
        let mut changes = Changes::at(now());
        for (namespace, writes) in legacy::read(folder).map_err(|error| error.to_string())? {
            let committed = Ledger::default().commit(&namespace, None, writes, changes.at);
            let (_, changed) = committed.map_err(|error| error.to_string())?;
            changes.documents.extend(changed);
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        self.write_documents(&mut batch, &changes);
        batch.insert(&self.meta, "format", FORMAT.to_string());
        batch.commit().map_err(|error| error.to_string())?;
        legacy::set_aside(folder).map_err(|error| error.to_string())
    }

    /// Gives the documents of format 2 their checksums, in one commit with the new format number. A
    /// record that cannot be read stays as it is.
    fn add_checksums(&self) -> fjall::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for entry in self.documents.iter() {
            let (key, value) = entry.into_inner()?;
            let found = record::decode_without_checksum(&value);
            if found.content != Content::Damaged {
                batch.insert(&self.documents, key, record::encode(&found));
            }
        }
        batch.insert(&self.meta, "format", FORMAT.to_string());
        batch.commit()
    }

    fn load(&self) -> fjall::Result<(Catalog, Snapshot)> {
        let (mut catalog, mut snapshot) = (Catalog::default(), Snapshot::default());
        for entry in self.counters.iter() {
            let (name, value) = entry.into_inner()?;
            let (Some(name), Some(counter)) = (counter_name(&name), decode(&value)) else {
                snapshot.damaged.push(damaged("the counter", &name));
                continue;
            };
            snapshot.set(&name, counter.count);
            for (day, new) in self.days_of(counter.id)? {
                snapshot.add(&name, day, new);
            }
            catalog.load(name, counter);
        }
        for id in self.removed_ids()? {
            catalog.use_id(id);
        }
        (snapshot.documents, snapshot.damaged) = {
            let (documents, damaged) = self.load_documents()?;
            (documents, [snapshot.damaged, damaged].concat())
        };
        for record in snapshot.damaged() {
            tracing::error!(%record, "a record is damaged; it is kept as it is, and not used");
        }
        Ok((catalog, snapshot))
    }

    /// Reads all documents, and says what is damaged so that no document can be made of it.
    pub(super) fn load_documents(&self) -> fjall::Result<(Ledger, Vec<DamagedRecord>)> {
        let (mut ledger, mut unreadable) = (Ledger::default(), Vec::new());
        for entry in self.documents.iter() {
            let (key, value) = entry.into_inner()?;
            match read_document_key(&key) {
                Some((namespace, key)) => ledger.load(namespace, key, record::decode(&value)),
                None => unreadable.push(damaged("the document", &key)),
            }
        }
        for entry in self.namespaces.iter() {
            let (namespace, value) = entry.into_inner()?;
            let name = String::from_utf8(namespace.to_vec()).ok();
            let name = name.and_then(|name| Namespace::new(name).ok());
            match (name, decode_number(&value)) {
                (Some(name), Some(version)) => ledger.load_version(name, version),
                (Some(name), None) => {
                    // It rises above all versions that were: they were times of this clock.
                    ledger.load_version(name, now());
                    unreadable.push(damaged("the version of the namespace", &namespace));
                }
                (None, _) => unreadable.push(damaged("the version of the namespace", &namespace)),
            }
        }
        Ok((ledger, unreadable))
    }

    /// The history of a document.
    pub(super) fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> fjall::Result<Vec<HistoryEntry>> {
        let prefix = history_prefix(namespace, key);
        let mut entries = Vec::new();
        for entry in self.history.prefix(&prefix) {
            let (key, value) = entry.into_inner()?;
            let version = key.get(prefix.len()..).and_then(decode_number);
            let at = value.split_first_chunk::<8>();
            if let (Some(version), Some((at, entry))) = (version, at) {
                let entry = String::from_utf8_lossy(entry).into_owned();
                entries.push(HistoryEntry { version, at: u64::from_be_bytes(*at), entry });
            }
        }
        Ok(entries)
    }

    /// Whether a uuid was counted before.
    pub(super) fn was_seen(&self, key: &[u8]) -> fjall::Result<bool> {
        self.seen.contains_key(key)
    }

    /// Makes changes durable, all or none, with one sync.
    pub(super) fn commit(&mut self, changes: &Changes) -> fjall::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for key in &changes.seen {
            batch.insert(&self.seen, &key[..], []);
        }
        for (name, counter) in &changes.counters {
            match counter {
                Some(counter) => batch.insert(&self.counters, name.as_str(), encode(*counter)),
                None => batch.remove(&self.counters, name.as_str()),
            }
        }
        for ((_, id, day), new) in &changes.new {
            let key = day_key(*id, *day);
            let before = self.days.get(&key)?.and_then(|value| decode_number(&value));
            batch.insert(&self.days, key, (before.unwrap_or(0) + new).to_be_bytes());
        }
        for id in &changes.removed {
            batch.insert(&self.removed, id.to_be_bytes(), []);
        }
        self.write_documents(&mut batch, changes);
        if changes.is_probe {
            batch.insert(&self.meta, "probe", vec![0; PROBE_BYTES]);
        }
        let commits = self.commits + 1;
        batch.insert(&self.meta, "commits", commits.to_be_bytes());
        batch.commit()?;
        self.commits = commits;
        if let Err(error) = self.watermark.write(commits) {
            // It is only too low now, which no reader takes for a loss.
            tracing::warn!(%error, "the watermark cannot be written");
        }
        self.compact_if_due();
        Ok(())
    }

    fn write_documents(&self, batch: &mut OwnedWriteBatch, changes: &Changes) {
        for Changed { namespace, version, documents } in &changes.documents {
            batch.insert(&self.namespaces, namespace.as_str(), version.to_be_bytes());
            for ChangedDocument { key, record, entry } in documents {
                batch.insert(&self.documents, document_key(namespace, key), record::encode(record));
                if let Some(entry) = entry {
                    let key = [&history_prefix(namespace, key)[..], &record.version.to_be_bytes()];
                    let value = [&changes.at.to_be_bytes(), entry.as_bytes()].concat();
                    batch.insert(&self.history, key.concat(), value);
                }
            }
        }
    }

    /// Removes up to `most` uuids of deleted counters and says whether that was all. If it is cut
    /// off, the next call continues.
    pub(super) fn sweep(&mut self, most: usize) -> fjall::Result<bool> {
        let mut batch = self.database.batch();
        for id in self.removed_ids()? {
            let (mut start, end) = (id.to_be_bytes().to_vec(), (id + 1).to_be_bytes().to_vec());
            if self.swept.starts_with(&start) {
                start.clone_from(&self.swept);
            }
            for entry in self.seen.range(start..end).take(most.saturating_sub(batch.len())) {
                let key = entry.key()?;
                self.swept = key.to_vec();
                batch.remove(&self.seen, key);
            }
            if batch.len() >= most {
                break;
            }
            // A counter has few days, so they are removed together.
            for (day, _) in self.days_of(id)? {
                batch.remove(&self.days, day_key(id, day));
            }
            batch.remove(&self.removed, id.to_be_bytes());
        }
        let finished = batch.len() < most;
        self.removed_uuids += batch.len();
        batch.commit()?;
        if finished && self.removed_uuids >= COMPACT_AFTER {
            self.removed_uuids = 0;
            self.compaction_due = true;
        }
        self.compact_if_due();
        Ok(finished)
    }

    /// Takes the running compaction. As long as it runs, the folder cannot be opened again.
    pub(super) fn take_compaction(&mut self) -> Option<JoinHandle<()>> {
        self.compaction.take()
    }

    /// Gives the disk space of removed uuids back, in a thread of its own. While one is running,
    /// the next waits for a later commit.
    fn compact_if_due(&mut self) {
        let running = self.compaction.as_ref().is_some_and(|running| !running.is_finished());
        if running || !self.compaction_due {
            return;
        }
        self.compaction_due = false;
        let seen = self.seen.clone();
        let compact = move || {
            let compacted = seen.rotate_memtable_and_wait().and_then(|()| seen.major_compact());
            if let Err(error) = compacted {
                tracing::warn!(%error, "the space of deleted experiments cannot be given back");
            }
        };
        let thread = std::thread::Builder::new().name("abtest-compact".into()).spawn(compact);
        self.compaction = thread.ok();
    }

    /// The uuids of a counter.
    pub(super) fn uuids(&self, counter: u64) -> fjall::Result<Vec<String>> {
        let mut uuids = Vec::new();
        for entry in self.seen.prefix(counter.to_be_bytes()) {
            let key = entry.key()?;
            uuids.push(String::from_utf8_lossy(&key[8..]).into_owned());
        }
        Ok(uuids)
    }

    fn days_of(&self, id: u64) -> fjall::Result<Vec<(Day, u64)>> {
        let mut days = Vec::new();
        for entry in self.days.prefix(id.to_be_bytes()) {
            let (key, value) = entry.into_inner()?;
            let day = key.get(8..).and_then(|day| day.try_into().ok()).map(u32::from_be_bytes);
            days.extend(day.map(Day).zip(decode_number(&value)));
        }
        Ok(days)
    }

    fn removed_ids(&self) -> fjall::Result<Vec<u64>> {
        let mut ids = Vec::new();
        for entry in self.removed.iter() {
            ids.extend(entry.key()?.as_ref().try_into().map(u64::from_be_bytes));
        }
        Ok(ids)
    }
}

impl Drop for Disk {
    /// The thread has the folder open, so it must end before the folder can be opened again.
    fn drop(&mut self) {
        if let Some(compaction) = self.compaction.take() {
            // A thread that panicked has nothing left to finish.
            let _ = compaction.join();
        }
    }
}

/// What a failure of the disk means for the requests that wait.
pub(super) fn store_error(error: &fjall::Error) -> StoreError {
    match error {
        fjall::Error::Io(error)
            if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            StoreError::OutOfMemory
        }
        error => StoreError::Disk(error.to_string()),
    }
}

/// This machine's clock, in Unix milliseconds.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn document_key(namespace: &Namespace, key: &DocumentKey) -> String {
    format!("{namespace}\0{}\0{}", key.kind, key.name)
}

fn history_prefix(namespace: &Namespace, key: &DocumentKey) -> Vec<u8> {
    (document_key(namespace, key) + "\0").into_bytes()
}

fn read_document_key(key: &[u8]) -> Option<(Namespace, DocumentKey)> {
    let mut parts = std::str::from_utf8(key).ok()?.splitn(3, SEPARATOR);
    let namespace = Namespace::new(parts.next()?).ok()?;
    let kind = Kind::from_word(parts.next()?)?;
    Some((namespace, DocumentKey::new(kind, parts.next()?)))
}

/// A counter's name, if it has the four parts of one.
fn counter_name(name: &[u8]) -> Option<String> {
    let name = String::from_utf8(name.to_vec()).ok()?;
    is_counter_name(&name).then_some(name)
}

/// What a key in words says about a record that cannot be read.
fn damaged(what: &str, key: &[u8]) -> DamagedRecord {
    let key = String::from_utf8_lossy(key);
    let namespace = key.split(SEPARATOR).next().and_then(|name| Namespace::new(name).ok());
    DamagedRecord { namespace, what: format!("{what} `{}`", key.escape_debug()) }
}

fn day_key(counter: u64, day: Day) -> Vec<u8> {
    [&counter.to_be_bytes()[..], &day.0.to_be_bytes()].concat()
}

fn decode_number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

fn encode(counter: Counter) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&counter.id.to_be_bytes());
    value[8..].copy_from_slice(&counter.count.to_be_bytes());
    value
}

fn decode(value: &[u8]) -> Option<Counter> {
    let (id, count) = value.split_first_chunk::<8>()?;
    Some(Counter { id: u64::from_be_bytes(*id), count: u64::from_be_bytes(count.try_into().ok()?) })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_compaction_that_became_due_while_another_ran_starts_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let (mut disk, ..) = Disk::open(folder.path()).unwrap();
        let (end, ended) = mpsc::channel::<()>();
        disk.compaction = Some(std::thread::spawn(move || ended.recv().unwrap()));
        disk.removed_uuids = COMPACT_AFTER;
        assert!(disk.sweep(1).unwrap());
        assert!(disk.compaction_due, "the other one is running");
        end.send(()).unwrap();
        while !disk.compaction.as_ref().unwrap().is_finished() {
            std::thread::yield_now();
        }
        disk.commit(&Changes::at(0)).unwrap();
        assert!(!disk.compaction_due);
    }
}
