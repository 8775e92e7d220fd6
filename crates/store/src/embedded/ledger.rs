//! The documents in memory: what a commit changes, and what readers see.

use std::collections::BTreeMap;
use std::sync::Arc;

use abtest_model::{Experiment, Namespace};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::documents::check_distinct;
use crate::{
    Change, CommitError, Committed, DamagedRecord, Document, DocumentKey, Kind, NamespaceSnapshot,
    Write,
};

/// The documents of all namespaces.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    namespaces: BTreeMap<Namespace, Documents>,
    /// How many documents and tombstones there are.
    records: u64,
    /// A sum over the versions of all documents and namespaces.
    digest: u64,
}

#[derive(Debug, Clone, Default)]
struct Documents {
    version: u64,
    records: BTreeMap<DocumentKey, Record>,
}

/// What is stored for a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) version: u64,
    pub(super) content: Content,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// JSON text.
    Json(Arc<str>),
    /// Nothing: the document was deleted.
    Tombstone,
    /// Something that cannot be read.
    Damaged,
}

impl Record {
    /// The version that a write must expect; `None` if the document does not exist.
    fn live_version(&self) -> Option<u64> {
        (self.content != Content::Tombstone).then_some(self.version)
    }

    fn document(&self, key: &DocumentKey) -> Option<Document> {
        match &self.content {
            Content::Json(json) => Some(Document::new(key.clone(), self.version, Arc::clone(json))),
            Content::Tombstone => None,
            Content::Damaged => Some(Document::damaged(key.clone(), self.version)),
        }
    }
}

/// What a commit changed.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) namespace: Namespace,
    /// The namespace's new version.
    pub(super) version: u64,
    pub(super) documents: Vec<ChangedDocument>,
}

/// A document that a commit changed.
#[derive(Debug, Clone)]
pub(super) struct ChangedDocument {
    pub(super) key: DocumentKey,
    pub(super) record: Record,
    /// The history entry, if there is one.
    pub(super) entry: Option<String>,
}

impl Ledger {
    /// Takes a record as it was found on disk.
    pub(super) fn load(&mut self, namespace: Namespace, key: DocumentKey, record: Record) {
        self.set(&namespace, key, record);
    }

    /// Takes a namespace's version as it was found on disk.
    pub(super) fn load_version(&mut self, namespace: Namespace, version: u64) {
        self.set_version(&namespace, version);
    }

    /// How many documents and tombstones there are.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// A sum over the versions of all documents and namespaces, in any order.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// Takes what a commit changed.
    pub(super) fn apply(&mut self, changed: &Changed) {
        self.set_version(&changed.namespace, changed.version);
        for ChangedDocument { key, record, .. } in &changed.documents {
            self.set(&changed.namespace, key.clone(), record.clone());
        }
    }

    fn set(&mut self, namespace: &Namespace, key: DocumentKey, record: Record) {
        let name = format!("{namespace}\0{}\0{}", key.kind, key.name);
        self.digest ^= digest(&name, record.version);
        let documents = self.namespaces.entry(namespace.clone()).or_default();
        match documents.records.insert(key, record) {
            Some(before) => self.digest ^= digest(&name, before.version),
            None => self.records += 1,
        }
    }

    fn set_version(&mut self, namespace: &Namespace, version: u64) {
        let documents = self.namespaces.entry(namespace.clone()).or_default();
        let before = std::mem::replace(&mut documents.version, version);
        self.digest ^= digest(namespace.as_str(), before) ^ digest(namespace.as_str(), version);
    }

    /// The documents that cannot be read.
    pub(super) fn damaged(&self) -> impl Iterator<Item = DamagedRecord> {
        self.namespaces.iter().flat_map(|(namespace, documents)| {
            let damaged = documents.records.iter();
            let damaged = damaged.filter(|(_, record)| record.content == Content::Damaged);
            damaged.map(|(key, _)| DamagedRecord {
                namespace: Some(namespace.clone()),
                what: key.to_string(),
            })
        })
    }

