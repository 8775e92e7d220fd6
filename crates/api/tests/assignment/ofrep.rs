//! OpenFeature's remote evaluation protocol, as its clients speak it.

use std::sync::Arc;

use abtest_api::AssignApi;
use abtest_store::Kind;
use serde_json::{Value, json};

use super::{Answer, Whole, put, request, stored, watched};

const FLAGS: &str = "/ofrep/v1/evaluate/flags";

impl Whole {
    async fn flag(&self, key: &str, context: Value) -> Answer {
        self.send("POST", &format!("{FLAGS}/{key}"), json!({"context": context})).await
    }
}

fn unit(name: &str) -> Value {
    json!({"targetingKey": name})
}

#[tokio::test]
async fn a_flag_has_the_value_the_variant_and_what_an_exposure_needs() {
    let whole = Whole::new();
    whole.define("button", json!({})).await;
    let flag = whole.flag("button", unit("visitor-1")).await;
    let variant = flag.body["variant"].as_str().unwrap();
    let color = if variant == "green" { "green" } else { "blue" };
    let expected = json!({"key": "button", "value": {"color": color}, "variant": variant,
        "reason": "SPLIT", "metadata": {"reason": "split", "experiment": "button",
            "exposure": true, "allocation": 1}});
    assert_eq!((flag.status, &flag.body), (200, &expected));
    assert_eq!(flag.header("access-control-expose-headers"), "ETag, Retry-After");
    let assigned = whole.get("/assign?experiment=button&unit=visitor-1").await;
    assert_eq!(assigned.body["variant"], flag.body["variant"]);
}

#[tokio::test]
async fn each_reason_has_its_word() {
    let whole = Whole::new();
    let members = json!({"targeting": {"country": "DE"}, "overrides": {"qa": "green"}});
    whole.define("button", members).await;
    let germany = |unit: &str| json!({"targetingKey": unit, "country": "DE"});
    let reason = async |context: Value| {
        let flag = whole.flag("button", context).await;
        (flag.body["reason"].clone(), flag.body["metadata"]["reason"].clone())
    };
    assert_eq!(reason(germany("u")).await, (json!("SPLIT"), json!("split")));
    assert_eq!(reason(unit("u")).await, (json!("UNKNOWN"), json!("targeting")));
    assert_eq!(reason(unit("qa")).await, (json!("TARGETING_MATCH"), json!("override")));
    let bot = json!({"targetingKey": "u", "country": "DE", "bot": true});
    assert_eq!(reason(bot).await, (json!("UNKNOWN"), json!("bot")));
    whole.patch("button", json!({"status": "paused"})).await;
    assert_eq!(reason(germany("u")).await, (json!("DISABLED"), json!("disabled")));
    whole.patch("button", json!({"status": "completed", "winner": "green"})).await;
    assert_eq!(reason(germany("u")).await, (json!("TARGETING_MATCH"), json!("winner")));
    whole.define("plain", json!({})).await;
    whole.patch("plain", json!({"status": "completed", "winner": "green"})).await;
    let flag = whole.flag("plain", unit("u")).await;
    assert_eq!((&flag.body["reason"], &flag.body["variant"]), (&json!("STATIC"), &json!("green")));
}

#[tokio::test]
async fn values_have_one_type_and_fractions_stay_fractions() {
    let whole = Whole::new();
    for (name, payloads, values) in [
        ("number", ["1", "2.5"], ["1.0", "2.5"]),
        ("whole", ["1", "2"], ["1", "2"]),
        ("truth", ["true", "false"], ["true", "false"]),
        ("text", ["\"a\"", "\"b\""], ["\"a\"", "\"b\""]),
    ] {
        let payload = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let variants = json!([{"name": "a", "payload": payload(payloads[0])},
            {"name": "b", "payload": payload(payloads[1])}]);
        whole.define(name, json!({"variants": variants, "overrides": {"x": "a", "y": "b"}})).await;
        for (key, value) in [("x", values[0]), ("y", values[1])] {
            let flag = whole.flag(name, unit(key)).await;
            assert_eq!(flag.body["value"].to_string(), value, "{name}");
        }
    }
    let variants = json!([{"name": "a"}, {"name": "b"}]);
    whole.define("bare", json!({"variants": variants, "overrides": {"x": "b"}})).await;
    assert_eq!(whole.flag("bare", unit("x")).await.body["value"], "b");
}

