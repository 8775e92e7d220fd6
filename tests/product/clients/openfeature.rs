//! OpenFeature's own SDKs and providers, at `serve` and at the deployed function.

use std::path::PathBuf;
use std::process::Command;

use abtest_tests::binaries::{openfeature_rust, tests, tool};
use abtest_tests::lambda::Lambda;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use super::steps::Steps;
use super::{define_in, patch_in};

const NAMESPACE: &str = "alephbet";

/// The folder of the clients of others.
fn folder() -> PathBuf {
    let folder = tests().join("clients");
    assert!(folder.join("node_modules").exists(), "node_modules is missing: run tests/install");
    folder
}

/// One experiment for each type of payload. The unit `qa` gets the second variant of each.
fn define(serve: &Serve) {
    for (name, first, second) in [
        ("truth", json!(false), json!(true)),
        ("text", json!("blue"), json!("green")),
        ("number", json!(2.5), json!(3)),
        ("whole", json!(2), json!(3)),
        ("object", json!({"color": "blue"}), json!({"color": "green"})),
    ] {
        let definition = json!({"status": "running", "overrides": {"qa": "second"},
            "variants": [{"name": "first", "payload": first}, {"name": "second", "payload": second}]});
        define_in(serve, NAMESPACE, name, &definition);
    }
}

/// Runs a script to its end, and reads the JSON that it prints.
fn run(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn server_sdk(url: &str) -> Value {
    run(Command::new("node").arg(folder().join("server.mjs")).arg(url))
}

fn python_sdk(url: &str) -> Value {
    run(Command::new(tool("python")).arg(tests().join("clients/server.py")).arg(url))
}

/// What an application sees of the values, the variants and the reasons.
fn assert_values(told: &Value) {
    for (name, value) in
        [("truth", json!(true)), ("text", json!("green")), ("object", json!({"color": "green"}))]
    {
        assert_eq!(told[name]["value"], value, "{told}");
    }
    assert_eq!(told["number"]["value"].as_f64(), Some(3.0), "{told}");
    for name in ["truth", "text", "number", "object"] {
        assert_eq!(told[name]["variant"], "second", "{told}");
        assert_eq!(told[name]["reason"], "TARGETING_MATCH", "{told}");
        let metadata = json!({"reason": "override", "experiment": name, "exposure": false});
        assert_eq!(told[name]["flagMetadata"], metadata, "{told}");
    }
    assert_eq!(told["unknown"]["errorCode"], "FLAG_NOT_FOUND", "{told}");
    assert_eq!(told["unknown"]["value"], "default", "{told}");
}

#[test]
fn the_server_sdk_reads_every_type_and_every_error() {
    let serve = Serve::embedded();
    define(&serve);
    let told = server_sdk(&serve.url);
    assert_values(&told);
    assert_eq!(told["mismatch"]["errorCode"], "TYPE_MISMATCH", "{told}");
    assert_eq!(told["nobody"]["errorCode"], "TARGETING_KEY_MISSING", "{told}");
    assert_eq!(told["nobody"]["value"], "default", "{told}");
}

#[test]
fn the_python_sdk_reads_every_type_and_fractions_stay_fractions() {
    let serve = Serve::embedded();
    define(&serve);
    let told = python_sdk(&serve.url);
    assert_values(&told);
    assert_eq!((&told["number"]["type"], &told["whole"]["type"]), (&json!("float"), &json!("int")));
    assert_eq!(told["nobody"]["errorCode"], "TARGETING_KEY_MISSING", "{told}");
}

#[test]
fn the_rust_sdk_reads_every_type_and_every_error() {
    let serve = Serve::embedded();
    define(&serve);
    let told = run(Command::new(openfeature_rust()).arg(&serve.url));
    // Version 0.1.2 of the provider gives no metadata, and one reason for everything.
    let shown = |value: Value| json!({"value": value, "variant": "second"});
    let expected = json!({
        "truth": shown(json!(true)), "text": shown(json!("green")), "number": shown(json!(3.0)),
        "whole": shown(json!(3)), "object": shown(json!({"color": "green"})),
        "unknown": {"errorCode": "FLAG_NOT_FOUND"}, "nobody": {"errorCode": "INVALID_CONTEXT"},
    });
    assert_eq!(told, expected);
}

#[test]
fn the_deployed_function_answers_the_sdks_of_server_python_and_web() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    define(&serve);
    let mut lambda = Lambda::start(&["assign"]);
    let port = redis.port().to_string();
    let environment = [("ABTEST_REDIS_HOST", "127.0.0.1"), ("ABTEST_REDIS_PORT", &port)];
    lambda.deploy("assign", "assign", &environment);
    let url = lambda.url("assign");
    assert_values(&server_sdk(&url));
    assert_values(&python_sdk(&url));
    assert_values(&open_page(&url).step("start"));
}