    /// The keys of the definitions, layers and settings of a namespace.
    pub(super) fn defining_keys(&self, namespace: &Namespace) -> Vec<DocumentKey> {
        let is_defining = |document: &Document| Kind::DEFINING.contains(&document.key.kind);
        self.documents(namespace).filter(is_defining).map(|document| document.key).collect()
    }

    /// The namespaces that documents were written to.
    pub(super) fn namespaces(&self) -> Vec<Namespace> {
        self.namespaces.keys().cloned().collect()
    }

    /// Checks a commit and works out what it changes; `now` is in Unix milliseconds. The caller
    /// applies the change. Without writes there is no change.
    pub(super) fn commit(
        &self,
        namespace: &Namespace,
        based_on: Option<u64>,
        writes: Vec<Write>,
        now: u64,
    ) -> Result<(Committed, Option<Changed>), CommitError> {
        check_distinct(&writes)?;
        let before = self.version(namespace);
        if based_on.is_some_and(|version| version != before) {
            return Err(CommitError::Outdated { found: before });
        }
        for write in &writes {
            let found = self.record(namespace, &write.key).and_then(Record::live_version);
            if !write.expected.matches(found) {
                return Err(CommitError::Conflict { key: write.key.clone(), found });
            }
        }
        if writes.is_empty() {
            return Ok((Committed { version: before, versions: Vec::new() }, None));
        }
        let after = now.max(before + 1);
        let mut versions = Vec::with_capacity(writes.len());
        let mut documents = Vec::with_capacity(writes.len());
        for Write { key, change, entry, .. } in writes {
            let record = self.record(namespace, &key);
            let version = record.map_or(0, |record| record.version);
            let content = match change {
                Change::Put(content) => Content::Json(content),
                Change::Delete if record.and_then(Record::live_version).is_none() => {
                    versions.push(version);
                    continue;
                }
                Change::Delete => Content::Tombstone,
            };
            versions.push(version + 1);
            let record = Record { version: version + 1, content };
            documents.push(ChangedDocument { key, record, entry });
        }
        let changed = Changed { namespace: namespace.clone(), version: after, documents };
        Ok((Committed { version: after, versions }, Some(changed)))
    }

    pub(super) fn get(&self, namespace: &Namespace, key: &DocumentKey) -> Option<Document> {
        self.record(namespace, key)?.document(key)
    }

    pub(super) fn list(
        &self,
        namespace: &Namespace,
        kinds: &[Kind],
        names: Option<&[Experiment]>,
    ) -> Vec<Document> {
        let mut found: Vec<Document> = match names {
            Some(names) => kinds
                .iter()
                .flat_map(|kind| names.iter().map(|name| kind.of(name)))
                .filter_map(|key| self.get(namespace, &key))
                .collect(),
            None => {
                let all = self.documents(namespace);
                all.filter(|document| kinds.contains(&document.key.kind)).collect()
            }
        };
        found.sort_by(|one, other| one.key.cmp(&other.key));
        found.dedup_by(|one, other| one.key == other.key);
        found
    }

    pub(super) fn snapshot(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Option<NamespaceSnapshot> {
        let version = self.version(namespace);
        if unless_version == Some(version) {
            return None;
        }
        Some(NamespaceSnapshot { version, documents: self.documents(namespace).collect() })
    }

    pub(super) fn version(&self, namespace: &Namespace) -> u64 {
        self.namespaces.get(namespace).map_or(0, |documents| documents.version)
    }

    fn documents(&self, namespace: &Namespace) -> impl Iterator<Item = Document> {
        let records = self.namespaces.get(namespace).into_iter();
        let records = records.flat_map(|documents| &documents.records);
        records.filter_map(|(key, record)| record.document(key))
    }

    fn record(&self, namespace: &Namespace, key: &DocumentKey) -> Option<&Record> {
        self.namespaces.get(namespace)?.records.get(key)
    }
}

/// A number that changes with a version; 0 for no version.
fn digest(name: &str, version: u64) -> u64 {
    if version == 0 { 0 } else { xxh3_64_with_seed(name.as_bytes(), version) }
}
