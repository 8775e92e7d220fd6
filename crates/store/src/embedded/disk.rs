//! What the key-value store holds, and one durable commit.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | `format` | the format's number, in digits |
//! | `meta` | `totals` | how much there is: see `totals` |
//! | `meta` | `new`, namespace or nothing, kind of name, NUL before each | when the limit per hour is free again, in Unix microseconds |
//! | `meta` | `import`, namespace, experiment, with NUL between | digest of an export that is not yet imported to its end |
//! | `meta` | `probe` | zeros: what finds out whether the disk can be written again |
//! | `meta` | `unseen` | how many counted uuids are known not to be in `seen` |
//! | `meta` | `undated` | how many counted uuids are known not to be in `days` |
//! | `counters` | namespace, experiment, goal, variant, with NUL between | id and count |
//! | `days` | counter id, UTC day (days since 1970) | how many uuids were new |
//! | `days` | counter id, `a`, allocation number | how many uuids were new |
//! | `seen` | counter id, uuid | nothing |
//! | `values` | counter id, kind, more | see `values` |
//! | `removed` | id of a deleted counter whose uuids are still to be removed | nothing |
//! | `documents` | namespace, kind, name, with NUL between | see `record` |
//! | `history` | namespace, kind, name, NUL after each, then the version | milliseconds, the JSON |
//! | `namespaces` | namespace | version |
//! | `damaged` | keyspace, key, NUL after each, then milliseconds | a record that cannot be read |
//!
//! Numbers are big-endian. Format 1 had no documents: see `legacy`. Format 2 had documents without
//! checksums: see `record`. Both had no totals: `meta` had the number of commits under `commits`.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use abtest_model::{AllocationNumber, Day, Experiment, Namespace, Stated, Uuid};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::catalog::{ChangedNewNames, Counter, SEPARATOR};
use super::ledger::{Changed, ChangedDocument};
use super::overlaps::{ComparedCounter, Comparison};
use super::totals::Totals;
use super::values::{CounterValues, UnitTotal};
use super::watermark::{Noted, Watermark};
use super::{record, space};
use crate::{DocumentKey, HistoryEntry, Kind, Part, StoreError};

/// Removed uuids after which their disk space is given back, if there are few others.
const COMPACT_AFTER: u64 = 50_000;

/// The part of the remaining uuids that must have been removed, too: a compaction writes all of them anew.
const COMPACT_AFTER_PART: u64 = 10;

/// What the keys of the limits per hour begin with.
const NEW_NAMES: &str = "new\0";

/// What a probe writes: as much as the largest commits, so that a disk which has room for a few bytes
/// only is not taken for one that works.
const PROBE_BYTES: usize = 1024 * 1024;

/// The open key-value store.
pub(super) struct Disk {
    database: Database,
    counters: Keyspace,
    seen: Keyspace,
    values: Keyspace,
    days: Keyspace,
    removed: Keyspace,
    documents: Keyspace,
    history: Keyspace,
    namespaces: Keyspace,
    damaged: Keyspace,
    meta: Keyspace,
    /// What there was after the last commit.
    totals: Totals,
    watermark: Watermark,
    /// The last key that was swept. A sweep that started from the beginning would step over
    /// everything it has removed so far, while recording waits.
    swept: Vec<u8>,
    /// The same in `values`.
    swept_values: Vec<u8>,
    /// How many uuids were removed since a compaction became due.
    removed_uuids: u64,
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
    /// New uuids by counter's name and id, and what their events stated.
    pub(super) allocated: HashMap<(String, u64, Stated), u64>,
    /// Totals of units.
    pub(super) units: HashMap<Vec<u8>, UnitTotal>,
    /// Keys of the ids of events whose values are added.
    pub(super) value_ids: HashSet<Vec<u8>>,
    /// The sums of counters with values by id, with the counter's name.
    pub(super) values: HashMap<u64, (String, CounterValues)>,
    /// What is left of the limits per hour.
    pub(super) new_names: ChangedNewNames,
    /// Ids of deleted counters.
    pub(super) removed: Vec<u64>,
    /// Experiments that were deleted. They may have been recorded again since.
    pub(super) deleted: Vec<(Namespace, Experiment)>,
    /// Parts of experiments that were removed. They may have been recorded again since.
    pub(super) pruned: Vec<(Namespace, Experiment, Part)>,
    /// Changes of documents in the order of their commits.
    pub(super) documents: Vec<Changed>,
    /// Ids of staged counters that got their names.
    pub(super) published: Vec<u64>,
    /// Imported experiments whose import is not finished, with the digest of the export; `None` once
    /// it is.
    pub(super) import_marks: Vec<(Namespace, Experiment, Option<String>)>,
    /// The time of the commit in Unix milliseconds.
    pub(super) at: u64,
    /// Whether something is written in any case, to find out whether that is possible.
    pub(super) is_probe: bool,
}

