//! Makes a folder that was damaged usable again with what can be read of it.
//!
//! 1. A copy gets journals of the batches that can be read. A later batch has the whole state of each
//!    counter that it changes, so a batch that is left out costs little.
//! 2. Keyspaces that fjall would not open are empty in the copy. The journals fill them as far as they go.
//! 3. Everything that can be read of the copy is written to a new folder.
//! 4. The damaged folder is set aside, and the new one takes its place.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fjall::{Database, Keyspace, PersistMode, UserKey, UserValue};
use serde::Serialize;

use super::OpenError;
use super::catalog::Counter;
use super::check::{Beside, Contents, copy_data};
use super::copies::{Copies, link_folder, remove_folder, sync_folder};
use super::disk::{decode_counter, encode_counter};
use super::journal::Journal;
use super::keyspaces::{self, Depth};
use super::open::{self, FORMAT, KEYSPACES, keyspace, open_database};
use super::values::{CounterValues, UnitTotal, decode_cap};
use super::watermark::{Noted, Watermark};

/// Records in one batch of the new folder.
const BATCH: usize = 10_000;

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Where the damaged folder is now.
    pub set_aside: PathBuf,
    /// What the folder holds now.
    pub saved: Contents,
    /// What there was after the last commit, if that is known.
    pub before: Option<Before>,
    /// Counted uuids that are not remembered: they are counted again when they come back.
    pub forgotten_uuids: u64,
}

/// What the watermark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Before {
    /// Counters.
    pub counters: u64,
    /// The sum of all counts.
    pub uuids: u64,
    /// Documents, and the marks of deleted ones.
    pub documents: u64,
}

/// Repairs a folder.
///
/// # Errors
/// When the folder is in use, is of a newer version, cannot be read or written, or has nothing left
/// that can be saved. The folder is as it was then.
pub fn repair(folder: &Path) -> Result<Repaired, OpenError> {
    let failed = |error: io::Error| OpenError::disk(folder, error);
    let watermark = Watermark::open(folder).map_err(failed)?;
    let watermark = watermark.ok_or_else(|| OpenError::InUse { folder: folder.to_owned() })?;
    Copies::finish(folder).map_err(failed)?;
    let noted = watermark.read().map_err(failed)?;
    let new = Beside::of(folder, "repaired").map_err(failed)?;
    let empty = Beside::of(folder, "empty").map_err(failed)?;
    create_keyspaces(&empty.0).map_err(|error| OpenError::database(folder, &error))?;
    let copy = Beside::of(folder, "repair").map_err(failed)?;
    let salvaged = [Depth::Manifests, Depth::Tables].into_iter().find_map(|depth| {
        let source = readable_copy(folder, &copy.0, &empty.0, depth);
        let source = source.map_err(failed).and_then(|()| open_database(&copy.0)).ok()?;
        Some((salvage(&source, &new.0), source_format(&source)))
    });
    let Some((salvaged, format)) = salvaged else {
        return Err(OpenError::damaged(folder, "nothing that is left can be opened"));
    };
    salvaged.map_err(|error| OpenError::database(folder, &error))?;
    for name in ["looks.jsonl", "controls.jsonl"] {
        if copy.0.join(name).exists() {
            fs::copy(copy.0.join(name), new.0.join(name)).map_err(failed)?;
        }
    }
    let (saved, forgotten_uuids) = open::adopt(&new.0, format, noted.commits() + 1)?;
    let set_aside = set_aside_name(folder);
    fs::rename(folder, &set_aside).map_err(failed)?;
    fs::rename(&new.0, folder).map_err(failed)?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_folder(parent).map_err(failed)?;
    }
    let before = match noted {
        Noted::Totals { totals, .. } => Some(Before {
            counters: totals.counters,
            uuids: totals.uuids,
            documents: totals.documents,
        }),
        _ => None,
    };
    Ok(Repaired { set_aside, saved, before, forgotten_uuids })
}

fn create_keyspaces(folder: &Path) -> fjall::Result<()> {
    let database = Database::builder(folder).open()?;
    for (name, _) in KEYSPACES {
        keyspace(&database, name)?;
    }
    database.persist(PersistMode::SyncAll)
}

/// Makes a copy that fjall can open, if the damage is of a kind that `depth` finds: without damaged
/// batches, and with empty keyspaces in place of damaged ones.
fn readable_copy(folder: &Path, copy: &Path, empty: &Path, depth: Depth) -> io::Result<()> {
    remove_folder(copy)?;
    fs::create_dir(copy)?;
    copy_data(folder, copy, |bytes| Journal::read(bytes).repaired(bytes))?;
    for name in ["version", "lock"] {
        fs::copy(empty.join(name), copy.join(name))?;
    }
    // Ids follow the order in which keyspaces are created; fjall itself has the first.
    for id in 0..=KEYSPACES.len() as u64 {
        let own = Path::new(keyspaces::FOLDER).join(id.to_string());
        let is_missing = !copy.join(&own).is_dir();
        if is_missing || !keyspaces::inspect_keyspace(copy, id, depth)?.is_empty() {
            remove_folder(&copy.join(&own))?;
            link_folder(&empty.join(&own), &copy.join(&own))?;
        }
    }
    Ok(())
}

