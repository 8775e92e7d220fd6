//! Assignment over a real store: the published document, and the variants of units.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod growthbook;
mod ofrep;
mod streams;
#[path = "../watched/mod.rs"]
mod watched;

use std::sync::Arc;

use abtest_api::{ApiKeys, AssignApi, Gateway, OperatorApi};
use abtest_model::{ApiKey, Experiment, Namespace, Tally};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{Counters, DocumentKey, Documents, Expected, Include, Kind, Write};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use watched::Watched;

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    async fn read(answer: http::Response<abtest_api::AnswerBody>) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Self { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("x-api-key", KEY);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    request.body(Full::from(body)).unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");

type Body = Full<bytes::Bytes>;

/// Everything behind one address, as `serve` has it.
struct Whole {
    _folder: tempfile::TempDir,
    api: Gateway<EmbeddedStore>,
}

impl Whole {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
        let keys = ApiKeys::new([&ApiKey::new(KEY).unwrap()]);
        Self { _folder: folder, api: Gateway::new(store, keys, []).unwrap() }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        Answer::read(self.api.answer(request(method, path, &[], &body)).await).await
    }

    async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        Answer::read(self.api.answer(request(method, path, headers, &body)).await).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    async fn define(&self, name: &str, members: Value) {
        let mut body = json!({"status": "running", "variants": [
            {"name": "control", "payload": {"color": "blue"}},
            {"name": "green", "payload": {"color": "green"}}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = self.send("PUT", &format!("/experiments/{name}/definition"), body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    async fn patch(&self, name: &str, members: Value) {
        let path = format!("/experiments/{name}/definition");
        let answer = self.send("PATCH", &path, members).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// How many participants are counted, in all experiments.
    async fn participants(&self) -> u64 {
        let store = self.api.store();
        let tallies = store.read(&Namespace::default(), None, Include::COUNTS).await.unwrap();
        let trials = |tally: &Tally| -> u64 {
            tally.variants().into_iter().map(|variant| tally.trials(variant)).sum()
        };
        tallies.iter().map(trials).sum()
    }
}

fn names(config: &Value) -> Vec<&str> {
    let experiments = config["experiments"].as_array().unwrap();
    experiments.iter().map(|experiment| experiment["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_published_document_has_what_clients_evaluate_and_nothing_else() {
    let whole = Whole::new();
    let empty = whole.get("/config").await;
    assert_eq!((empty.status, &empty.body["experiments"]), (200, &json!([])));
    let secret = json!({"server_only": true, "targeting": {"plan": "secret-plan"}});
    whole.define("hidden", secret).await;
    whole.define("draft", json!({"status": "draft"})).await;
    let members = json!({"description": "private words", "owner": "private owner", "id": "the-id",
        "salt": "the-salt", "goals": [{"name": "private goal"}], "overrides": {"qa": "green"}});
    whole.define("button", members).await;
    let config = whole.get("/config?namespace=alephbet").await;
    assert_eq!(config.status, 200);
    assert_eq!(config.header("content-type"), "application/json");
    assert_eq!(
        config.header("cache-control"),
        "public, max-age=30, stale-while-revalidate=30, stale-if-error=86400"
    );
    assert!(!config.headers.contains_key("pragma"));
    assert_eq!(config.header("access-control-allow-origin"), "*");
    let expected = json!({
        "format": 1, "namespace": "alephbet", "version": config.body["version"], "hash": "murmur3",
        "experiments": [{
            "name": "button", "id": "the-id", "salt": "the-salt", "status": "running",
            "ring": "the-id", "slots": [[0, 10_000]],
            "allocation": {"number": 1,
                "ranges": {"control": [[0, 5_000]], "green": [[5_000, 10_000]]}},
            "targeting": null,
            "variants": [{"name": "control", "payload": {"color": "blue"}},
                         {"name": "green", "payload": {"color": "green"}}],
            "fallback": "control", "winner": null, "overrides": {"qa": "green"}, "requires": [],
            "goals": config.body["experiments"][0]["goals"],
        }],
    });
    assert_eq!(config.body, expected);
    assert!(config.body["experiments"][0]["goals"][0].is_u64(), "a number stands for a goal");
    assert!(config.body["version"].as_u64().unwrap() > 1_600_000_000_000);
    let text = config.body.to_string();
    assert!(!text.contains("private") && !text.contains("secret") && !text.contains("hidden"));
}

#[tokio::test]
async fn a_client_asks_again_with_its_tag_and_sees_changes_of_this_process_at_once() {
    let whole = Whole::new();
    whole.define("button", json!({})).await;
    let first = whole.get("/config").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    for condition in [tag.clone(), format!("W/{tag}"), format!("\"other\", W/{tag}")] {
        let headers = [("if-none-match", condition.as_str())];
        let again = request("GET", "/config", &headers, &Value::Null);
        let again = Answer::read(whole.api.answer(again).await).await;
        assert_eq!((again.status, again.header("etag"), &again.body), (304, &*tag, &Value::Null));
        assert!(again.header("cache-control").contains("max-age=30"));
    }
    whole.patch("button", json!({"status": "paused"})).await;
    let headers = [("if-none-match", tag.as_str())];
    let request = request("GET", "/config", &headers, &Value::Null);
    let changed = Answer::read(whole.api.answer(request).await).await;
    assert_eq!(
        (changed.status, &changed.body["experiments"][0]["status"]),
        (200, &json!("paused"))
    );
    let version = |answer: &Answer| answer.body["version"].as_u64().unwrap();
    assert!(version(&changed) > version(&first));
}

#[tokio::test]
async fn a_unit_gets_its_variant_and_is_counted_in_the_same_request() {
    let whole = Whole::new();
    let targeting = json!({"targeting": {"country": "DE"}, "overrides": {"qa": "green"}});
    whole.define("button", targeting).await;
    let path = "/assign?experiment=button&unit=visitor-1&attribute.country=DE";
    let split = whole.get(path).await;
    let variant = split.body["variant"].as_str().unwrap();
    let color = if variant == "green" { "green" } else { "blue" };
    assert_eq!(
        split.body,
        json!({"experiment": "button", "variant": variant, "payload": {"color": color},
               "reason": "split", "exposure": true, "allocation": 1})
    );
    let head = Answer::read(
        whole.api.answer(request("HEAD", &format!("{path}&track=true"), &[], &Value::Null)).await,
    );
    assert_eq!(head.await.status, 200);
    assert_eq!(whole.participants().await, 0, "HEAD counts nothing");
    for _ in 0..2 {
        let tracked = whole.get(&format!("{path}&track=true")).await;
        assert_eq!(
            (&tracked.body["variant"], &tracked.body["counted"]),
            (&json!(variant), &json!(true))
        );
    }
    let body = json!({"unit": "visitor-1", "attributes": {"country": "DE"}, "track": true,
        "experiments": ["button", "other"],
        "remembered": {"button": {"variant": variant, "allocation": 1}}});
    let many = whole.send("POST", "/assign", body).await;
    assert_eq!(many.body["assignments"][0]["counted"], true, "{}", many.body);
    let unknown = json!({"experiment": "other", "variant": null, "payload": null,
        "reason": "unknown", "exposure": false, "allocation": null, "counted": false});
    assert_eq!(many.body["assignments"][1], unknown);
    for (query, reason, variant) in [
        ("unit=visitor-1&attribute.country=US", "targeting", json!("control")),
        ("unit=qa", "override", json!("green")),
        ("unit=", "no_unit", Value::Null),
        ("attribute.country=DE", "no_unit", Value::Null),
    ] {
        let answer = whole.get(&format!("/assign?experiment=button&track=true&{query}")).await;
        let found = (&answer.body["reason"], &answer.body["variant"], &answer.body["counted"]);
        assert_eq!(found, (&json!(reason), &variant, &json!(false)), "{query}");
    }
    assert_eq!(whole.participants().await, 1);
}

#[tokio::test]
async fn an_explanation_has_each_step_and_agrees_with_the_assignment() {
    let whole = Whole::new();
    let members = json!({"targeting": {"age": {"$gt": 18}}, "traffic": 100});
    whole.define("button", members).await;
    let explain = async |query: &str| {
        let answer = whole.get(&format!("/experiments/button/explain?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let told = explain("unit=u&attributes=%7B%22age%22%3A30%7D").await;
    let asked = json!({"experiments": ["button"], "unit": "u", "attributes": {"age": 30}});
    let assigned = whole.send("POST", "/assign", asked).await.body;
    assert_eq!(told["variant"], assigned["assignments"][0]["variant"]);
    let steps: Vec<&Value> =
        told["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    assert_eq!(
        steps,
        ["unit", "overrides", "status", "bot", "targeting", "traffic", "split"]
            .map(Value::from)
            .iter()
            .collect::<Vec<_>>()
    );
    let last = &told["steps"][6];
    assert!(last["bucket"].is_u64() && last["decides"] == true, "{told}");
    assert_eq!(told["to_include"], Value::Null);
    // An attribute of a query string is a text, and a text has no order with a number.
    assert_eq!(explain("unit=u&attribute.age=30").await["reason"], "targeting");
    assert_eq!(explain("unit=").await["reason"], "no_unit");
    whole.define("plan", json!({"status": "draft"})).await;
    let draft = whole.get("/experiments/plan/explain?unit=u").await.body;
    assert_eq!((&draft["reason"], &draft["variant"]), (&json!("unknown"), &Value::Null));
    assert_eq!(draft["to_include"], "Start the experiment.");
    assert_eq!(whole.get("/experiments/other/explain?unit=u").await.status, 404);
    assert_eq!(whole.get("/experiments/button/explain").await.status, 400);
    assert_eq!(whole.get("/experiments/button/explain?unit=u&attributes=%5B").await.status, 400);
}

#[tokio::test]
async fn a_question_that_breaks_a_rule_says_which() {
    let whole = Whole::new();
    for path in [
        "/assign",
        "/assign?experiment=",
        "/assign?experiment=a&variant=b",
        "/assign?experiment=a&variant=b&allocation=x",
        "/assign?experiment=a&track=yes",
        "/assign?experiment=a&country=DE",
        "/assign?experiment=a&attribute.x=1&attribute.x=2",
        "/config?namespace=",
        "/config?name=a",
    ] {
        let answer = whole.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        assert!(answer.body["parameter"].is_string(), "{path}: {}", answer.body);
    }
    let deep = (0..100).fold(json!(1), |value, _| json!([value]));
    for body in [
        json!([]),
        json!({}),
        json!({"experiments": []}),
        json!({"experiments": vec!["a"; 101]}),
        json!({"experiments": [""]}),
        json!({"experiments": ["a"], "units": 1}),
        json!({"experiments": ["a"], "attributes": []}),
        json!({"experiments": ["a"], "attributes": {"a": "x".repeat(70_000)}}),
        json!({"experiments": ["a"], "attributes": {"a": deep}}),
        json!({"experiments": ["a"], "remembered": {"a": {"variant": "b"}}}),
    ] {
        let answer = whole.send("POST", "/assign", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
    }
    for unit in [json!(""), json!("x".repeat(10_000)), json!("a\nb"), json!(1.5), json!([1])] {
        let body = json!({"experiments": ["a"], "unit": unit});
        let answer = whole.send("POST", "/assign", body).await;
        assert_eq!(answer.body["assignments"][0]["reason"], "no_unit", "{unit}");
    }
}

async fn put(store: &Watched, kind: Kind, name: &str, content: &str) {
    let key = match kind {
        Kind::Settings => DocumentKey::settings(),
        kind => kind.of(&Experiment::new(name).unwrap()),
    };
    let write = Write::put(key, Expected::Any, content);
    store.commit(&Namespace::default(), None, vec![write]).await.unwrap();
}

fn stored(name: &str) -> Value {
    json!({"variants": [{"name": "a"}, {"name": "b"}], "id": format!("{name}-id"),
        "salt": format!("{name}-salt"), "version": 1, "created": "2026-12-01T09:00:00Z",
        "updated": "2026-12-01T09:00:00Z", "status": "running", "slots": [[0, 10_000]],
        "allocation": {"number": 1, "from": "2026-12-01T09:00:00Z", "weights": {"a": 1, "b": 1},
            "ranges": {"a": [[0, 5_000]], "b": [[5_000, 10_000]]}, "by": "edit"}})
}

fn watched() -> (tempfile::TempDir, Arc<Watched>) {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Default::default()).unwrap();
    (folder, Arc::new(Watched::new(store)))
}

async fn ask(api: &AssignApi<Watched>, path: &str) -> Answer {
    Answer::read(api.answer(request("GET", path, &[], &Value::Null)).await).await
}

#[tokio::test]
async fn a_broken_document_is_left_out_and_the_others_are_served() {
    let (_folder, store) = watched();
    put(&store, Kind::Definition, "good", &stored("good").to_string()).await;
    let mut overlapping = stored("overlapping");
    overlapping["allocation"]["ranges"]["b"] = json!([[4_000, 10_000]]);
    put(&store, Kind::Definition, "overlapping", &overlapping.to_string()).await;
    put(&store, Kind::Definition, "broken", "{\"variants\": 7").await;
    let mut lost = stored("lost");
    lost["layer"] = json!("gone");
    put(&store, Kind::Definition, "lost", &lost.to_string()).await;
    put(&store, Kind::Definition, "flipped", &stored("flipped").to_string()).await;
    store.damage(Kind::Definition.of(&Experiment::new("flipped").unwrap()));
    put(&store, Kind::Settings, "", "{\"hash\": \"growthbook\"}").await;
    let api = AssignApi::new(Arc::clone(&store));
    assert_eq!(names(&ask(&api, "/config").await.body), ["good"]);
    let features = ask(&api, "/api/features/alephbet").await.body;
    let features: Vec<&String> = features["features"].as_object().unwrap().keys().collect();
    assert_eq!(features, ["good"]);
    let context = json!({"context": {"targetingKey": "u"}});
    let bulk = request("POST", "/ofrep/v1/evaluate/flags", &[JSON], &context);
    let bulk = Answer::read(api.answer(bulk).await).await.body;
    assert_eq!(
        (bulk["flags"].as_array().unwrap().len(), &bulk["flags"][0]["key"]),
        (1, &json!("good"))
    );
    for broken in ["overlapping", "broken", "lost", "flipped"] {
        let answer = ask(&api, &format!("/assign?experiment={broken}&unit=u")).await;
        assert_eq!((answer.status, &answer.body["reason"]), (200, &json!("unknown")));
        let flag = format!("/ofrep/v1/evaluate/flags/{broken}");
        let flag = Answer::read(api.answer(request("POST", &flag, &[JSON], &context)).await).await;
        assert_eq!((flag.status, &flag.body["errorCode"]), (404, &json!("FLAG_NOT_FOUND")));
    }
    // The operator sees which ones, and why.
    let operator = OperatorApi::new(Arc::clone(&store), ApiKeys::new([&ApiKey::new(KEY).unwrap()]));
    let read = async |path: &str| {
        Answer::read(operator.answer(request("GET", path, &[], &Value::Null)).await).await.body
    };
    let list = read("/experiments").await;
    let warned = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["summary"]["warnings"].to_string().contains("damaged_document"));
    let warned: Vec<&Value> = warned.map(|one| &one["experiment"]).collect();
    assert_eq!(warned, ["broken", "flipped", "lost", "overlapping"], "{list}");
    for (broken, reason) in [
        ("broken", "the definition of `broken` cannot be read"),
        ("flipped", "the definition of `flipped` cannot be read"),
        ("lost", "its layer gone cannot be read"),
        ("overlapping", "the ranges of its variants overlap"),
    ] {
        let warnings = &read(&format!("/experiments/{broken}")).await["analysis"]["warnings"];
        let message = warnings[0]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
        assert!(message.to_lowercase().contains("clients do not get this experiment"), "{message}");
    }
}

/// Lambda carries an answer as a JSON string, which must stay below 6 MB.
#[tokio::test]
async fn a_document_that_a_function_cannot_send_is_answered_with_a_problem() {
    let (_folder, store) = watched();
    // In the document each quote of a payload takes two bytes, and four as Lambda sends it.
    let payload = "\"".repeat(8_000);
    for number in 0..110 {
        let mut document = stored(&format!("e{number}"));
        for variant in [0, 1] {
            document["variants"][variant]["payload"] = payload.clone().into();
        }
        put(&store, Kind::Definition, &format!("e{number}"), &document.to_string()).await;
    }
    let serve = AssignApi::new(Arc::clone(&store));
    let whole = ask(&serve, "/config").await;
    assert_eq!((whole.status, names(&whole.body).len()), (200, 110));
    let function = AssignApi::new(Arc::clone(&store)).with_answer_limit(5_500_000);
    let refused = ask(&function, "/config").await;
    assert_eq!((refused.status, refused.header("content-type")), (500, "application/problem+json"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("5.5 MB") && detail.contains("archive experiments"), "{detail}");
    assert_eq!(ask(&function, "/assign?experiment=e0&unit=u").await.status, 200);
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_an_error_because_they_hold_the_hash() {
    let (_folder, store) = watched();
    put(&store, Kind::Settings, "", "{\"hash\": \"md5\"}").await;
    let api = AssignApi::new(Arc::clone(&store));
    assert_eq!(ask(&api, "/config").await.status, 500);
}

#[tokio::test]
async fn while_the_store_is_down_a_running_process_answers_and_a_new_one_says_so() {
    let (_folder, store) = watched();
    put(&store, Kind::Definition, "button", &stored("button").to_string()).await;
    let running = AssignApi::new(Arc::clone(&store));
    let before = ask(&running, "/assign?experiment=button&unit=u").await;
    store.set_down(true);
    let after = ask(&running, "/assign?experiment=button&unit=u").await;
    assert_eq!((after.status, &after.body), (200, &before.body));
    let tracked = ask(&running, "/assign?experiment=button&unit=u&track=true").await;
    assert_eq!((tracked.status, &tracked.body["counted"]), (200, &json!(false)));
    let new = AssignApi::new(Arc::clone(&store));
    for path in ["/config", "/assign?experiment=button&unit=u"] {
        let answer = ask(&new, path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{path}");
    }
    store.set_down(false);
    assert_eq!(ask(&new, "/config").await.status, 200);
}

#[tokio::test]
async fn a_namespace_is_read_once_in_ten_seconds() {
    let (_folder, store) = watched();
    let api = AssignApi::new(Arc::clone(&store));
    for _ in 0..100 {
        assert_eq!(ask(&api, "/config?namespace=n").await.status, 200);
    }
    assert!(store.take_calls() <= 2);
    let left = store.read(&Namespace::new("n").unwrap(), None, Include::COUNTS).await.unwrap();
    assert!(left.is_empty());
}
