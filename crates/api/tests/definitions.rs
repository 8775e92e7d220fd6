//! Definitions over HTTP: conditions, rules, statuses, layers, history and deletion.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi};
use abtest_model::{Event, Namespace, Query};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{DocumentKey, Documents, Expected, Kind, Recorder, Write};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

struct Api {
    _folder: tempfile::TempDir,
    store: Arc<EmbeddedStore>,
    api: OperatorApi<EmbeddedStore>,
}

struct Answer {
    status: u16,
    etag: Option<String>,
    body: Value,
}

impl Api {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(folder.path(), Default::default()).unwrap());
        let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default());
        Self { _folder: folder, store, api }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).extension(CheckedByGateway);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.api.answer(request.body(Full::<bytes::Bytes>::from(body)).unwrap()).await;
        let status = answer.status().as_u16();
        let etag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, etag, body: serde_json::from_slice(&body).unwrap() }
    }

    async fn put(&self, name: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        self.send("PUT", &format!("/experiments/{name}/definition"), headers, body).await
    }

    async fn patch(&self, name: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        self.send("PATCH", &format!("/experiments/{name}/definition"), headers, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Value::Null).await
    }

    async fn layer(&self, name: &str, id: &str) {
        let key = DocumentKey::new(Kind::Layer, name);
        let write = Write::put(key, Expected::Absent, json!({"id": id}).to_string());
        self.store.commit(&Namespace::default(), None, vec![write]).await.unwrap();
    }
}

fn two() -> Value {
    json!({"variants": [{"name": "control"}, {"name": "green"}]})
}

