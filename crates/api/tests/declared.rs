//! A namespace that accepts declared names only: what a stranger makes up leaves nothing behind.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod watched;

use std::sync::Arc;

use abtest_api::TrackApi;
use abtest_model::{Experiment, Namespace};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{Counters, DocumentKey, Documents, Expected, Include, Kind, Write};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use watched::Watched;

async fn track(api: &TrackApi<Watched>, events: &Value) -> (u16, Value) {
    let request = Request::builder().method("POST").uri("/track");
    let answer = api.answer(request.body(Full::<Bytes>::from(events.to_string())).unwrap()).await;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn put(store: &Watched, key: DocumentKey, content: Value) {
    let write = Write::put(key, Expected::Any, content.to_string());
    store.commit(&Namespace::default(), None, vec![write]).await.unwrap();
}

fn definition(name: &str) -> (DocumentKey, Value) {
    let key = Kind::Definition.of(&Experiment::new(name).unwrap());
    let content = json!({"variants": [{"name": "a"}, {"name": "b"}], "goals": [{"name": "buy"}],
        "id": format!("{name}-id"), "salt": format!("{name}-salt"), "version": 1,
        "created": "2026-12-01T09:00:00Z", "updated": "2026-12-01T09:00:00Z"});
    (key, content)
}

fn event(experiment: &str, variant: &str, goal: &str, uuid: &str) -> Value {
    json!({"experiment": experiment, "variant": variant, "event": goal, "uuid": uuid})
}

#[tokio::test]
async fn undeclared_names_are_refused_one_by_one_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    put(&store, DocumentKey::settings(), json!({"accept": "declared"})).await;
    let (key, content) = definition("button");
    put(&store, key, content).await;
    let api = TrackApi::new(Arc::clone(&store));
    let batch = json!([
        event("button", "a", "participate", "1"),
        event("button", "a", "buy", "1"),
        event("button", "c", "buy", "1"),
        event("button", "a", "sell", "1"),
        event("other", "a", "buy", "1"),
    ]);
    let (status, answer) = track(&api, &batch).await;
    assert_eq!((status, &answer["accepted"]), (207, &json!(2)), "{answer}");
    let refused: Vec<(u64, u64, &str)> = answer["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["index"].as_u64().unwrap(),
                one["status"].as_u64().unwrap(),
                one["parameter"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(refused, [(2, 404, "variant"), (3, 404, "event"), (4, 404, "experiment")]);
    let (status, answer) = track(&api, &event("other", "a", "buy", "1")).await;
    assert_eq!((status, &answer["rule"]), (404, &json!("declared")));

    // One call records, and 20,000 made-up names cause at most one more read per second.
    store.take_calls();
    let start = std::time::Instant::now();
    for hundred in 0..200 {
        let made_up = |index| event(&format!("x{hundred}-{index}"), "a", "participate", "1");
        let batch: Value = (0..100).map(made_up).collect();
        assert_eq!(track(&api, &batch).await.0, 404);
    }
    let calls = store.take_calls();
    let seconds = start.elapsed().as_secs() as usize + 1;
    assert!(calls <= 200 + seconds + 1, "{calls} calls in {seconds} seconds");
    let left = store.read(&Namespace::default(), None, Include::COUNTS).await.unwrap();
    assert_eq!(left.len(), 1);
    let known = track(&api, &event("button", "b", "participate", "2")).await;
    assert_eq!(known.0, 200);
}

#[tokio::test]
async fn a_new_definition_is_found_by_its_first_event() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    put(&store, DocumentKey::settings(), json!({"accept": "declared"})).await;
    let api = TrackApi::new(Arc::clone(&store));
    let other =
        json!([{"experiment": "x", "variant": "a", "event": "e", "uuid": "1", "namespace": "n"}]);
    assert_eq!(track(&api, &other).await.0, 200, "another namespace accepts any name");
    // What is known of the namespace is read before the definition is there.
    let (key, content) = definition("button");
    let known = json!([event("late", "a", "participate", "1")]);
    let api_before = TrackApi::new(Arc::clone(&store));
    put(&store, key, content).await;
    assert_eq!(track(&api, &json!([event("button", "a", "buy", "1")])).await.0, 200);
    assert_eq!(track(&api_before, &known).await.0, 404);
}

#[tokio::test]
async fn a_goal_that_another_process_declared_is_known_from_its_first_event_despite_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    let (key, mut content) = definition("button");
    put(&store, key.clone(), content.clone()).await;
    let api = TrackApi::new(Arc::clone(&store));
    assert_eq!(track(&api, &json!([event("button", "a", "participate", "1")])).await.0, 200);
    // Another process declares a count goal and changes the weights.
    content["goals"] = json!([{"name": "buy"}, {"name": "visits", "kind": "count"}]);
    content["allocation"] = json!({"number": 2, "ranges": {"a": [[0, 4_000]], "b": [[4_000, 10_000]]},
        "weights": {"a": 40, "b": 60}, "from": "2026-12-01T09:00:00Z", "by": "edit"});
    content["version"] = 2.into();
    put(&store, key, content).await;
    // A stranger's allocations cause reads of the stranger's namespace only.
    let stranger = json!([{"experiment": "x", "variant": "a", "event": "e", "uuid": "1",
        "namespace": "n", "allocation": 4_000_000_000_u32}]);
    assert_eq!(track(&api, &stranger).await.0, 200);
    let mut visit = event("button", "a", "visits", "1");
    visit["allocation"] = 2.into();
    assert_eq!(track(&api, &json!([visit])).await.0, 200);
    let include = Include { values: true, allocations: true, ..Include::COUNTS };
    let tally = store.read(&Namespace::default(), None, include).await.unwrap().remove(0);
    let values = format!("{:?}", tally.values);
    assert!(values.contains("units: 1"), "{values}");
    let allocations = format!("{:?}", tally.allocations);
    assert!(allocations.contains("visits"), "{allocations}");
}

