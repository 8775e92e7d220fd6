//! Opens a folder: nothing that was acknowledged may be missing.
//!
//! 1. The files are checked without opening them (`files`). If one is damaged, nothing is touched.
//! 2. Everything is opened and read, and compared with what the last commit said there was.
//! 3. Only then is anything written: the steps to a newer format, and copies of damaged records.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use abtest_model::Namespace;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::catalog::{Catalog, SEPARATOR};
use super::check::{Check, Contents};
use super::copies::Copies;
use super::disk::{
    Changes, Disk, allocations_of, days_of, decode_counter, decode_number, ids, new_names_of, now,
    read_document_key,
};
use super::files;
use super::finding::Finding;
use super::keyspaces::Depth;
use super::ledger::{Changed, Content, Ledger};
use super::snapshot::{Snapshot, is_counter_name};
use super::totals::Totals;
use super::values::{CounterValues, Ledgers};
use super::watermark::{self, Noted, Watermark};
use super::{OpenError, legacy, record};
use crate::DamagedRecord;

/// The format that this version writes.
pub(super) const FORMAT: u32 = 4;

/// The format that has totals of the folder and checksums of documents first.
const WITH_TOTALS: u32 = 3;

/// The format whose looks and controls are in files.
const WITH_FILES: u32 = 1;

/// The keyspaces in the order in which they are created, and the format that has them first.
pub(super) const KEYSPACES: [(&str, u32); 10] = [
    ("meta", 1),
    ("counters", 1),
    ("seen", 1),
    ("days", 1),
    ("removed", 1),
    ("documents", 2),
    ("history", 2),
    ("namespaces", 2),
    ("damaged", 3),
    ("values", 4),
];

/// What a folder holds, read into memory.
pub(super) struct Opened {
    pub(super) disk: Disk,
    pub(super) catalog: Catalog,
    pub(super) values: Ledgers,
    pub(super) snapshot: Snapshot,
}

/// Opens a folder, or creates it, and reads every counter and document.
pub(super) fn open(folder: &Path) -> Result<Opened, OpenError> {
    let failed = |error: std::io::Error| OpenError::disk(folder, error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let watermark = Watermark::open(folder).map_err(failed)?;
    let watermark = watermark.ok_or_else(|| OpenError::InUse { folder: folder.to_owned() })?;
    Copies::finish(folder).map_err(failed)?;
    let findings = files::inspect(folder, Depth::Manifests).map_err(failed)?;
    if !findings.is_empty() {
        return Err(OpenError::Damaged { folder: folder.to_owned(), findings });
    }
    let noted = watermark.read().map_err(failed)?;
    if noted == Noted::Nothing && files::is_new(folder).map_err(failed)? {
        files::clear_new(folder).map_err(failed)?;
    }
    let copies = Copies::make(folder).map_err(failed)?;
    match read(folder, noted) {
        Ok(read) => {
            copies.discard().map_err(failed)?;
            read.finish(folder, watermark, noted).map_err(|error| OpenError::disk(folder, error))
        }
        // Another process may have the journals open: then they are not touched.
        Err(error @ OpenError::InUse { .. }) => {
            copies.discard().map_err(failed)?;
            Err(error)
        }
        Err(error) => {
            copies.restore().map_err(failed)?;
            Err(error)
        }
    }
}

/// Checks the contents of a folder whose files are whole. It may be a copy: opening it changes files.
pub(super) fn inspect(folder: &Path, noted: Noted) -> Result<Check, OpenError> {
    let failed = |error: fjall::Error| OpenError::database(folder, &error);
    let read = match read(folder, noted) {
        Ok(read) => read,
        Err(OpenError::Damaged { findings, .. }) => return Ok(Check { findings, contents: None }),
        Err(error) => return Err(error),
    };
    let mut findings = Vec::from_iter(noted_damage(noted, read.totals.commits));
    let damaged = read.snapshot.damaged();
    let records = damaged.iter().map(|record| Finding::of_contents(format!("{record} is damaged")));
    findings.extend(records);
    for (name, _) in KEYSPACES {
        let Some(keyspace) = read.keyspace(name).map_err(failed)? else { continue };
        if let Some(error) = keyspace.iter().find_map(|entry| entry.into_inner().err()) {
            findings.push(Finding::of_contents(format!("`{name}` cannot be read ({error})")));
        }
    }
    Ok(Check { findings, contents: Some(read.contents()) })
}

/// Makes a folder complete that a repair wrote records of this format to. Returns what it holds, and
/// how many counted uuids are not remembered.
pub(super) fn adopt(
    folder: &Path,
    format: u32,
    commits: u64,
) -> Result<(Contents, u64), OpenError> {
    let failed = |error: Failed| OpenError::disk(folder, error);
    let watermark = Watermark::open(folder).map_err(|error| failed(error.into()))?;
    let watermark = watermark.ok_or_else(|| OpenError::InUse { folder: folder.to_owned() })?;
    let mut read = Read::of(open_database(folder)?, format);
    read.load().map_err(|error| failed(error.into()))?;
    read.totals.commits = commits;
    let forgotten = read.missing.unseen;
    let opened = read.finish(folder, watermark, Noted::Nothing).map_err(failed)?;
    Ok((opened.contents(), forgotten))
}

/// Opens a database. A panic of fjall's at something unexpected becomes an error.
pub(super) fn open_database(folder: &Path) -> Result<Database, OpenError> {
    let opened = catch_unwind(AssertUnwindSafe(|| Database::builder(folder).open()));
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(fjall::Error::Locked)) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Ok(Err(error)) => Err(OpenError::database(folder, &error)),
        Err(_) => Err(OpenError::damaged(folder, "a file has an unexpected content")),
    }
}

