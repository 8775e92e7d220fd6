//! Goals with values: from events to a verdict.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi, TrackApi};
use abtest_store::embedded::EmbeddedStore;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

/// 300 participants of a variant. Every second one spends the amount, a little more or a little less.
fn visits(variant: &str, amount: f64) -> Vec<Value> {
    let visit = |index: u32| {
        let event = |name: &str| json!({"experiment": "shop", "variant": variant, "event": name, "uuid": format!("{variant} {index}")});
        let mut events = vec![event("participate")];
        if index.is_multiple_of(2) {
            let mut order = event("revenue");
            let spent = amount + f64::from(index % 3) - 1.0;
            order["value"] = json!(format!("{spent:.2}"));
            order["id"] = json!(format!("order {variant} {index}"));
            events.extend([order.clone(), order]);
        }
        events
    };
    (0..300).flat_map(visit).collect()
}

#[tokio::test]
async fn a_verdict_about_revenue_compares_the_means_of_all_participants() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(folder.path(), Default::default()).unwrap());
    let track = TrackApi::new(Arc::clone(&store));
    let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default());
    let send = async |method: &str, path: &str, body: String| {
        let request = Request::builder().method(method).uri(path).extension(CheckedByGateway);
        let answer = api.answer(request.body(Full::<Bytes>::from(body)).unwrap()).await;
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let definition = json!({
        "variants": [{"name": "control"}, {"name": "green"}], "status": "running",
        "goals": [{"name": "revenue", "kind": "value", "unit": "EUR", "decimals": 2, "role": "primary"}],
    });
    send("PUT", "/experiments/shop/definition", definition.to_string()).await;
    let events: Vec<Value> =
        visits("control", 10.0).into_iter().chain(visits("green", 15.0)).collect();
    for batch in events.chunks(500) {
        let request = Request::builder().method("POST").uri("/track");
        let body = Full::<Bytes>::from(Value::from(batch).to_string());
        assert_eq!(track.answer(request.body(body).unwrap()).await.status(), 200);
    }

    let found = send("GET", "/experiments/shop", String::new()).await;
    let goal = &found["analysis"]["goals"][0];
    assert_eq!((&goal["kind"], &goal["unit"]), (&json!("mean"), &json!("EUR")), "{found}");
    let means: Vec<f64> = goal["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["rate"].as_f64().unwrap())
        .collect();
    // Each order is sent twice and counts once. Half of the participants spent nothing.
    assert!((means[0] - 5.0).abs() < 1e-9 && (means[1] - 7.5).abs() < 1e-9, "{means:?}");
    assert_eq!(goal["variants"][0]["successes"], 150);
    let green = &goal["against_control"][0];
    assert_eq!(green["decision"], "better", "{green}");
    assert!((green["difference"].as_f64().unwrap() - 2.5).abs() < 1e-9);
    // A list has the same verdict.
    let list = send("GET", "/experiments", String::new()).await;
    assert_eq!(list[1]["summary"]["outcome"], "better", "{list}");
    // The decision of a completed experiment keeps it.
    let done = json!({"status": "completed", "winner": "green"}).to_string();
    let done = send("PATCH", "/experiments/shop/definition", done).await;
    let decision = &done["definition"]["decision"];
    assert_eq!(decision["analysis"]["verdict"], found["analysis"]["verdict"], "{decision}");
}

#[tokio::test]
async fn a_goal_with_totals_keeps_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(folder.path(), Default::default()).unwrap());
    let track = TrackApi::new(Arc::clone(&store));
    let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default());
    let define = async |version: u64, goal: Value| {
        let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "goals": [goal]}).to_string();
        let (condition, tag) = match version {
            0 => ("if-none-match", "*".to_owned()),
            version => ("if-match", format!("\"{version}\"")),
        };
        let request = Request::builder()
            .method("PUT")
            .uri("/experiments/shop/definition")
            .header(condition, tag)
            .extension(CheckedByGateway)
            .body(Full::<Bytes>::from(body));
        api.answer(request.unwrap()).await.status().as_u16()
    };
    let revenue = |kind: &str| json!({"name": "revenue", "kind": kind});
    assert_eq!(define(0, revenue("count")).await, 201);
    assert_eq!(define(1, revenue("value")).await, 200, "nothing is added up yet");
    let event = json!({"experiment": "shop", "variant": "a", "event": "revenue", "uuid": "1",
        "value": 250, "id": "x"});
    let request = Request::builder().method("POST").uri("/track");
    let request = request.body(Full::<Bytes>::from(event.to_string())).unwrap();
    assert_eq!(track.answer(request).await.status(), 200);
    assert_eq!(define(2, revenue("count")).await, 409);
    assert_eq!(define(2, json!({"name": "orders", "kind": "count"})).await, 200);
}