/// The format of what was copied. Without its number it is the current one.
fn source_format(source: &Database) -> u32 {
    let format = keyspace(source, "meta").and_then(|meta| meta.get("format")).ok().flatten();
    let format = format.and_then(|format| std::str::from_utf8(&format).ok()?.parse().ok());
    format.unwrap_or(FORMAT)
}

/// Writes everything that can be read to a new folder.
fn salvage(source: &Database, to: &Path) -> fjall::Result<()> {
    create_keyspaces(to)?;
    let target = Database::builder(to).open()?;
    let mut counters = HashMap::new();
    let mut unreadable = Vec::new();
    visit(&keyspace(source, "counters")?, |name, value| {
        match decode_counter(&value) {
            Some(counter) => drop(counters.insert(name, counter)),
            None => unreadable.push((name, value)),
        }
        Ok(())
    })?;
    let mut remembered: HashMap<u64, u64> =
        counters.values().map(|counter: &Counter| (counter.id, 0)).collect();
    let mut seen = Writer::new(&target, "seen")?;
    visit(&keyspace(source, "seen")?, |key, value| {
        // Without its counter, a uuid would count for a later counter of the same id.
        match id_of(&key).and_then(|id| remembered.get_mut(&id)) {
            Some(count) => *count += 1,
            None => return Ok(()),
        }
        seen.insert(key, value)
    })?;
    seen.finish()?;
    let mut days = Writer::new(&target, "days")?;
    visit(&keyspace(source, "days")?, |key, value| {
        let is_known = id_of(&key).is_some_and(|id| remembered.contains_key(&id));
        if is_known { days.insert(key, value) } else { Ok(()) }
    })?;
    days.finish()?;
    let mut values = Writer::new(&target, "values")?;
    // A unit whose total is lost must not stay in the sums, so they are made anew.
    let mut sums: HashMap<u64, CounterValues> = HashMap::new();
    visit(&keyspace(source, "values")?, |key, value| {
        let Some(id) = id_of(&key).filter(|id| remembered.contains_key(id)) else { return Ok(()) };
        let sums = sums.entry(id).or_default();
        match key.get(8) {
            Some(b's') => {
                sums.cap = decode_cap(&value).or(sums.cap);
                return Ok(());
            }
            Some(b'u') => match UnitTotal::decode(&value) {
                Some(unit) => sums.replace(None, &unit),
                None => return Ok(()),
            },
            _ => {}
        }
        values.insert(key, value)
    })?;
    for (id, sums) in &sums {
        for (key, value) in sums.encode(*id) {
            values.insert(key.into(), value.into())?;
        }
    }
    values.finish()?;
    let mut writer = Writer::new(&target, "counters")?;
    for (name, Counter { id, count }) in counters {
        // The uuids may be newer than the count.
        let count = count.max(remembered.get(&id).copied().unwrap_or(0));
        writer.insert(name, encode_counter(Counter { id, count }).into())?;
    }
    for (name, value) in unreadable {
        writer.insert(name, value)?;
    }
    writer.finish()?;
    for name in ["documents", "history", "namespaces", "damaged"] {
        let mut writer = Writer::new(&target, name)?;
        visit(&keyspace(source, name)?, |key, value| writer.insert(key, value))?;
        writer.finish()?;
    }
    target.persist(PersistMode::SyncAll)
}

/// Visits what can be read of a keyspace: up to the first damaged block, and from the end back to the
/// last one.
fn visit(
    keyspace: &Keyspace,
    mut each: impl FnMut(UserKey, UserValue) -> fjall::Result<()>,
) -> fjall::Result<()> {
    let mut last = None;
    let mut is_damaged = false;
    for entry in keyspace.iter() {
        let Ok((key, value)) = entry.into_inner() else {
            is_damaged = true;
            break;
        };
        last = Some(key.clone());
        each(key, value)?;
    }
    if is_damaged {
        for entry in keyspace.iter().rev() {
            let Ok((key, value)) = entry.into_inner() else { break };
            if last.as_ref().is_some_and(|last| key <= *last) {
                break;
            }
            each(key, value)?;
        }
    }
    Ok(())
}

fn id_of(key: &[u8]) -> Option<u64> {
    key.first_chunk::<8>().map(|id| u64::from_be_bytes(*id))
}

/// Writes records of a keyspace in batches.
struct Writer<'a> {
    database: &'a Database,
    keyspace: Keyspace,
    records: Vec<(UserKey, UserValue)>,
}

impl<'a> Writer<'a> {
    fn new(database: &'a Database, name: &str) -> fjall::Result<Self> {
        Ok(Self { database, keyspace: keyspace(database, name)?, records: Vec::new() })
    }

    fn insert(&mut self, key: UserKey, value: UserValue) -> fjall::Result<()> {
        self.records.push((key, value));
        if self.records.len() < BATCH { Ok(()) } else { self.write() }
    }

    fn finish(mut self) -> fjall::Result<()> {
        self.write()
    }

    fn write(&mut self) -> fjall::Result<()> {
        let mut batch = self.database.batch();
        for (key, value) in self.records.drain(..) {
            batch.insert(&self.keyspace, key, value);
        }
        if batch.is_empty() { Ok(()) } else { batch.commit() }
    }
}

/// A name for the damaged folder that is free.
fn set_aside_name(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let names = (seconds..).map(|number| folder.with_file_name(format!("{name}.damaged-{number}")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_default()
}