fn with(members: Value) -> Value {
    let mut body = two();
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_definition_is_created_replaced_and_patched_under_conditions() {
    let api = Api::new();
    let path = "/experiments/button/definition";
    assert_eq!(api.get(path).await.status, 404);
    assert_eq!(api.patch("button", &[], json!({"traffic": 5})).await.status, 404);
    assert_eq!(api.put("button", &[("if-match", "\"1\"")], two()).await.status, 412);
    let created = api.put("button", &[("if-none-match", "*")], two()).await;
    assert_eq!((created.status, created.etag.as_deref()), (201, Some("\"1\"")));
    assert_eq!(created.body["created"], true);
    let read = api.get(path).await;
    assert_eq!((read.status, read.etag.as_deref()), (200, Some("\"1\"")));
    assert_eq!(read.body, created.body["definition"]);
    assert_eq!((&read.body["status"], &read.body["version"]), (&json!("draft"), &json!(1)));

    let exists = api.put("button", &[("if-none-match", "*")], two()).await;
    assert_eq!((exists.status, &exists.body["current_version"]), (412, &json!(1)));
    let blind = api.put("button", &[], two()).await;
    assert_eq!((blind.status, &blind.body["current_version"]), (428, &json!(1)));
    let same = api.put("button", &[("if-match", "\"1\"")], two()).await;
    assert_eq!(
        (same.status, &same.body["stored"], &same.body["changed"]),
        (200, &json!(false), &json!({}))
    );
    assert_eq!(same.etag.as_deref(), Some("\"1\""));

    let patched = api.patch("button", &[], json!({"traffic": 5, "why": "less"})).await;
    assert_eq!((patched.status, patched.etag.as_deref()), (200, Some("\"2\"")));
    assert_eq!(patched.body["changed"], json!({"traffic": [100, 5]}));
    let guarded = api.patch("button", &[], json!({"goals": []})).await;
    assert_eq!(guarded.status, 428);
    let stale = api.patch("button", &[("if-match", "\"1\"")], json!({"traffic": 6})).await;
    assert_eq!((stale.status, &stale.body["current_version"]), (412, &json!(2)));
    let wrong = api.patch("button", &[("if-match", "2")], json!({"traffic": 6})).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn broken_rules_are_listed_with_member_value_and_rule() {
    let api = Api::new();
    let body = with(json!({"control": "blue", "traffic": 101, "colour": 1,
        "targeting": {"country": {"$regex": "("}}}));
    let refused = api.put("button", &[], body).await;
    assert_eq!(refused.status, 422);
    let members: Vec<&str> = refused.body["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|violation| violation["member"].as_str().unwrap())
        .collect();
    assert_eq!(members, ["colour", "control", "traffic"]);
    let body = with(json!({"targeting": {"country": {"$regex": "("}}, "layer": "checkout"}));
    let refused = api.put("button", &[], body).await;
    let violations = refused.body["violations"].as_array().unwrap();
    assert!(violations[0]["member"].as_str().unwrap().starts_with("targeting.country"));
    assert_eq!(violations[1]["member"], "layer");
    for name in ["a%2Fb", "%20a", ".."] {
        let refused = api.put(name, &[], two()).await;
        assert_eq!(
            (refused.status, &refused.body["violations"][0]["member"]),
            (422, &json!("name"))
        );
    }
    let query = "experiment=a%2Fb&variant=control&event=participate&uuid=1";
    let event = Event::from_query(&Query::parse(query).unwrap()).unwrap();
    api.store.record(vec![event]).await.unwrap();
    assert_eq!(api.put("a%2Fb", &[], two()).await.status, 201, "it counts already");
    let seeds = with(json!({"id": "same", "salt": "other"}));
    assert_eq!(api.put("one", &[], seeds.clone()).await.status, 201);
    let refused = api.put("two", &[], seeds).await;
    assert_eq!((refused.status, refused.body["violations"].as_array().unwrap().len()), (422, 2));
    let repeated = r#"{"variants": [], "variants": []}"#;
    let request = Request::builder().method("PUT").uri("/experiments/x/definition");
    let request =
        request.extension(CheckedByGateway).body(Full::<bytes::Bytes>::from(repeated)).unwrap();
    assert_eq!(api.api.answer(request).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn only_legal_steps_are_taken_and_completion_keeps_the_analysis() {
    let api = Api::new();
    api.put("button", &[], two()).await;
    let refused = api.patch("button", &[], json!({"status": "paused"})).await;
    assert_eq!(refused.status, 409);
    let conflict = &refused.body["conflicts"][0];
    assert_eq!(conflict["conflict"], "transition");
    assert_eq!(conflict["allowed"], json!(["running", "archived"]));
    let started = api.patch("button", &[], json!({"status": "running"})).await;
    assert_eq!(started.body["units"]["entering"], json!(100.0));
    assert_eq!(started.body["definition"]["slots"], json!([[0, 10000]]));
    for (index, variant) in ["control", "green"].into_iter().enumerate() {
        let query = format!("experiment=button&variant={variant}&event=participate&uuid={index}");
        let event = Event::from_query(&Query::parse(&query).unwrap()).unwrap();
        api.store.record(vec![event]).await.unwrap();
    }
    let fixed = api.patch("button", &[], json!({"control": "green", "id": "new"})).await;
    assert_eq!((fixed.status, fixed.body["conflicts"].as_array().unwrap().len()), (409, 2));
    let dry = "/experiments/button/definition?dry_run=true";
    let planned = api.send("PATCH", dry, &[], json!({"traffic": 40})).await;
    assert_eq!((planned.status, &planned.body["stored"]), (200, &json!(false)));
    assert_eq!(planned.body["disturbances"][0]["kind"], "traffic");
    assert_eq!(planned.body["units"]["leaving"], json!(60.0));
    let paused = api.patch("button", &[], json!({"status": "paused", "why": "bug"})).await;
    assert_eq!(paused.body["definition"]["traffic"], 100, "a dry run stores nothing");
    assert_eq!(paused.body["definition"]["disturbances"][0]["kind"], "pause");
    let moved = api.patch("button", &[], json!({"weights": {"green": 3}})).await;
    assert_eq!(moved.body["units"]["changing"], json!(25.0));
    let nameless = api.patch("button", &[], json!({"status": "completed"})).await;
    assert_eq!(
        (nameless.status, &nameless.body["violations"][0]["member"]),
        (422, &json!("winner"))
    );
    let done = json!({"status": "completed", "winner": "green", "why": "sells more"});
    let done = api.patch("button", &[], done).await;
    assert_eq!(done.status, 200);
    let decision = &done.body["definition"]["decision"];
    assert_eq!(decision["variants"][1], json!({"label": "green", "trials": 1}));
    assert!(decision["analysis"]["verdict"]["sentence"].is_string() && decision["at"].is_string());
    let undeletable = api.send("DELETE", "/experiments/button", &[], Value::Null).await;
    assert_eq!(undeletable.status, 409);
    let undeletable = api.send("DELETE", "/delete?experiment=button", &[], Value::Null).await;
    assert_eq!(undeletable.status, 409);
    let unsure = api.patch("button", &[], json!({"status": "archived"})).await;
    assert_eq!(unsure.body["conflicts"][0]["conflict"], "needs_confirmation");
    let archived = api.patch("button", &[], json!({"status": "archived", "confirm": true})).await;
    assert_eq!(archived.status, 200);

    let history = api.get("/experiments/button/history").await.body;
    let steps: Vec<(u64, &Value)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["version"].as_u64().unwrap(), &change["changed"]["status"][1]))
        .collect();
    let statuses: Vec<&Value> = steps.iter().map(|(_, status)| *status).collect();
    assert_eq!(steps.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        statuses,
        [
            &json!("draft"),
            &json!("running"),
            &json!("paused"),
            &Value::Null,
            &json!("completed"),
            &json!("archived")
        ]
    );
    assert_eq!((&history[2]["why"], &history[2]["by"]), (&json!("bug"), &json!("edit")));
    assert!(history[4]["changed"].get("decision").is_none());
    let part = api.get("/experiments/button/history?limit=2&before=6").await.body;
    assert_eq!(part, json!([history[3], history[4]]));
}

#[tokio::test]
async fn a_layer_is_shared_and_lists_its_holders_when_it_is_full() {
    let api = Api::new();
    api.layer("checkout", "ring-1").await;
    let running =
        |traffic: u8| with(json!({"status": "running", "layer": "checkout", "traffic": traffic}));
    assert_eq!(
        api.put("one", &[], running(60)).await.body["definition"]["slots"],
        json!([[0, 6000]])
    );
    let full = api.put("two", &[], running(50)).await;
    assert_eq!(full.status, 409);
    assert_eq!(
        full.body["conflicts"][0],
        json!({"conflict": "full_layer", "layer": "checkout",
        "needed": 50.0, "free": 40.0, "holders": [{"experiment": "one", "traffic": 60.0}]})
    );
    assert_eq!(
        api.put("two", &[], running(40)).await.body["definition"]["slots"],
        json!([[6000, 10000]])
    );
    let shrunk = api.patch("one", &[], json!({"traffic": 10})).await;
    assert_eq!(shrunk.body["definition"]["slots"], json!([[0, 1000]]));
    let grown = api.patch("two", &[], json!({"traffic": 45})).await;
    assert_eq!(grown.body["definition"]["slots"], json!([[6000, 10000], [1000, 1500]]));
    let done = json!({"status": "completed", "winner": "green"});
    assert_eq!(api.patch("two", &[], done).await.body["definition"]["slots"], json!([]));
    assert_eq!(api.patch("one", &[], json!({"traffic": 100})).await.status, 200);
}

#[tokio::test]
async fn a_recreated_name_continues_its_versions_with_new_seeds() {
    let api = Api::new();
    let actor = [("x-abtest-actor", "ann")];
    let first = api.put("button", &actor, with(json!({"id": "first"}))).await;
    let deleted = api.send("DELETE", "/experiments/button", &actor, Value::Null).await;
    assert_eq!((deleted.status, &deleted.body["deleted"]), (200, &json!(true)));
    assert_eq!(api.get("/experiments/button/definition").await.status, 404);
    let used = api.put("button", &[], with(json!({"id": "first"}))).await;
    assert_eq!((used.status, &used.body["violations"][0]["member"]), (422, &json!("id")));
    let again = api.put("button", &[], two()).await;
    assert_eq!((again.status, again.etag.as_deref()), (201, Some("\"3\"")));
    assert_ne!(again.body["definition"]["salt"], first.body["definition"]["salt"]);
    let history = api.get("/experiments/button/history").await.body;
    assert_eq!(history.as_array().unwrap().len(), 3);
    assert_eq!(
        (&history[1]["deleted"]["id"], &history[1]["actor"]),
        (&json!("first"), &json!("ann"))
    );
    assert_eq!(api.send("DELETE", "/delete?experiment=none", &[], Value::Null).await.status, 200);
    assert_eq!(api.send("DELETE", "/experiments/none", &[], Value::Null).await.status, 404);
    assert_eq!(api.get("/experiments/none/history").await.status, 404);
}

#[tokio::test]
async fn settings_make_layers_and_defaults() {
    let api = Api::new();
    let new = api.get("/settings").await;
    assert_eq!((new.status, new.etag.as_deref()), (200, Some("\"0\"")));
    assert_eq!(
        new.body,
        json!({"namespace": "alephbet", "hash": "murmur3", "accept": "any",
        "layers": [], "defaults": {}})
    );
    let patch = json!({"layers": [{"name": "checkout", "description": "the checkout"}, {"name": "b"}],
        "defaults": {"traffic": 20, "layer": "checkout", "analysis": {"minimum_lift": 0.1}}});
    let patched = api.send("PATCH", "/settings", &[], patch).await;
    assert_eq!((patched.status, patched.etag.as_deref()), (200, Some("\"1\"")), "{}", patched.body);
    let id = patched.body["layers"][1]["id"].clone();
    assert_eq!(
        patched.body["layers"][1],
        json!({"name": "checkout", "id": id,
        "description": "the checkout", "free": 100.0, "holders": []})
    );
    let created = api.put("button", &[], with(json!({"status": "running"}))).await;
    let definition = &created.body["definition"];
    assert_eq!((&definition["traffic"], &definition["layer"]), (&json!(20), &json!("checkout")));
    assert_eq!(definition["analysis"]["minimum_lift"], json!(0.1));
    let settings = api.get("/settings").await;
    assert_eq!(settings.etag.as_deref(), Some("\"1\""));
    assert_eq!(
        settings.body["layers"][1]["holders"],
        json!([{"experiment": "button", "traffic": 20.0, "slots": [[0, 2000]]}])
    );
    // What was read can be sent back, and changes nothing.
    let same = api.send("PATCH", "/settings", &[("if-match", "\"1\"")], settings.body).await;
    assert_eq!((same.status, same.etag.as_deref()), (200, Some("\"1\"")), "{}", same.body);

    let blind = api.send("PATCH", "/settings", &[], json!({"layers": []})).await;
    assert_eq!(blind.status, 428);
    let held = api.send("PATCH", "/settings", &[("if-match", "*")], json!({"layers": []})).await;
    assert_eq!(held.status, 409);
    assert!(held.body["detail"].as_str().unwrap().contains("button"), "{}", held.body);
    let moved = json!({"layers": [{"name": "checkout", "id": "other"}]});
    let moved = api.send("PATCH", "/settings", &[("if-match", "*")], moved).await;
    assert_eq!(moved.status, 409);
    let hash = api.send("PATCH", "/settings", &[], json!({"hash": "growthbook"})).await;
    assert_eq!(hash.status, 409);
    let gone = json!({"layers": [{"name": "checkout"}], "accept": "declared", "why": "tidy"});
    let gone = api.send("PATCH", "/settings", &[("if-match", "\"1\"")], gone).await;
    assert_eq!((gone.status, gone.etag.as_deref()), (200, Some("\"2\"")));
    let stale = json!({"accept": "any"});
    let stale = api.send("PATCH", "/settings", &[("if-match", "\"1\"")], stale).await;
    assert_eq!((stale.status, &stale.body["current_version"]), (412, &json!(2)));
    let wrong =
        json!({"layers": [{"name": "x", "id": definition["salt"]}], "defaults": {"layer": "y"}});
    let wrong = api.send("PATCH", "/settings?namespace=n", &[], wrong).await;
    assert_eq!(
        (wrong.status, &wrong.body["violations"][0]["member"]),
        (422, &json!("defaults.layer"))
    );
}

impl Api {
    async fn count(&self, experiment: &str, counts: &[(&str, &str, usize)]) {
        for (variant, event, number) in counts {
            let one = |uuid: usize| {
                let query = format!(
                    "experiment={experiment}&variant={variant}&event={event}&uuid={variant}{uuid}"
                );
                Event::from_query(&Query::parse(&query).unwrap()).unwrap()
            };
            self.store.record((0..*number).map(one).collect()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_list_shows_definitions_and_hides_archived_ones() {
    let api = Api::new();
    api.count("counted", &[("a", "participate", 1)]).await;
    let before = api.get("/experiments?analysis=none").await.body;
    for (name, status) in [("draft", "draft"), ("live", "running"), ("old", "draft")] {
        api.put(name, &[], with(json!({"status": status, "traffic": 40}))).await;
    }
    api.patch("old", &[], json!({"status": "archived"})).await;
    let names = async |query: &str| -> Vec<String> {
        let list = api.get(&format!("/experiments?{query}")).await;
        assert_eq!(list.status, 200, "{}", list.body);
        let experiments = list.body.as_array().unwrap()[1..].iter();
        experiments.map(|one| one["experiment"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["counted", "draft", "live"]);
    assert_eq!(names("status=archived").await, ["old"]);
    assert_eq!(names("status=undefined,running").await, ["counted", "live"]);
    assert_eq!(names("limit=2").await, ["counted", "draft"]);
    assert_eq!(names("limit=2&cursor=draft").await, ["live"]);
    assert_eq!(names("scope=old").await, ["old"]);
    assert_eq!(api.get("/experiments?status=started").await.status, 400);
    let list = api.get("/experiments?analysis=none").await.body;
    assert_eq!(list[1], before[1], "an undefined experiment has Gimel's members as before");
    let live = &list[3]["definition"];
    assert_eq!(
        (&live["status"], &live["traffic"], &live["version"]),
        (&json!("running"), &json!(40), &json!(1))
    );
    assert!(live["started"].is_string() && live.get("variants").is_none(), "{live}");
    let alone = api.get("/experiments/live").await.body;
    assert_eq!(alone["definition"]["variants"], two()["variants"]);
    assert_eq!(alone["analysis"]["verdict"]["outcome"], "nothing_to_compare");
}

#[tokio::test]
async fn the_analysis_follows_the_definition_and_a_request_asks_what_if() {
    let api = Api::new();
    let body = json!({"status": "running", "control": "b",
        "variants": [{"name": "a"}, {"name": "b"}, {"name": "late"}],
        "weights": {"a": 1, "b": 3, "late": 0},
        "goals": [{"name": "errors", "role": "primary", "better": "lower"}, {"name": "clicks"}],
        "analysis": {"level": 0.9, "minimum_lift": 0.1, "correction": "none", "baseline": 0.3}});
    assert_eq!(api.put("e", &[], body).await.status, 201);
    api.count(
        "e",
        &[
            ("a", "participate", 1_000),
            ("b", "participate", 3_000),
            ("a", "errors", 100),
            ("b", "errors", 900),
            ("a", "extra", 5),
            ("stranger", "participate", 800),
        ],
    )
    .await;
    let shown = api.get("/experiments/e").await.body;
    let analysis = &shown["analysis"];
    assert_eq!((&analysis["control"], &analysis["level"]), (&json!("b"), &json!(0.9)));
    assert_eq!((&analysis["correction"], &analysis["minimum_lift"]), (&json!("none"), &json!(0.1)));
    assert_eq!(analysis["sample_ratio"]["alarm"], false, "{}", analysis["sample_ratio"]);
    assert_eq!(analysis["sample_ratio"]["expected"], json!([1000.0, 3000.0, 0.0]));
    assert_eq!(analysis["verdict"]["outcome"], "better", "fewer errors are better");
    assert_eq!(
        (&analysis["verdict"]["goal"], &analysis["verdict"]["variant"]),
        (&json!("errors"), &json!("a"))
    );
    let families: Vec<&Value> = analysis["families"]
        .as_array()
        .unwrap()
        .iter()
        .map(|family| &family["comparisons"])
        .collect();
    assert_eq!(families, [&json!(2), &json!(2)]);
    assert_eq!(shown["undeclared"], json!({"goals": ["extra"], "variants": ["stranger"]}));
    let goals = analysis["goals"].as_array().unwrap();
    assert_eq!(goals.iter().map(|goal| &goal["goal"]).collect::<Vec<_>>(), ["errors", "clicks"]);
    assert!(shown.get("what_if").is_none());

    let asked = api.get("/experiments/e?control=a&level=90%25&correction=bonferroni").await.body;
    assert_eq!(asked["what_if"], json!(["control", "correction"]));
    assert!(
        asked["analysis"]["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["code"] == "what_if")
    );
    assert_eq!(api.get("/experiments/e?control=stranger").await.status, 400);
    let chosen = api.send("PUT", "/experiments/e/control?variant=a", &[], Value::Null).await;
    assert_eq!(chosen.status, 409);

    let more = json!({"goals": [{"name": "errors", "role": "primary", "better": "lower"},
        {"name": "clicks"}, {"name": "extra"}]});
    assert_eq!(api.patch("e", &[("if-match", "*")], more).await.status, 200);
    let shown = api.get("/experiments/e").await.body;
    let goals = shown["analysis"]["goals"].as_array().unwrap();
    assert_eq!(goals[2]["against_control"][0]["family"], "exploratory", "{}", goals[2]);
    assert_eq!(shown["analysis"]["families"].as_array().unwrap()[1]["comparisons"], 2);

    assert_eq!(api.patch("e", &[], json!({"traffic": 50, "weights": {"a": 3}})).await.status, 200);
    let shown = api.get("/experiments/e").await.body;
    let verdict = &shown["analysis"]["verdict"];
    assert_eq!(verdict["outcome"], "no_verdict", "{verdict}");
    assert!(verdict["sentence"].as_str().unwrap().contains("weights changed"), "{verdict}");
    let warnings = shown["analysis"]["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|one| one["code"] == "disturbance"), "{warnings:?}");
    let look = api.send("POST", "/experiments/e/looks?planned=9000", &[], Value::Null).await;
    assert_eq!(look.status, 409, "{}", look.body);
}

#[tokio::test]
async fn looks_follow_the_plan_of_the_definition() {
    let api = Api::new();
    let body = with(json!({"status": "running", "control": "green",
        "goals": [{"name": "buy", "role": "primary"}, {"name": "click"}],
        "analysis": {"method": "sequential", "planned": 9_000}}));
    api.put("e", &[], body).await;
    api.count(
        "e",
        &[
            ("control", "participate", 1_000),
            ("green", "participate", 1_000),
            ("control", "buy", 300),
            ("green", "buy", 100),
            ("green", "made up", 50),
        ],
    )
    .await;
    let look = api.send("POST", "/experiments/e/looks", &[], Value::Null).await;
    assert_eq!(look.status, 200, "{}", look.body);
    let taken = &look.body["analysis"]["looks"];
    assert_eq!(
        (&taken["planned"], &taken["taken"][0]["control"]),
        (&json!(9_000), &json!("green"))
    );
    assert_eq!(
        look.body["analysis"]["verdict"]["outcome"], "better",
        "{}",
        look.body["analysis"]["verdict"]
    );
    assert!(!taken.to_string().contains("made up"), "{taken}");
    let read = api.get("/experiments/e").await.body;
    assert_eq!(read["analysis"]["method"], "sequential");
    assert_eq!(read["analysis"]["verdict"]["outcome"], "better");
}

#[tokio::test]
async fn schedules_are_carried_out_once_by_any_number_of_processes() {
    let api = Api::new();
    let soon = abtest_model::definition::Time::from_millis(
        abtest_model::definition::Time::now().as_millis() + 1_000,
    )
    .unwrap();
    let later = |seconds: i64| {
        abtest_model::definition::Time::from_millis(soon.as_millis() + seconds * 1_000).unwrap()
    };
    let schedule = json!({"start": soon, "ramp": [{"at": later(1), "traffic": 50}],
        "stop": later(3_600)});
    let body = with(json!({"traffic": 5, "schedule": schedule}));
    assert_eq!(api.put("button", &[], body).await.status, 201);
    let past = json!({"schedule": {"start": "2020-01-01T00:00:00Z"}});
    assert_eq!(api.patch("button", &[("if-match", "*")], past).await.status, 422);
    let other = OperatorApi::new(Arc::clone(&api.store), ApiKeys::default());
    let mut done = Vec::new();
    while done.len() < 2 {
        let (one, two) = tokio::join!(api.api.tick(), other.tick());
        for tick in [one.unwrap(), two.unwrap()] {
            assert_eq!(tick.failed, []);
            done.extend(tick.done.into_iter().map(|step| (step.step, step.version)));
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(done, [("start".to_owned(), 2), ("ramp[0]".to_owned(), 3)]);
    let definition = api.get("/experiments/button/definition").await.body;
    assert_eq!((&definition["status"], &definition["traffic"]), (&json!("running"), &json!(50)));
    assert!(definition["schedule"]["start_done_at"].is_string());
    let history = api.get("/experiments/button/history").await.body;
    assert_eq!((history.as_array().unwrap().len(), &history[1]["by"]), (3, &json!("schedule")));
    let tick = api.send("POST", "/tick?namespace=alephbet", &[], Value::Null).await;
    assert_eq!((tick.status, tick.body), (200, json!({"done": [], "failed": []})));
}

#[tokio::test]
async fn an_alarm_about_weights_that_nobody_declared_ends_with_the_definition() {
    let api = Api::new();
    api.count("e", &[("a", "participate", 4_500), ("b", "participate", 500)]).await;
    let alarm = async || {
        let shown = api.get("/experiments/e").await.body;
        shown["analysis"]["sample_ratio"]["alarm"].clone()
    };
    assert_eq!(alarm().await, true);
    let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "weights": {"a": 90, "b": 10}});
    assert_eq!(api.put("e", &[], body).await.status, 201);
    assert_eq!(alarm().await, false);
    // Weights that contradict the counts raise it again, and a later change of the definition keeps it.
    api.count("f", &[("a", "participate", 4_500), ("b", "participate", 500)]).await;
    let body = json!({"variants": [{"name": "a"}, {"name": "b"}]});
    assert_eq!(api.put("f", &[], body).await.status, 201);
    let shown = api.get("/experiments/f").await.body;
    assert!(shown["analysis"]["sample_ratio"]["raised"].is_object());
    assert_eq!(api.patch("f", &[], json!({"description": "the same split"})).await.status, 200);
    let later = api.get("/experiments/f").await.body;
    assert_eq!(
        later["analysis"]["sample_ratio"]["raised"],
        shown["analysis"]["sample_ratio"]["raised"]
    );
}

#[tokio::test]
async fn a_decision_keeps_every_warning_and_note_of_its_report() {
    let api = Api::new();
    assert_eq!(api.put("e", &[], with(json!({"status": "running"}))).await.status, 201);
    let counted = [
        ("control", "participate", 400),
        ("green", "participate", 400),
        ("control", "signup", 30),
        ("green", "signup", 90),
    ];
    api.count("e", &counted).await;
    // Units of one variant take part in the other one, too.
    let moved = |number: usize| {
        let query = format!("experiment=e&variant=green&event=participate&uuid=control{number}");
        Event::from_query(&Query::parse(&query).unwrap()).unwrap()
    };
    api.store.record((0..40).map(moved).collect()).await.unwrap();
    let report = api.get("/experiments/e").await.body;
    let warnings = &report["analysis"]["warnings"];
    assert!(warnings.to_string().contains("units_in_several_variants"), "{warnings}");
    let done = json!({"status": "completed", "winner": "green"});
    let done = api.patch("e", &[], done).await.body;
    let decision = &done["definition"]["decision"];
    assert_eq!(&decision["analysis"]["warnings"], warnings);
    assert_eq!(decision["analysis"]["notes"], report["analysis"]["notes"]);
    assert!(decision.get("timeline").is_none());
}