/// Lets every spawned task run until it waits.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

fn in_namespaces(count: usize, tag: &str) -> Value {
    let event = |index| {
        json!({"experiment": "x", "variant": "a", "event": "e", "uuid": "1", "allocation": 1,
            "namespace": format!("{tag}{index}")})
    };
    (0..count).map(event).collect()
}

#[tokio::test]
async fn the_namespaces_of_a_request_are_read_at_the_same_time_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    let api = Arc::new(TrackApi::new(Arc::clone(&store)));
    store.set_hanging(true);
    let request = tokio::spawn(async move { track(&api, &in_namespaces(500, "made-up-")).await.0 });
    settle().await;
    assert_eq!(store.take_calls(), 500);
    store.set_hanging(false);
    request.await.unwrap();
    // One read because of the unknown allocations, and those that record the events.
    let calls = store.take_calls();
    assert!(calls <= 4, "{calls}");
}

#[tokio::test]
async fn requests_that_wait_for_a_namespace_share_the_answer_of_a_store_that_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    let api = Arc::new(TrackApi::new(Arc::clone(&store)));
    store.set_hanging(true);
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let api = Arc::clone(&api);
        requests.spawn(async move { track(&api, &event("button", "a", "buy", "1")).await.0 });
    }
    settle().await;
    store.set_down(true);
    store.set_hanging(false);
    assert_eq!(requests.join_all().await, [503; 12]);
    // The first request reads, one of the others reads for all of them, and each tries to record.
    let calls = store.take_calls();
    assert!(calls <= 2 + 12, "{calls} calls");
    store.set_down(false);
    assert_eq!(track(&api, &event("button", "a", "buy", "1")).await.0, 200);
}

#[tokio::test]
async fn made_up_namespaces_do_not_make_the_process_forget_what_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    let store = Arc::new(Watched::new(store));
    put(&store, DocumentKey::settings(), json!({"accept": "declared"})).await;
    let api = TrackApi::new(Arc::clone(&store));
    let unknown = event("unknown", "a", "buy", "1");
    assert_eq!(track(&api, &unknown).await.0, 404);
    for tag in ["a", "b", "c"] {
        let made_up = in_namespaces(500, tag);
        let (status, answer) = track(&api, &made_up).await;
        assert!([200, 207, 429].contains(&status), "{answer}");
    }
    store.take_read_anew();
    store.take_calls();
    // The unknown name causes another read of its namespace at most a second later.
    let start = std::time::Instant::now();
    while store.take_calls() == 0 {
        assert!(start.elapsed().as_secs() < 20);
        assert_eq!(track(&api, &unknown).await.0, 404);
        tokio::task::yield_now().await;
    }
    assert_eq!(store.take_read_anew(), []);
}
