//! What a request decided from the counts of an experiment never belongs to a later experiment of
//! the same name.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod watched;

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi};
use abtest_model::{Event, Experiment, Namespace, Query};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{Documents, Expected, Kind, Recorder, Write};
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use serde_json::{Value, json};

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

/// Sends a request with a JSON body. Returns the status, the `ETag` and the body.
async fn send(
    api: &OperatorApi<Watched>,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, String, Value) {
    let request = Request::builder().method(method).uri(path).extension(CheckedByGateway);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = api.answer(request.body(Full::<bytes::Bytes>::from(body)).unwrap()).await;
    let status = answer.status().as_u16();
    let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, tag.unwrap_or_default(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_definition_that_is_stored_while_its_namespace_is_deleted_keeps_its_layer() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default());
    let layers = json!({"layers": [{"name": "checkout"}]});
    assert_eq!(send(&api, "PATCH", "/settings?namespace=shop", layers).await.0, 200);
    let definition = json!({"variants": [{"name": "a"}, {"name": "b"}], "goals": [{"name": "buy"}],
        "layer": "checkout", "id": "late-id", "salt": "late-salt", "version": 1,
        "created": "2026-12-01T09:00:00Z", "updated": "2026-12-01T09:00:00Z"});
    let key = Kind::Definition.of(&Experiment::new("late").unwrap());
    let write = Write::put(key, Expected::Absent, definition.to_string());
    store.write_before_read(Namespace::new("shop").unwrap(), write);
    let (status, _, answer) = send(&api, "DELETE", "/namespaces/shop", Value::Null).await;
    assert_eq!((status, &answer["finished"]), (200, &json!(false)), "{answer}");
    let settings = send(&api, "GET", "/settings?namespace=shop", Value::Null).await.2;
    assert_eq!(settings["layers"][0]["name"], "checkout", "{settings}");
    let (status, _, answer) = send(&api, "DELETE", "/namespaces/shop", Value::Null).await;
    assert_eq!((status, &answer["finished"]), (200, &json!(true)), "{answer}");
    assert_eq!(send(&api, "DELETE", "/namespaces/shop", Value::Null).await.0, 404);
}

#[tokio::test]
async fn after_a_deletion_a_change_of_the_settings_answers_with_their_version() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let api = OperatorApi::new(Arc::new(Watched::new(store)), ApiKeys::default());
    let change = json!({"layers": [{"name": "checkout"}]});
    let path = "/settings?namespace=shop";
    assert_eq!(send(&api, "PATCH", path, change.clone()).await.1, "\"1\"");
    assert_eq!(send(&api, "DELETE", "/namespaces/shop", Value::Null).await.0, 200);
    let (status, tag, _) = send(&api, "PATCH", path, change).await;
    assert_eq!(status, 200);
    assert_eq!(send(&api, "GET", path, Value::Null).await.1, tag);
}
