//! How often a request asks the store: a number that does not grow with the number of experiments.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod watched;

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi};
use abtest_model::{Event, Namespace, Query};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{DocumentKey, Documents, Expected, Kind, Recorder, Write};
use http::Request;
use http_body_util::{BodyExt as _, Empty};

use watched::Watched;

#[tokio::test]
async fn the_number_of_round_trips_does_not_grow_with_the_experiments() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let watched = Arc::new(Watched::new(store));
    let api = OperatorApi::new(Arc::clone(&watched), ApiKeys::default());
    let mut seen: Vec<Vec<usize>> = Vec::new();
    for experiments in [1, 30] {
        let event = |index: usize| {
            let query = format!("experiment=e{index}&variant=a&event=participate&uuid=u");
            Event::from_query(&Query::parse(&query).unwrap()).unwrap()
        };
        watched.record((0..experiments).map(event).collect()).await.unwrap();
        let mut calls = Vec::new();
        for path in [
            "/experiments",
            "/experiments?method=sequential&analysis=full&days=true&memory=true",
            "/experiments?limit=1&days=true",
            "/experiments/e0?memory=true&method=sequential",
        ] {
            watched.take_calls();
            let request = Request::builder().uri(path).extension(CheckedByGateway);
            let answer = api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await;
            assert_eq!(answer.status(), 200, "{path}");
            calls.push(watched.take_calls());
        }
        seen.push(calls);
    }
    assert_eq!(seen, [[2, 2, 3, 3], [2, 2, 3, 3]]);
}

#[tokio::test]
async fn the_list_of_namespaces_asks_the_store_as_often_for_one_as_for_many() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let watched = Arc::new(Watched::new(store));
    let api = OperatorApi::new(Arc::clone(&watched), ApiKeys::default());
    for namespaces in [1, 5] {
        for index in 0..namespaces {
            let query =
                format!("namespace=n{index}&experiment=e&variant=a&event=participate&uuid=u");
            let event = Event::from_query(&Query::parse(&query).unwrap()).unwrap();
            watched.record(vec![event]).await.unwrap();
            let settings = Write::put(DocumentKey::settings(), Expected::Any, "{}");
            let defined = Namespace::new(format!("d{index}")).unwrap();
            watched.commit(&defined, None, vec![settings]).await.unwrap();
        }
        watched.take_calls();
        let request = Request::get("/namespaces").extension(CheckedByGateway);
        let answer = api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await;
        assert_eq!(watched.take_calls(), 3);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(list["namespaces"].as_array().unwrap().len(), 2 * namespaces, "{list}");
    }
}

#[tokio::test]
async fn only_the_read_that_first_finds_a_sample_ratio_alarm_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let watched = Arc::new(Watched::new(store));
    let api = OperatorApi::new(Arc::clone(&watched), ApiKeys::default());
    let event = |index: usize| {
        let (name, variant) = (index % 2, if index < 200 { "a" } else { "b" });
        let query = format!("experiment=e{name}&variant={variant}&event=participate&uuid={index}");
        Event::from_query(&Query::parse(&query).unwrap()).unwrap()
    };
    watched.record((0..1_000).map(event).collect()).await.unwrap();
    let mut calls = Vec::new();
    // The list finds both alarms and stores them in one commit.
    for path in ["/experiments", "/experiments", "/experiments/e0", "/experiments/e1"] {
        watched.take_calls();
        let request = Request::builder().uri(path).extension(CheckedByGateway);
        let answer = api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await;
        assert_eq!(answer.status(), 200, "{path}");
        calls.push(watched.take_calls());
    }
    assert_eq!(calls, [3, 2, 3, 3]);
    let alarms = watched.list(&Namespace::default(), &[Kind::Alarm], None).await.unwrap();
    assert_eq!(alarms.len(), 2);
}

/// The requests that analyse experiments.
const REPORTS: [(&str, &str); 3] = [
    ("GET", "/experiments?analysis=full"),
    ("GET", "/experiments/e?history=true"),
    ("POST", "/experiments/e/looks?planned=10000&method=sequential"),
];

#[test]
fn an_analysis_does_not_keep_the_runtime_from_recording_events() {
    // The only thread for calculations is taken, so a report waits, and events must not.
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
        let store = Arc::new(Watched::new(store));
        let event = |uuid: usize| {
            let variant = if uuid.is_multiple_of(2) { "a" } else { "b" };
            let query = format!("experiment=e&variant={variant}&event=participate&uuid={uuid}");
            Event::from_query(&Query::parse(&query).unwrap()).unwrap()
        };
        store.record((0..100).map(event).collect()).await.unwrap();
        let api = Arc::new(OperatorApi::new(Arc::clone(&store), ApiKeys::default()));
        for (method, path) in REPORTS {
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let taken = tokio::task::spawn_blocking(move || wait.recv());
            let request = Request::builder().method(method).uri(path).extension(CheckedByGateway);
            let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
            let api = Arc::clone(&api);
            let report = tokio::spawn(async move { api.answer(request).await.status() });
            for uuid in 0..20 {
                store.record(vec![event(uuid)]).await.unwrap();
            }
            assert!(!report.is_finished(), "{path}");
            release.send(()).unwrap();
            taken.await.unwrap().unwrap();
            assert_eq!(report.await.unwrap(), 200, "{path}");
        }
    });
}
