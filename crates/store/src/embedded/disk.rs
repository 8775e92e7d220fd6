//! What lies in the key-value store, and one durable commit.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | `format` | the format's number |
//! | `counters` | namespace, experiment, goal, variant, with NUL between | id and count |
//! | `days` | counter id, UTC day (days since 1970) | how many uuids were new |
//! | `seen` | counter id, uuid | nothing |
//! | `removed` | id of a deleted counter whose uuids are still to be removed | nothing |
//!
//! Numbers are big-endian.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use abtest_model::{Day, Uuid};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::OpenError;
use super::catalog::{Catalog, Counter};
use super::published::Published;
use crate::StoreError;

const FORMAT: &[u8] = b"1";

/// The open key-value store.
pub(super) struct Disk {
    database: Database,
    counters: Keyspace,
    seen: Keyspace,
    days: Keyspace,
    removed: Keyspace,
    /// The last key that was swept: a sweep that began anew each time would step over all that it
    /// removed before, longer each time, while recording waits.
    swept: Vec<u8>,
}

/// What one commit changes. A counter appears once, with its last state.
#[derive(Debug)]
pub(super) struct Changes {
    /// Counters by name; none for a deleted one.
    pub(super) counters: HashMap<String, Option<Counter>>,
    /// Keys of uuids that are new.
    pub(super) seen: std::collections::HashSet<Vec<u8>>,
    /// New uuids by counter's name and id.
    pub(super) new: HashMap<(String, u64), u64>,
    /// The day on which they are new.
    pub(super) day: Day,
    /// Ids of deleted counters.
    pub(super) removed: Vec<u64>,
}

impl Changes {
    /// None yet, on a day.
    pub(super) fn on(day: Day) -> Self {
        Self {
            counters: HashMap::new(),
            seen: std::collections::HashSet::new(),
            new: HashMap::new(),
            day,
            removed: Vec::new(),
        }
    }
}

/// The key under which a counter's uuid is remembered.
pub(super) fn seen_key(counter: u64, uuid: &Uuid) -> Vec<u8> {
    [&counter.to_be_bytes(), uuid.as_str().as_bytes()].concat()
}

impl Disk {
    /// Opens a folder, or makes it, and reads every counter.
    pub(super) fn open(folder: &Path) -> Result<(Self, Catalog, Published), OpenError> {
        let failed = |reason: String| OpenError::Disk { folder: folder.to_owned(), reason };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed(error.to_string()))?;
        let disk = Self::open_database(folder).map_err(|error| match error {
            fjall::Error::Locked => OpenError::InUse { folder: folder.to_owned() },
            error => failed(error.to_string()),
        })?;
        let (disk, format) = disk;
        if format != FORMAT {
            let found = String::from_utf8_lossy(&format).into_owned();
            return Err(OpenError::Newer { folder: folder.to_owned(), found });
        }
        let (catalog, published) = disk.load().map_err(|error| failed(error.to_string()))?;
        Ok((disk, catalog, published))
    }

    fn open_database(folder: &Path) -> fjall::Result<(Self, Vec<u8>)> {
        let database = Database::builder(folder).open()?;
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        let meta = keyspace("meta")?;
        let format = match meta.get("format")? {
            Some(format) => format.to_vec(),
            None => {
                meta.insert("format", FORMAT)?;
                database.persist(PersistMode::SyncAll)?;
                FORMAT.to_vec()
            }
        };
        let disk = Self {
            counters: keyspace("counters")?,
            seen: keyspace("seen")?,
            days: keyspace("days")?,
            removed: keyspace("removed")?,
            swept: Vec::new(),
            database,
        };
        Ok((disk, format))
    }

    fn load(&self) -> fjall::Result<(Catalog, Published)> {
        let (mut catalog, mut published) = (Catalog::default(), Published::default());
        for entry in self.counters.iter() {
            let (name, value) = entry.into_inner()?;
            let (Ok(name), Some(counter)) = (String::from_utf8(name.to_vec()), decode(&value))
            else {
                tracing::warn!("a counter on disk cannot be read; passed over");
                continue;
            };
            published.set(&name, Some(counter.count));
            for (day, new) in self.days_of(counter.id)? {
                published.add(&name, day, new);
            }
            catalog.load(name, counter);
        }
        for id in self.removed_ids()? {
            catalog.use_id(id);
        }
        Ok((catalog, published))
    }

    /// Whether a uuid was counted before.
    pub(super) fn was_seen(&self, key: &[u8]) -> fjall::Result<bool> {
        self.seen.contains_key(key)
    }

    /// Makes changes durable, all or none, with one sync.
    pub(super) fn commit(&self, changes: &Changes) -> fjall::Result<()> {
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
        for ((_, id), new) in &changes.new {
            let key = day_key(*id, changes.day);
            let before = self.days.get(&key)?.and_then(|value| decode_number(&value));
            batch.insert(&self.days, key, (before.unwrap_or(0) + new).to_be_bytes());
        }
        for id in &changes.removed {
            batch.insert(&self.removed, id.to_be_bytes(), []);
        }
        batch.commit()
    }

    /// Removes up to `most` uuids of deleted counters, and tells whether that was all. Cut off
    /// at any point, it goes on at the next call.
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
            // A counter has few days: they go at once.
            for (day, _) in self.days_of(id)? {
                batch.remove(&self.days, day_key(id, day));
            }
            batch.remove(&self.removed, id.to_be_bytes());
        }
        let finished = batch.len() < most;
        batch.commit()?;
        Ok(finished)
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

/// What a failure of the disk means for those who wait.
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