/// A record that cannot be read.
struct Unreadable {
    keyspace: &'static str,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What was read from a folder, before anything is written.
struct Read {
    database: Database,
    /// The folder's format; 0 if it is new.
    format: u32,
    /// What the last commit said there was; `None` for a format that did not say it.
    stored: Option<Totals>,
    /// What there is.
    totals: Totals,
    missing: Missing,
    catalog: Catalog,
    values: Ledgers,
    snapshot: Snapshot,
    unreadable: Vec<Unreadable>,
}

/// What is missing and cannot be found again.
#[derive(Debug, Clone, Copy, Default)]
struct Missing {
    /// Uuids that are counted and not remembered.
    unseen: u64,
    /// Uuids that are counted and have no day.
    undated: u64,
}

fn read(folder: &Path, noted: Noted) -> Result<Read, OpenError> {
    let failed = |error: fjall::Error| OpenError::database(folder, &error);
    let damaged = |problem: &str| OpenError::damaged(folder, problem);
    let database = open_database(folder)?;
    let exists = |name: &str| database.keyspace_exists(name);
    let meta = exists("meta").then(|| keyspace(&database, "meta")).transpose().map_err(failed)?;
    let format = match &meta {
        Some(meta) => meta.get("format").map_err(failed)?,
        None => None,
    };
    let (Some(meta), Some(format)) = (meta, format) else {
        if noted.commits() > 0 {
            return Err(damaged("the keyspace `meta` or its content is missing"));
        }
        return Ok(Read::of(database, 0));
    };
    let format = read_format(folder, &format)?;
    let commits = meta.get("commits").map_err(failed)?;
    let commits = commits.and_then(|value| decode_number(&value)).unwrap_or(0);
    // Formats 1 and 2 created the other keyspaces after they had written their number.
    if format >= WITH_TOTALS || commits > 0 {
        let mut expected = KEYSPACES.iter().filter(|(_, since)| *since <= format);
        if let Some((name, _)) = expected.find(|(name, _)| !exists(name)) {
            return Err(damaged(&format!("the keyspace `{name}` is missing")));
        }
    }
    let mut read = Read::of(database, format);
    read.load().map_err(failed)?;
    if format >= WITH_TOTALS {
        let totals = meta.get("totals").map_err(failed)?;
        let totals = totals.and_then(|value| value.as_ref().try_into().ok().map(Totals::decode));
        read.stored = Some(totals.ok_or_else(|| damaged("the totals are missing"))?);
    }
    read.totals.commits = read.stored.map_or(commits, |stored| stored.commits);
    let findings = read.compare(&meta, noted).map_err(failed)?;
    if !findings.is_empty() {
        return Err(OpenError::Damaged { folder: folder.to_owned(), findings });
    }
    Ok(read)
}

fn read_format(folder: &Path, found: &[u8]) -> Result<u32, OpenError> {
    match std::str::from_utf8(found).ok().and_then(|format| format.parse::<u32>().ok()) {
        Some(format) if (WITH_FILES..=FORMAT).contains(&format) => Ok(format),
        Some(newer) if newer > FORMAT => {
            Err(OpenError::Newer { folder: folder.to_owned(), found: newer.to_string() })
        }
        _ => {
            let found = String::from_utf8_lossy(found).escape_debug().to_string();
            Err(OpenError::UnknownFormat { folder: folder.to_owned(), found })
        }
    }
}

impl Opened {
    /// How much there is.
    pub(super) fn contents(&self) -> Contents {
        contents(&self.catalog, &self.snapshot)
    }
}

fn contents(catalog: &Catalog, snapshot: &Snapshot) -> Contents {
    let Totals { counters, uuids, .. } = catalog.totals();
    let documents = snapshot.documents.records();
    Contents { experiments: catalog.experiments() as u64, counters, uuids, documents }
}

impl Read {
    fn contents(&self) -> Contents {
        contents(&self.catalog, &self.snapshot)
    }