#[tokio::test]
async fn what_cannot_be_evaluated_has_the_protocols_error() {
    let whole = Whole::new();
    whole.define("button", json!({})).await;
    let long = unit(&"x".repeat(10_000));
    let deep = (0..100).fold(json!(1), |value, _| json!([value]));
    for (key, context, status, code) in [
        ("other", unit("u"), 404, "FLAG_NOT_FOUND"),
        ("button", json!({}), 400, "TARGETING_KEY_MISSING"),
        ("button", Value::Null, 400, "TARGETING_KEY_MISSING"),
        ("button", unit(""), 400, "INVALID_CONTEXT"),
        ("button", long, 400, "INVALID_CONTEXT"),
        ("button", json!({"targetingKey": "u", "a": deep}), 400, "INVALID_CONTEXT"),
        ("button", json!([]), 400, "INVALID_CONTEXT"),
    ] {
        let flag = whole.flag(key, context).await;
        let found = (flag.status, &flag.body["errorCode"], &flag.body["key"]);
        assert_eq!(found, (status, &json!(code), &json!(key)), "{}", flag.body);
        assert!(!flag.body["errorDetails"].as_str().unwrap().is_empty());
    }
    let broken = whole.send("POST", &format!("{FLAGS}/button"), json!("no object")).await;
    assert_eq!((broken.status, &broken.body["errorCode"]), (400, &json!("PARSE_ERROR")));
    let all = whole.send("POST", FLAGS, json!({})).await;
    assert_eq!(all.status, 200);
    assert_eq!(all.body["flags"][0]["errorCode"], "TARGETING_KEY_MISSING");
}

#[tokio::test]
async fn the_tag_of_all_flags_covers_the_version_and_the_context() {
    let whole = Whole::new();
    whole.define("button", json!({"targeting": {"country": "DE"}})).await;
    whole.define("hidden", json!({"server_only": true})).await;
    let ask = async |country: &str, tag: &str| {
        let body = json!({"context": {"targetingKey": "u", "country": country}});
        whole.send_with("POST", FLAGS, &[("if-none-match", tag)], body).await
    };
    let first = ask("DE", "").await;
    let keys: Vec<&Value> =
        first.body["flags"].as_array().unwrap().iter().map(|flag| &flag["key"]).collect();
    assert_eq!((first.status, keys), (200, vec![&json!("button")]));
    let stream = json!([{"type": "sse",
        "endpoint": {"requestUri": "/ofrep/v1/stream?namespace=alephbet"}}]);
    assert_eq!(first.body["eventStreams"], stream);
    let tag = first.header("etag");
    assert_eq!(ask("DE", tag).await.status, 304);
    assert_eq!(ask("DE", &format!("W/{tag}")).await.status, 304);
    assert_eq!(ask("US", tag).await.status, 200);
    whole.patch("button", json!({"status": "paused"})).await;
    let changed = ask("DE", tag).await;
    assert_eq!((changed.status, &changed.body["flags"][0]["reason"]), (200, &json!("DISABLED")));
}

#[tokio::test]
async fn the_namespace_comes_from_a_parameter_or_a_header() {
    let whole = Whole::new();
    let body = json!({"status": "running", "variants": [{"name": "a"}, {"name": "b"}]});
    let path = "/experiments/button/definition?namespace=shop";
    assert_eq!(whole.send("PUT", path, body).await.status, 201);
    let context = json!({"context": unit("u")});
    let flag = format!("{FLAGS}/button");
    assert_eq!(whole.send("POST", &flag, context.clone()).await.status, 404);
    let parameter = format!("{flag}?namespace=shop");
    assert_eq!(whole.send("POST", &parameter, context.clone()).await.status, 200);
    let header = [("x-abtest-namespace", "shop")];
    assert_eq!(whole.send_with("POST", &flag, &header, context).await.status, 200);
    let preflight = whole.send("OPTIONS", &flag, Value::Null).await;
    let allowed = preflight.header("access-control-allow-headers").to_lowercase();
    for header in ["content-type", "authorization", "x-api-key", "if-none-match"] {
        assert!(allowed.contains(header), "{allowed}");
    }
}

#[tokio::test]
async fn a_new_process_without_its_store_answers_with_a_general_error() {
    let (_folder, store) = watched();
    put(&store, Kind::Definition, "button", &stored("button").to_string()).await;
    store.set_down(true);
    let api = AssignApi::new(Arc::clone(&store));
    let body = json!({"context": unit("u")});
    for path in [FLAGS.to_owned(), format!("{FLAGS}/button")] {
        let answer = Answer::read(api.answer(request("POST", &path, &[], &body)).await).await;
        assert_eq!((answer.status, &answer.body["errorCode"]), (500, &json!("GENERAL")), "{path}");
    }
    store.set_down(false);
    let answer = api.answer(request("POST", FLAGS, &[], &body)).await;
    let answer = Answer::read(answer).await;
    assert_eq!(answer.status, 200);
    // Without streams, no client looks for one.
    assert!(answer.body.get("eventStreams").is_none());
}
