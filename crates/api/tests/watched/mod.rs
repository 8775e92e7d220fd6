//! A store that tests look into.

#![allow(dead_code)] // no test uses all of it

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use abtest_model::{Amount, Event, Experiment, Goal, Namespace, Tally};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{
    CommitError, Committed, CountedNamespace, Counters, Danger, Document, DocumentKey, Documents,
    HistoryEntry, Include, Kind, NamespaceSnapshot, Overlaps, Part, Recorder, Refusal, StoreError,
    Write,
};
use tokio::sync::watch;

/// A store that counts the calls to another one.
pub(crate) struct Watched {
    store: EmbeddedStore,
    calls: AtomicUsize,
    is_down: AtomicBool,
    /// Whether reading definitions hangs.
    hangs: watch::Sender<bool>,
    /// The namespaces whose definitions were read without a known version.
    read_anew: Mutex<Vec<Namespace>>,
    deletes_before_commit: Mutex<Option<(Namespace, Experiment)>>,
    damaged: Mutex<Vec<DocumentKey>>,
    writes_before_read: Mutex<Option<(Namespace, Write)>>,
}

impl Watched {
    pub(crate) fn new(store: EmbeddedStore) -> Self {
        Self {
            store,
            calls: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            hangs: watch::Sender::new(false),
            read_anew: Mutex::default(),
            deletes_before_commit: Mutex::default(),
            damaged: Mutex::default(),
            writes_before_read: Mutex::default(),
        }
    }

    /// Makes every call fail, or no call any more.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Makes a document look as after a flipped byte in its record.
    pub(crate) fn damage(&self, key: DocumentKey) {
        self.damaged.lock().unwrap().push(key);
    }

    fn with_damage(&self, snapshot: Option<NamespaceSnapshot>) -> Option<NamespaceSnapshot> {
        let damaged = self.damaged.lock().unwrap();
        let mut snapshot = snapshot?;
        for document in &mut snapshot.documents {
            if damaged.contains(&document.key) {
                *document = Document::damaged(document.key.clone(), document.version);
            }
        }
        Some(snapshot)
    }

    /// Makes reading definitions hang, or lets it go on.
    pub(crate) fn set_hanging(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// The namespaces whose definitions were read without a known version since the last time.
    pub(crate) fn take_read_anew(&self) -> Vec<Namespace> {
        std::mem::take(&mut self.read_anew.lock().unwrap())
    }

    /// How many calls there were since the last time.
    pub(crate) fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    /// Deletes an experiment right before the next commit, as another operator may do.
    pub(crate) fn delete_before_commit(&self, namespace: Namespace, experiment: Experiment) {
        *self.deletes_before_commit.lock().unwrap() = Some((namespace, experiment));
    }

    /// Stores a document right before the counts are read next, as another operator may do.
    pub(crate) fn write_before_read(&self, namespace: Namespace, write: Write) {
        *self.writes_before_read.lock().unwrap() = Some((namespace, write));
    }

    fn count(&self) -> Result<&EmbeddedStore, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.answering()
    }

    fn answering(&self) -> Result<&EmbeddedStore, StoreError> {
        match self.is_down.load(Ordering::SeqCst) {
            true => Err(StoreError::Unreachable("the test says so".to_owned())),
            false => Ok(&self.store),
        }
    }
}

impl Recorder for Watched {
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        self.count()?.record(events).await
    }

    async fn health(&self) -> Result<Vec<Danger>, StoreError> {
        self.count()?.health().await
    }
}

impl Counters for Watched {
    async fn read(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
        include: Include,
    ) -> Result<Vec<Tally>, StoreError> {
        let written = self.writes_before_read.lock().unwrap().take();
        if let Some((namespace, write)) = written {
            self.store.commit(&namespace, None, vec![write]).await.unwrap();
        }
        self.count()?.read(namespace, scope, include).await
    }

    async fn counted(&self) -> Result<Vec<CountedNamespace>, StoreError> {
        self.count()?.counted().await
    }

    async fn overlaps(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Option<Overlaps>, StoreError> {
        self.count()?.overlaps(namespace, experiment).await
    }

    async fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        self.count()?.delete(namespace, experiment).await
    }

    async fn set_cap(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        goal: &Goal,
        cap: Option<Amount>,
    ) -> Result<bool, StoreError> {
        self.count()?.set_cap(namespace, experiment, goal, cap).await
    }

    async fn prune(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        part: &Part,
    ) -> Result<bool, StoreError> {
        self.count()?.prune(namespace, experiment, part).await
    }
}

impl Documents for Watched {
    async fn get(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Option<Document>, StoreError> {
        self.count()?.get(namespace, key).await
    }

    async fn list(
        &self,
        namespace: &Namespace,
        kinds: &[Kind],
        names: Option<&[Experiment]>,
    ) -> Result<Vec<Document>, StoreError> {
        self.count()?.list(namespace, kinds, names).await
    }

    async fn snapshot(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        self.count()?.snapshot(namespace, unless_version).await.map(|read| self.with_damage(read))
    }

    async fn definitions(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if unless_version.is_none() {
            self.read_anew.lock().unwrap().push(namespace.clone());
        }
        self.hangs.subscribe().wait_for(|hangs| !hangs).await.unwrap();
        let read = self.answering()?.definitions(namespace, unless_version).await;
        read.map(|read| self.with_damage(read))
    }

    async fn defining_keys(
        &self,
        namespaces: &[Namespace],
    ) -> Result<Vec<Vec<DocumentKey>>, StoreError> {
        self.count()?.defining_keys(namespaces).await
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.count()?.namespaces().await
    }

    async fn version(&self, namespace: &Namespace) -> Result<u64, StoreError> {
        self.count()?.version(namespace).await
    }

    async fn commit(
        &self,
        namespace: &Namespace,
        based_on: Option<u64>,
        writes: Vec<Write>,
    ) -> Result<Committed, CommitError> {
        let deleted = self.deletes_before_commit.lock().unwrap().take();
        if let Some((namespace, experiment)) = deleted {
            self.store.delete(&namespace, &experiment).await?;
        }
        self.count()?.commit(namespace, based_on, writes).await
    }

    async fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.count()?.history(namespace, key).await
    }
}