    fn of(database: Database, format: u32) -> Self {
        Self {
            database,
            format,
            stored: None,
            totals: Totals::default(),
            missing: Missing::default(),
            catalog: Catalog::default(),
            values: Ledgers::default(),
            snapshot: Snapshot::default(),
            unreadable: Vec::new(),
        }
    }

    /// Reads everything. A keyspace that an older format does not have counts as empty.
    fn load(&mut self) -> fjall::Result<()> {
        self.load_counters()?;
        self.load_documents()?;
        self.count();
        Ok(())
    }

    fn keyspace(&self, name: &str) -> fjall::Result<Option<Keyspace>> {
        let exists = self.database.keyspace_exists(name);
        exists.then(|| keyspace(&self.database, name)).transpose()
    }

    fn load_counters(&mut self) -> fjall::Result<()> {
        let of_days = self.keyspace("days")?;
        let of_values = self.keyspace("values")?;
        let mut dated = 0;
        for entry in self.keyspace("counters")?.iter().flat_map(Keyspace::iter) {
            let (name, value) = entry.into_inner()?;
            let text = String::from_utf8(name.to_vec()).ok().filter(|name| is_counter_name(name));
            let (Some(text), Some(counter)) = (text, decode_counter(&value)) else {
                self.snapshot.damaged.push(damaged_record("the counter", &name));
                self.keep("counters", &name, &value);
                continue;
            };
            self.snapshot.set(&text, counter.count);
            let days = of_days.as_ref().map(|days| days_of(days, counter.id)).transpose()?;
            for (day, new) in days.unwrap_or_default() {
                dated += new;
                self.snapshot.add(&text, day, new);
            }
            let allocations = of_days.as_ref().map(|days| allocations_of(days, counter.id));
            for (allocation, new) in allocations.transpose()?.unwrap_or_default() {
                self.snapshot.add_allocated(&text, allocation, new);
            }
            let values = of_values.as_ref().map(|disk| CounterValues::read(disk, counter.id));
            if let Some(values) = values.transpose()?.flatten() {
                self.snapshot.set_values(&text, &values);
                if let Some((goal, _)) = text.rsplit_once(SEPARATOR) {
                    self.values.load(goal.to_owned(), counter.id, values);
                }
            }
            self.catalog.load(text, counter);
        }
        if let Some(removed) = self.keyspace("removed")? {
            ids(&removed)?.into_iter().for_each(|id| self.catalog.use_id(id));
        }
        if let Some(meta) = self.keyspace("meta")? {
            for (field, free) in new_names_of(&meta)? {
                self.catalog.load_new_names(field, free);
            }
        }
        let seen = self.keyspace("seen")?.map_or(0, |seen| seen.approximate_len() as u64);
        let uuids = self.catalog.totals().uuids;
        self.missing.unseen = uuids.saturating_sub(seen);
        self.missing.undated = uuids.saturating_sub(dated);
        Ok(())
    }