#[test]
fn without_the_store_running_processes_answer_and_new_ones_give_defaults() {
    let mut redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    define(&serve);
    assert_values(&server_sdk(&serve.url));
    redis.kill();
    assert_values(&server_sdk(&serve.url));
    let mut lambda = Lambda::start(&["assign"]);
    let port = redis.port().to_string();
    let environment = [("ABTEST_REDIS_HOST", "127.0.0.1"), ("ABTEST_REDIS_PORT", &port)];
    lambda.deploy("assign", "assign", &environment);
    let told = server_sdk(&lambda.url("assign"));
    assert_eq!(told["text"]["errorCode"], "GENERAL", "{told}");
    assert_eq!(told["text"]["value"], "default", "{told}");
}

#[test]
fn a_client_that_asks_too_often_waits_as_long_as_it_is_told() {
    let serve = Serve::start(&["--requests-per-second", "1", "--trusted-proxies", "none"]);
    define(&serve);
    let script = folder().join("limited.mjs");
    let errors = run(Command::new("node").arg(script).arg(&serve.url));
    let errors: Vec<&str> =
        errors.as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    assert!(errors.iter().any(|error| error.contains("rate limit exceeded")), "{errors:?}");
    // The provider understood Retry-After, so it does not ask again.
    assert!(errors.iter().any(|error| error.contains("paused")), "{errors:?}");
    let flag = "/ofrep/v1/evaluate/flags/text";
    let headers = [("content-type", "application/json")];
    let refused = (0..100)
        .map(|_| serve.request("POST", flag, &headers, br#"{"context": {"targetingKey": "qa"}}"#))
        .find(|answer| answer.status == 429)
        .expect("the limit is one request per second");
    let seconds: u64 = refused.header("retry-after").parse().expect("whole seconds");
    assert!(seconds > 0);
}

/// A page with OpenFeature's web SDK, which does one step after the other.
fn open_page(url: &str) -> Steps {
    Steps::start(Command::new("node").arg(folder().join("web.mjs")).arg(url))
}

#[test]
fn the_web_sdk_follows_its_context_and_changes_and_outlives_the_server() {
    let mut serve = Serve::embedded();
    define(&serve);
    let country = json!({"status": "running", "targeting": {"country": "DE"}, "fallback": "other",
        "variants": [{"name": "other"}, {"name": "german"}], "weights": {"other": 0, "german": 1}});
    define_in(&serve, NAMESPACE, "country", &country);
    let mut page = open_page(&serve.url);
    let told = page.step("start");
    assert_values(&told);
    assert_eq!(
        (&told["country"]["value"], &told["country"]["reason"]),
        (&json!("german"), &json!("SPLIT"))
    );
    // The provider sends its tag with another context, and must not hear that nothing changed.
    let told = page.step("context US");
    assert_values(&told);
    assert_eq!(
        (&told["country"]["value"], &told["country"]["reason"]),
        (&json!("other"), &json!("UNKNOWN"))
    );
    let told = page.step("unchanged");
    assert!(told["statuses"].as_array().unwrap().contains(&json!(304)), "{told}");
    let winner = json!({"status": "completed", "winner": "first"});
    patch_in(&serve, NAMESPACE, "object", &winner);
    let told = page.step("changed");
    assert_eq!(told["object"]["value"], json!({"color": "blue"}), "{told}");
    assert_eq!(told["object"]["reason"], "STATIC", "{told}");
    let nobody = page.step("nobody");
    assert_eq!(nobody["text"]["errorCode"], "TARGETING_KEY_MISSING", "{nobody}");
    assert_eq!(nobody["text"]["value"], "default", "{nobody}");
    page.step("context US");
    serve.terminate();
    let alone = page.step("look");
    assert_eq!(alone["object"]["value"], told["object"]["value"]);
    assert_eq!(alone["text"]["value"], "green");
}
