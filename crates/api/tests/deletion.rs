//! What a request decided from the counts of an experiment never belongs to a later experiment of
//! the same name.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod watched;

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi};
use abtest_model::{Event, Experiment, Namespace, Query};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{Documents, Kind, Recorder};
use http::Request;
use http_body_util::Empty;

use watched::Watched;

#[tokio::test]
async fn a_look_or_a_control_does_not_survive_a_deletion_at_the_same_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default());
    let (namespace, experiment) = (Namespace::default(), Experiment::new("e").unwrap());
    for (method, path) in [
        ("POST", "/experiments/e/looks?planned=100&method=sequential"),
        ("PUT", "/experiments/e/control?variant=a"),
    ] {
        let send = async || {
            let request = Request::builder().method(method).uri(path).extension(CheckedByGateway);
            api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.status()
        };
        let event = |uuid: usize| {
            let variant = if uuid.is_multiple_of(2) { "a" } else { "b" };
            let query = format!("experiment=e&variant={variant}&event=participate&uuid={uuid}");
            Event::from_query(&Query::parse(&query).unwrap()).unwrap()
        };
        let events: Vec<Event> = (0..20).map(event).collect();
        store.record(events.clone()).await.unwrap();
        store.delete_before_commit(namespace.clone(), experiment.clone());
        assert_eq!(send().await, 404, "{path}: the experiment is gone");
        let kept = store.list(&namespace, &Kind::ALL, None).await.unwrap();
        assert_eq!(kept, [], "{path}");
        store.record(events).await.unwrap();
        assert_eq!(send().await, 200, "{path}: undisturbed");
        let kept = store.list(&namespace, &Kind::ALL, None).await.unwrap();
        assert_eq!(kept.len(), 1, "{path}");
        abtest_store::Counters::delete(&*store, &namespace, &experiment).await.unwrap();
    }
}

#[tokio::test]
async fn an_alarm_does_not_survive_a_deletion_at_the_same_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default());
    let (namespace, experiment) = (Namespace::default(), Experiment::new("e").unwrap());
    let event = |uuid: usize| {
        let variant = if uuid < 200 { "a" } else { "b" };
        let query = format!("experiment=e&variant={variant}&event=participate&uuid={uuid}");
        Event::from_query(&Query::parse(&query).unwrap()).unwrap()
    };
    for path in ["/experiments", "/experiments/e"] {
        let read = async || {
            let request = Request::builder().uri(path).extension(CheckedByGateway);
            api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.status()
        };
        store.record((0..1_000).map(event).collect()).await.unwrap();
        store.delete_before_commit(namespace.clone(), experiment.clone());
        assert_eq!(read().await, 200, "{path}");
        let kept = store.list(&namespace, &[Kind::Alarm], None).await.unwrap();
        assert_eq!(kept, [], "{path}");
        store.record((0..1_000).map(event).collect()).await.unwrap();
        assert_eq!(read().await, 200, "{path}: undisturbed");
        let kept = store.list(&namespace, &[Kind::Alarm], None).await.unwrap();
        assert_eq!(kept.len(), 1, "{path}");
        abtest_store::Counters::delete(&*store, &namespace, &experiment).await.unwrap();
    }
}