    fn load_documents(&mut self) -> fjall::Result<()> {
        let decode = if self.format >= WITH_TOTALS {
            record::decode
        } else {
            record::decode_without_checksum
        };
        for entry in self.keyspace("documents")?.iter().flat_map(Keyspace::iter) {
            let (key, value) = entry.into_inner()?;
            let (name, record) = (read_document_key(&key), decode(&value));
            if name.is_none() {
                self.snapshot.damaged.push(damaged_record("the document", &key));
            }
            if name.is_none() || record.content == Content::Damaged {
                self.keep("documents", &key, &value);
            }
            if let Some((namespace, key)) = name {
                self.snapshot.documents.load(namespace, key, record);
            }
        }
        for entry in self.keyspace("namespaces")?.iter().flat_map(Keyspace::iter) {
            let (name, value) = entry.into_inner()?;
            let namespace = String::from_utf8(name.to_vec()).ok();
            let namespace = namespace.and_then(|namespace| Namespace::new(namespace).ok());
            match (namespace, decode_number(&value)) {
                (Some(namespace), Some(version)) => {
                    self.snapshot.documents.load_version(namespace, version);
                }
                (namespace, _) => {
                    self.keep("namespaces", &name, &value);
                    // The next commit gives it one above all versions that there were.
                    if let Some(namespace) = namespace {
                        self.snapshot.documents.load_version(namespace, now());
                    }
                    self.snapshot.damaged.push(damaged_record("the version of namespace", &name));
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, keyspace: &'static str, key: &[u8], value: &[u8]) {
        let (key, value) = (key.to_vec(), value.to_vec());
        self.unreadable.push(Unreadable { keyspace, key, value });
    }

    /// Works out what there is.
    fn count(&mut self) {
        let ledger = &self.snapshot.documents;
        let of_counters = self.catalog.totals();
        self.totals = Totals {
            commits: self.totals.commits,
            entries: self.totals.entries,
            documents: ledger.records(),
            digest: of_counters.digest ^ ledger.digest(),
            ..of_counters
        };
    }

    /// What is missing, compared with what the last commit and the watermark say.
    fn compare(&mut self, meta: &Keyspace, noted: Noted) -> fjall::Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut expect = |what: &str, found: u64, expected: u64| {
            if found < expected {
                let lost = expected - found;
                let problem = format!("{lost} of {expected} {what} are missing");
                findings.push(Finding::of_contents(problem));
            }
        };
        let found = self.totals;
        expect("commits", found.commits, noted.commits());
        let Some(stored) = self.stored else { return Ok(findings) };
        self.totals.next_id = found.next_id.max(stored.next_id);
        self.catalog.use_ids_below(self.totals.next_id);
        self.totals.entries = stored.entries;
        // Records that are damaged themselves are reported one by one.
        let is_readable = self.unreadable.is_empty();
        if is_readable {
            expect("counters", found.counters, stored.counters);
            expect("counted uuids", found.uuids, stored.uuids);
            expect("documents", found.documents, stored.documents);
        }
        let history = self.keyspace("history")?.map_or(0, |history| history.approximate_len());
        expect("entries of the documents' histories", history as u64, stored.entries);
        let known = |name: &str| {
            let value = meta.get(name)?;
            fjall::Result::Ok(value.and_then(|value| decode_number(&value)).unwrap_or(0))
        };
        let (unseen, undated) = (known("unseen")?, known("undated")?);
        let Missing { unseen: new_unseen, undated: new_undated } = self.missing;
        expect("remembered uuids", found.uuids + unseen - new_unseen, found.uuids);
        expect("uuids in the time lines", found.uuids + undated - new_undated, found.uuids);
        if findings.is_empty() && is_readable && found.digest != stored.digest {
            let problem = "an earlier state of counters or documents has come back";
            findings.push(Finding::of_contents(problem));
        }
        Ok(findings)
    }

    /// Writes what must be written before the folder is used, in one commit.
    fn finish(
        mut self,
        folder: &Path,
        watermark: Watermark,
        noted: Noted,
    ) -> Result<Opened, Failed> {
        for (name, _) in KEYSPACES {
            keyspace(&self.database, name)?;
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut changes = Changes::at(now());
        if self.format == WITH_FILES {
            changes.documents = legacy_documents(folder, changes.at)?;
        }
        if self.stored.is_none() {
            self.upgrade(&mut batch, &changes)?;
        } else if self.format < FORMAT {
            batch.insert(&keyspace(&self.database, "meta")?, "format", FORMAT.to_string());
        }
        self.set_aside(&mut batch, changes.at)?;
        let disk = Disk::new(self.database.clone(), watermark, self.totals)?;
        disk.write_documents(&mut batch, &changes);
        if !batch.is_empty() {
            batch.commit()?;
        }
        if self.format == WITH_FILES {
            legacy::set_aside(folder)?;
        }
        disk.renew_watermark(noted);
        self.report(noted);
        let (catalog, values, snapshot) = (self.catalog, self.values, self.snapshot);
        Ok(Opened { disk, catalog, values, snapshot })
    }

    /// Takes the steps to the current format.
    fn upgrade(&mut self, batch: &mut OwnedWriteBatch, changes: &Changes) -> fjall::Result<()> {
        if self.format < WITH_TOTALS {
            let documents = keyspace(&self.database, "documents")?;
            for entry in documents.iter() {
                let (key, value) = entry.into_inner()?;
                let found = record::decode_without_checksum(&value);
                // One that cannot be read stays as it is.
                if found.content != Content::Damaged {
                    batch.insert(&documents, key, record::encode(&found));
                }
            }
        }
        for changed in &changes.documents {
            self.snapshot.documents.apply(changed);
        }
        self.count();
        self.totals.entries = keyspace(&self.database, "history")?.len()? as u64;
        let meta = keyspace(&self.database, "meta")?;
        batch.insert(&meta, "format", FORMAT.to_string());
        batch.insert(&meta, "totals", self.totals.encode());
        batch.insert(&meta, "unseen", self.missing.unseen.to_be_bytes());
        batch.insert(&meta, "undated", self.missing.undated.to_be_bytes());
        Ok(())
    }

    /// Copies records that cannot be read to a keyspace of their own, unless they are there.
    fn set_aside(&self, batch: &mut OwnedWriteBatch, now: u64) -> fjall::Result<()> {
        let damaged = keyspace(&self.database, "damaged")?;
        for Unreadable { keyspace, key, value } in &self.unreadable {
            let prefix = [keyspace.as_bytes(), b"\0", key, b"\0"].concat();
            let mut kept = damaged.prefix(&prefix).filter_map(|entry| entry.value().ok());
            if !kept.any(|kept| kept.as_ref() == value) {
                let key = [&prefix[..], &now.to_be_bytes()].concat();
                batch.insert(&damaged, key, &value[..]);
            }
        }
        Ok(())
    }

    fn report(&self, noted: Noted) {
        for record in self.snapshot.damaged() {
            tracing::error!(%record, "a record is damaged; it is set aside and not used");
        }
        if let Some(finding) = noted_damage(noted, self.totals.commits) {
            tracing::warn!(%finding, "it is written anew; an earlier loss may not be noticed");
        }
        let Contents { experiments, counters, uuids, documents } = self.contents();
        tracing::info!(experiments, counters, uuids, documents, "opened the data");
    }
}

/// What keeps a folder that was read from being used.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] fjall::Error),
    #[error(transparent)]
    Files(#[from] std::io::Error),
    #[error("{0}")]
    Documents(String),
}

/// The looks and controls of format 1.
fn legacy_documents(folder: &Path, now: u64) -> Result<Vec<Changed>, Failed> {
    let mut documents = Vec::new();
    for (namespace, writes) in legacy::read(folder)? {
        let committed = Ledger::default().commit(&namespace, None, writes, now);
        let (_, changed) = committed.map_err(|error| Failed::Documents(error.to_string()))?;
        documents.extend(changed);
    }
    Ok(documents)
}

/// What is wrong with the watermark.
fn noted_damage(noted: Noted, commits: u64) -> Option<Finding> {
    let problem = match noted {
        Noted::Damaged => "is damaged",
        Noted::Totals { is_whole: false, .. } => "is damaged in one half",
        Noted::Nothing if commits > 0 => "is missing",
        _ => return None,
    };
    Some(Finding::file(watermark::NAME, problem))
}

/// A keyspace, which is created if it does not exist.
pub(super) fn keyspace(database: &Database, name: &str) -> fjall::Result<Keyspace> {
    database.keyspace(name, KeyspaceCreateOptions::default)
}

/// What the key of a record that cannot be read says about it.
fn damaged_record(what: &str, key: &[u8]) -> DamagedRecord {
    let key = String::from_utf8_lossy(key);
    let namespace = key.split(SEPARATOR).next().and_then(|name| Namespace::new(name).ok());
    DamagedRecord { namespace, what: format!("{what} `{}`", key.escape_debug()) }
}
