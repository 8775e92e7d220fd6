//! How often a request asks the store: a number that does not grow with the number of experiments.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi};
use abtest_model::{Event, Experiment, Namespace, Query, Tally};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{
    CommitError, Committed, Counters, Document, DocumentKey, Documents, HistoryEntry, Include,
    Kind, NamespaceSnapshot, Recorder, Refusal, StoreError, Write,
};
use http::Request;
use http_body_util::Empty;

/// A store that counts the calls to another one.
struct Counted {
    store: EmbeddedStore,
    calls: AtomicUsize,
}

impl Counted {
    fn count(&self) -> &EmbeddedStore {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &self.store
    }
}

impl Recorder for Counted {
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        self.count().record(events).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.count().health().await
    }
}

impl Counters for Counted {
    async fn read(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
        include: Include,
    ) -> Result<Vec<Tally>, StoreError> {
        self.count().read(namespace, scope, include).await
    }

    async fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        self.count().delete(namespace, experiment).await
    }
}

impl Documents for Counted {
    async fn get(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Option<Document>, StoreError> {
        self.count().get(namespace, key).await
    }

    async fn list(
        &self,
        namespace: &Namespace,
        kinds: &[Kind],
        names: Option<&[Experiment]>,
    ) -> Result<Vec<Document>, StoreError> {
        self.count().list(namespace, kinds, names).await
    }

    async fn snapshot(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        self.count().snapshot(namespace, unless_version).await
    }

    async fn commit(
        &self,
        namespace: &Namespace,
        based_on: Option<u64>,
        writes: Vec<Write>,
    ) -> Result<Committed, CommitError> {
        self.count().commit(namespace, based_on, writes).await
    }

    async fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.count().history(namespace, key).await
    }
}

#[tokio::test]
async fn the_number_of_round_trips_does_not_grow_with_the_experiments() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let counted = Arc::new(Counted { store, calls: AtomicUsize::new(0) });
    let api = OperatorApi::new(Arc::clone(&counted), ApiKeys::default());
    let mut seen: Vec<Vec<usize>> = Vec::new();
    for experiments in [1, 30] {
        let event = |index: usize| {
            let query = format!("experiment=e{index}&variant=a&event=participate&uuid=u");
            Event::from_query(&Query::parse(&query).unwrap()).unwrap()
        };
        counted.record((0..experiments).map(event).collect()).await.unwrap();
        let mut calls = Vec::new();
        for path in [
            "/experiments",
            "/experiments?method=sequential&analysis=full&days=true&memory=true",
            "/experiments?limit=1&days=true",
            "/experiments/e0?memory=true&method=sequential",
        ] {
            counted.calls.store(0, Ordering::SeqCst);
            let request = Request::builder().uri(path).extension(CheckedByGateway);
            let answer = api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await;
            assert_eq!(answer.status(), 200, "{path}");
            calls.push(counted.calls.load(Ordering::SeqCst));
        }
        seen.push(calls);
    }
    assert_eq!(seen, [[2, 2, 3, 2], [2, 2, 3, 2]]);
}