impl Changes {
    pub(super) fn at(now: u64) -> Self {
        Self { at: now, ..Self::default() }
    }

    /// How many entries of histories there are.
    fn entries(&self) -> u64 {
        let documents = self.documents.iter().flat_map(|changed| &changed.documents);
        documents.filter(|document| document.entry.is_some()).count() as u64
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.counters.is_empty()
            && self.documents.is_empty()
            && self.seen.is_empty()
            && self.values.is_empty()
            && self.units.is_empty()
            && self.value_ids.is_empty()
            && self.removed.is_empty()
            && self.import_marks.is_empty()
            && !self.is_probe
    }
}

/// The key under which a counter's uuid is remembered.
pub(super) fn seen_key(counter: u64, uuid: &Uuid) -> Vec<u8> {
    [&counter.to_be_bytes(), uuid.as_str().as_bytes()].concat()
}

impl Disk {
    pub(super) fn new(
        database: Database,
        watermark: Watermark,
        totals: Totals,
    ) -> fjall::Result<Self> {
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            totals,
            watermark,
            counters: keyspace("counters")?,
            seen: keyspace("seen")?,
            values: keyspace("values")?,
            days: keyspace("days")?,
            removed: keyspace("removed")?,
            documents: keyspace("documents")?,
            history: keyspace("history")?,
            namespaces: keyspace("namespaces")?,
            damaged: keyspace("damaged")?,
            meta: keyspace("meta")?,
            swept: Vec::new(),
            swept_values: Vec::new(),
            removed_uuids: 0,
            compaction_due: false,
            compaction: None,
            database,
        })
    }

    /// Writes the watermark if it says something else.
    pub(super) fn renew_watermark(&self, noted: Noted) {
        if noted != (Noted::Totals { totals: self.totals, is_whole: true }) {
            self.write_watermark();
        }
    }

    /// The history of a document.
    pub(super) fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let prefix = history_prefix(namespace, key);
        let damaged = || StoreError::Damaged { what: format!("the history of {key}") };
        let mut entries = Vec::new();
        for entry in self.history.prefix(&prefix) {
            let (key, value) = entry.into_inner().map_err(|error| store_error(&error))?;
            let version = key.get(prefix.len()..).and_then(decode_number);
            let entry = version.and_then(|version| read_entry(version, &value));
            entries.push(entry.ok_or_else(damaged)?);
        }
        Ok(entries)
    }

    /// The digest of the export that an experiment was imported from, if its import is not finished.
    pub(super) fn import_mark(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> fjall::Result<Option<Vec<u8>>> {
        Ok(self.meta.get(mark_key(namespace, experiment))?.map(|digest| digest.to_vec()))
    }

    /// Whether a uuid was counted before.
    pub(super) fn was_seen(&self, key: &[u8]) -> fjall::Result<bool> {
        self.seen.contains_key(key)
    }

    /// Makes changes durable, all or none, with one sync. `counted` says what there is of counters and
    /// documents afterwards.
    pub(super) fn commit(&mut self, changes: &Changes, counted: Totals) -> fjall::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for key in &changes.seen {
            batch.insert(&self.seen, &key[..], []);
        }
        for (name, counter) in &changes.counters {
            match counter {
                Some(counter) => {
                    batch.insert(&self.counters, name.as_str(), encode_counter(*counter))
                }
                None => batch.remove(&self.counters, name.as_str()),
            }
        }
        let of_days = changes.new.iter().map(|((_, id, day), new)| (day_key(*id, *day), new));
        let of_allocations = changes.allocated.iter();
        let of_allocations = of_allocations
            .map(|((_, id, allocation), new)| (allocation_key(*id, *allocation), new));
        for (key, new) in of_days.chain(of_allocations) {
            let before = self.days.get(&key)?.and_then(|value| decode_number(&value));
            batch.insert(&self.days, key, (before.unwrap_or(0) + new).to_be_bytes());
        }
        for (key, unit) in &changes.units {
            batch.insert(&self.values, &key[..], unit.encode());
        }
        for key in &changes.value_ids {
            batch.insert(&self.values, &key[..], []);
        }
        for (counter, (_, values)) in &changes.values {
            for (key, value) in values.encode(*counter) {
                batch.insert(&self.values, key, value);
            }
        }
        for (field, free) in &changes.new_names {
            let key = format!("{NEW_NAMES}{field}");
            match free {
                Some(free) => batch.insert(&self.meta, key, free.to_be_bytes()),
                None => batch.remove(&self.meta, key),
            }
        }
        for id in &changes.removed {
            batch.insert(&self.removed, id.to_be_bytes(), []);
        }
        for id in &changes.published {
            batch.remove(&self.removed, id.to_be_bytes());
        }
        for (namespace, experiment) in &changes.deleted {
            batch.remove(&self.meta, mark_key(namespace, experiment));
        }
        for (namespace, experiment, digest) in &changes.import_marks {
            let key = mark_key(namespace, experiment);
            match digest {
                Some(digest) => batch.insert(&self.meta, key, digest.as_str()),
                None => batch.remove(&self.meta, key),
            }
        }
        self.write_documents(&mut batch, changes);
        if changes.is_probe {
            batch.insert(&self.meta, "probe", vec![0; PROBE_BYTES]);
        }
        let totals = Totals {
            commits: self.totals.commits + 1,
            entries: self.totals.entries + changes.entries(),
            ..counted
        };
        batch.insert(&self.meta, "totals", totals.encode());
        batch.commit()?;
        self.totals = totals;
        self.write_watermark();
        self.compact_if_due();
        Ok(())
    }

    fn write_watermark(&self) {
        if let Err(error) = self.watermark.write(&self.totals) {
            // It is only too old now, which no reader takes for a loss.
            tracing::warn!(%error, "the watermark cannot be written");
        }
    }

    pub(super) fn write_documents(&self, batch: &mut OwnedWriteBatch, changes: &Changes) {
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
    /// off, the next call continues. What is staged stays.
    pub(super) fn sweep(&mut self, most: usize, staged: &HashSet<u64>) -> fjall::Result<bool> {
        let mut batch = self.database.batch();
        let removed = ids(&self.removed)?;
        for id in removed.into_iter().filter(|id| !staged.contains(id)) {
            let (mut start, end) = (id.to_be_bytes().to_vec(), (id + 1).to_be_bytes().to_vec());
            if self.swept.starts_with(&start) {
                start.clone_from(&self.swept);
            }
            for entry in self.seen.range(start..end).take(most.saturating_sub(batch.len())) {
                let key = entry.key()?;
                self.swept = key.to_vec();
                batch.remove(&self.seen, key);
            }
            let (mut start, end) = (id.to_be_bytes().to_vec(), (id + 1).to_be_bytes().to_vec());
            if self.swept_values.starts_with(&start) {
                start.clone_from(&self.swept_values);
            }
            for entry in self.values.range(start..end).take(most.saturating_sub(batch.len())) {
                let key = entry.key()?;
                self.swept_values = key.to_vec();
                batch.remove(&self.values, key);
            }
            if batch.len() >= most {
                break;
            }
            // A counter has few days and allocations, so they are removed together.
            for (day, _) in days_of(&self.days, id)? {
                batch.remove(&self.days, day_key(id, day));
            }
            for (allocation, _) in allocations_of(&self.days, id)? {
                batch.remove(&self.days, allocation_key(id, allocation));
            }
            batch.remove(&self.removed, id.to_be_bytes());
        }
        let finished = batch.len() < most;
        self.removed_uuids += batch.len() as u64;
        batch.commit()?;
        let enough = COMPACT_AFTER.max(self.totals.uuids / COMPACT_AFTER_PART);
        if finished && self.removed_uuids >= enough {
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
        let (database, keyspaces) = (self.database.clone(), self.keyspaces());
        let compact = move || {
            if let Err(error) = space::give_back(&database, &keyspaces) {
                tracing::warn!(%error, "the space of deleted experiments cannot be given back");
            }
        };
        let thread = std::thread::Builder::new().name("abtest-compact".into()).spawn(compact);
        self.compaction = thread.ok();
    }

    fn keyspaces(&self) -> [Keyspace; 10] {
        [
            &self.meta,
            &self.counters,
            &self.seen,
            &self.values,
            &self.days,
            &self.removed,
            &self.documents,
            &self.history,
            &self.namespaces,
            &self.damaged,
        ]
        .map(Keyspace::clone)
    }

    /// What is needed to compare the uuids of counters beside the writer.
    pub(super) fn comparison(&self, counters: Vec<ComparedCounter>) -> Comparison {
        Comparison { seen: self.seen.clone(), counters }
    }

    /// How many uuids of a counter were new under each allocation.
    pub(super) fn allocations(&self, counter: u64) -> fjall::Result<Vec<(Stated, u64)>> {
        allocations_of(&self.days, counter)
    }

    /// The totals of units and the ids of events.
    pub(super) fn values(&self) -> &Keyspace {
        &self.values
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

/// How many uuids of a counter were new on each day.
pub(super) fn days_of(days: &Keyspace, id: u64) -> fjall::Result<Vec<(Day, u64)>> {
    let mut found = Vec::new();
    for entry in days.prefix(id.to_be_bytes()) {
        let (key, value) = entry.into_inner()?;
        let day = key.get(8..).and_then(|day| day.try_into().ok()).map(u32::from_be_bytes);
        found.extend(day.map(Day).zip(decode_number(&value)));
    }
    Ok(found)
}

/// How many uuids of a counter were new under each allocation.
pub(super) fn allocations_of(days: &Keyspace, id: u64) -> fjall::Result<Vec<(Stated, u64)>> {
    let mut found = Vec::new();
    for mismatch in [false, true] {
        for entry in days.prefix([&id.to_be_bytes()[..], before_allocation(mismatch)].concat()) {
            let (key, value) = entry.into_inner()?;
            let number = key.get(9..).and_then(|one| one.try_into().ok()).map(u32::from_be_bytes);
            let number = number.and_then(|one| AllocationNumber::from_number(one.into()).ok());
            let stated = number.map(|allocation| Stated { allocation, mismatch });
            // A day of four bytes can begin like an allocation of five.
            found.extend(stated.zip(decode_number(&value)));
        }
    }
    Ok(found)
}

/// What is left of the limits per hour, by field.
pub(super) fn new_names_of(meta: &Keyspace) -> fjall::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in meta.prefix(NEW_NAMES) {
        let (key, value) = entry.into_inner()?;
        let field = key.get(NEW_NAMES.len()..).map(|field| String::from_utf8(field.to_vec()));
        found.extend(field.and_then(Result::ok).zip(decode_number(&value)));
    }
    Ok(found)
}

/// The ids of deleted counters.
pub(super) fn ids(removed: &Keyspace) -> fjall::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for entry in removed.iter() {
        ids.extend(entry.key()?.as_ref().try_into().map(u64::from_be_bytes));
    }
    Ok(ids)
}

fn mark_key(namespace: &Namespace, experiment: &Experiment) -> String {
    format!("import\0{namespace}\0{experiment}")
}

fn document_key(namespace: &Namespace, key: &DocumentKey) -> String {
    format!("{namespace}\0{}\0{}", key.kind, key.name)
}

fn history_prefix(namespace: &Namespace, key: &DocumentKey) -> Vec<u8> {
    (document_key(namespace, key) + "\0").into_bytes()
}

fn read_entry(version: u64, value: &[u8]) -> Option<HistoryEntry> {
    let (at, entry) = value.split_first_chunk::<8>()?;
    let entry = String::from_utf8(entry.to_vec()).ok()?;
    Some(HistoryEntry { version, at: u64::from_be_bytes(*at), entry })
}

/// Reads the key of a document.
pub(super) fn read_document_key(key: &[u8]) -> Option<(Namespace, DocumentKey)> {
    let mut parts = std::str::from_utf8(key).ok()?.splitn(3, SEPARATOR);
    let namespace = Namespace::new(parts.next()?).ok()?;
    let kind = Kind::from_word(parts.next()?)?;
    Some((namespace, DocumentKey::new(kind, parts.next()?)))
}

fn day_key(counter: u64, day: Day) -> Vec<u8> {
    [&counter.to_be_bytes()[..], &day.0.to_be_bytes()].concat()
}

/// Comes before the number of an allocation.
fn before_allocation(mismatch: bool) -> &'static [u8] {
    if mismatch { b"x" } else { b"a" }
}

