//! What clients get while the store is down, and beside documents that someone has broken.

use abtest_tests::lambda::Lambda;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

const CONTEXT: &str = r#"{"context": {"targetingKey": "u"}}"#;

/// Defines experiments in a namespace that GrowthBook's SDKs can read, too.
fn define(serve: &Serve, names: &[&str]) {
    let answer = serve.call("PATCH", "/settings", Some(r#"{"hash": "growthbook"}"#));
    assert_eq!(answer.status, 200, "{}", answer.text);
    for name in names {
        let body = json!({"status": "running", "variants": [{"name": "a"}, {"name": "b"}]});
        let path = format!("/experiments/{name}/definition");
        assert_eq!(serve.call("PUT", &path, Some(&body.to_string())).status, 201);
    }
}

fn json_of(serve: &Serve, method: &str, path: &str) -> (u16, Value) {
    let body = if method == "POST" { CONTEXT } else { "" };
    let headers = [("content-type", "application/json")];
    let answer = serve.request(method, path, &headers, body.as_bytes());
    (answer.status, answer.json())
}

#[test]
fn a_definition_broken_by_hand_in_redis_is_skipped_and_reported_and_the_others_are_served() {
    let redis = Redis::start();
    let names = ["cut", "good", "odd", "overlapping"];
    let serve = Serve::redis(&redis.url());
    define(&serve, &names);
    let documents = "abtest:{documents:alephbet}:definition";
    let edit = |name: &str, change: &dyn Fn(&str) -> String| {
        let stored = redis.command(&["HGET", documents, name]);
        let broken = change(stored.trim());
        assert_ne!(broken, stored.trim());
        redis.command(&["HSET", documents, name, &broken]);
    };
    edit("cut", &|stored| stored[..stored.len() / 2].to_owned());
    edit("odd", &|stored| stored.replacen("\"running\"", "\"walking\"", 1));
    edit("overlapping", &|stored| stored.replacen("[5000,10000]", "[4000,10000]", 1));

    // Processes that start now never saw the whole documents.
    let serve = Serve::redis(&redis.url());
    let (status, config) = json_of(&serve, "GET", "/config");
    let published = config["experiments"].as_array().unwrap().iter();
    let published: Vec<&Value> = published.map(|experiment| &experiment["name"]).collect();
    assert_eq!((status, published), (200, vec![&json!("good")]));
    let (status, features) = json_of(&serve, "GET", "/api/features/alephbet");
    let features: Vec<&str> =
        features["features"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((status, features), (200, vec!["good"]));
    let (status, flags) = json_of(&serve, "POST", "/ofrep/v1/evaluate/flags");
    assert_eq!((status, flags["flags"].as_array().unwrap().len()), (200, 1), "{flags}");

    let list = serve.get("/experiments").json();
    for experiment in list.as_array().unwrap().iter().skip(1) {
        let name = experiment["experiment"].as_str().unwrap();
        let is_reported =
            experiment["summary"]["warnings"].to_string().contains("damaged_document");
        assert_eq!(is_reported, name != "good", "{experiment}");
        let (status, flag) = json_of(&serve, "POST", &format!("/ofrep/v1/evaluate/flags/{name}"));
        assert_eq!(status, if name == "good" { 200 } else { 404 }, "{flag}");
        // Whatever is broken, events are counted.
        assert_eq!(serve.track(name, "a", "participate", "u"), 200);
        let report = serve.get(&format!("/experiments/{name}")).json();
        assert_eq!(report["variants"][0]["trials"], 1, "{report}");
        let warnings = report["analysis"]["warnings"].to_string();
        assert_eq!(
            warnings.contains("lients do not get this experiment"),
            name != "good",
            "{report}"
        );
    }
    assert_eq!(list.as_array().unwrap().len(), 1 + names.len(), "{list}");
}

/// The public questions, and their statuses while the store is down in a process that never read it.
const QUESTIONS: [(&str, &str, u16); 5] = [
    ("GET", "/config", 503),
    ("GET", "/assign?experiment=button&unit=u", 503),
    ("GET", "/api/features/alephbet", 503),
    ("POST", "/ofrep/v1/evaluate/flags/button", 500),
    ("POST", "/ofrep/v1/evaluate/flags", 500),
];

#[test]
fn with_redis_down_a_running_process_answers_from_memory_and_a_new_one_says_that_it_cannot() {
    let mut redis = Redis::start();
    let running = Serve::redis(&redis.url());
    define(&running, &["button"]);
    let answers = |serve: &Serve| QUESTIONS.map(|(method, path, _)| json_of(serve, method, path));
    let before = answers(&running);
    assert!(before.iter().all(|(status, _)| *status == 200), "{before:?}");
    redis.command(&["SAVE"]);
    redis.stop();
    // A write makes the next reader ask the store instead of its memory of the last ten seconds.
    assert_eq!(running.call("PATCH", "/settings", Some("{}")).status, 503);
    assert_eq!(answers(&running), before);
    let tracked = json_of(&running, "GET", "/assign?experiment=button&unit=u&track=true");
    assert_eq!((tracked.0, &tracked.1["counted"]), (200, &json!(false)));

    let new = Serve::redis(&redis.url());
    for ((status, answer), (_, path, expected)) in answers(&new).iter().zip(QUESTIONS) {
        assert_eq!(*status, expected, "{path}: {answer}");
        if path.starts_with("/ofrep") {
            assert_eq!(answer["errorCode"], "GENERAL", "{answer}");
            assert!(answer["errorDetails"].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
    redis.restart();
    assert_eq!(answers(&new), before);
}

#[test]
fn a_function_answers_from_memory_while_redis_is_down_unless_it_is_new() {
    let mut redis = Redis::start();
    define(&Serve::redis(&redis.url()), &["button"]);
    redis.command(&["SAVE"]);
    let mut lambda = Lambda::start(&["running", "new"]);
    let port = redis.port().to_string();
    let environment = [("ABTEST_REDIS_HOST", "127.0.0.1"), ("ABTEST_REDIS_PORT", &port)];
    lambda.deploy("running", "assign", &environment);
    lambda.deploy("new", "assign", &environment);
    let ask = |function: &str, method: &str, path: &str| {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/lambda/function-url.json");
        let mut event: Value =
            serde_json::from_str(&std::fs::read_to_string(recording).unwrap()).unwrap();
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        event["requestContext"]["http"]["method"] = method.into();
        event["requestContext"]["http"]["path"] = path.into();
        event["headers"]["content-type"] = "application/json".into();
        event["body"] = CONTEXT.into();
        event["isBase64Encoded"] = false.into();
        let answer = lambda.invoke(function, &event);
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (answer["statusCode"].as_u64().unwrap(), body)
    };
    let answers = |function: &str| QUESTIONS.map(|(method, path, _)| ask(function, method, path));
    let before = answers("running");
    assert!(before.iter().all(|(status, _)| *status == 200), "{before:?}");
    redis.stop();
    assert_eq!(answers("running"), before);
    for ((status, answer), (_, path, expected)) in answers("new").iter().zip(QUESTIONS) {
        assert_eq!(*status, u64::from(expected), "{path}: {answer}");
        assert_eq!(answer["errorCode"] == "GENERAL", path.starts_with("/ofrep"), "{answer}");
    }
    redis.restart();
    assert_eq!(answers("new"), before);
}