fn allocation_key(counter: u64, Stated { allocation, mismatch }: Stated) -> Vec<u8> {
    let number = allocation.get().to_be_bytes();
    [&counter.to_be_bytes()[..], before_allocation(mismatch), &number].concat()
}

/// Reads a number.
pub(super) fn decode_number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

/// The bytes of a counter.
pub(super) fn encode_counter(counter: Counter) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&counter.id.to_be_bytes());
    value[8..].copy_from_slice(&counter.count.to_be_bytes());
    value
}

/// Reads a counter.
pub(super) fn decode_counter(value: &[u8]) -> Option<Counter> {
    let (id, count) = value.split_first_chunk::<8>()?;
    Some(Counter { id: u64::from_be_bytes(*id), count: u64::from_be_bytes(count.try_into().ok()?) })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_compaction_is_due_once_what_was_removed_is_a_tenth_of_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = super::super::open::open(folder.path()).unwrap().disk;
        disk.totals.uuids = 1_000_000;
        for (removed, compacts) in [(99_999, false), (100_000, true)] {
            disk.removed_uuids = removed;
            disk.sweep(1, &HashSet::new()).unwrap();
            assert_eq!(disk.removed_uuids == 0, compacts, "{removed} removed");
        }
    }

    #[test]
    fn a_compaction_that_became_due_while_another_ran_starts_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = super::super::open::open(folder.path()).unwrap().disk;
        let (end, ended) = mpsc::channel::<()>();
        disk.compaction = Some(std::thread::spawn(move || ended.recv().unwrap()));
        disk.removed_uuids = COMPACT_AFTER;
        assert!(disk.sweep(1, &HashSet::new()).unwrap());
        assert!(disk.compaction_due, "the other one is running");
        end.send(()).unwrap();
        while !disk.compaction.as_ref().unwrap().is_finished() {
            std::thread::yield_now();
        }
        disk.commit(&Changes::at(0), Totals::default()).unwrap();
        assert!(!disk.compaction_due);
    }
}
