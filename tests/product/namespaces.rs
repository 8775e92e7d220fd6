//! Namespaces that strangers made up: they are listed and deleted, and the operator's ones are protected.

use std::process::Command;

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, track_path};
use serde_json::json;

fn said(serve: &Serve, code: i32, arguments: &[&str]) -> String {
    let output = Command::new(binary("abtest"))
        .arg("namespaces")
        .args(arguments)
        .args(["--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

fn lists_and_deletes(serve: &Serve) {
    assert!(said(serve, 0, &[]).contains("no namespaces"));
    let track = |namespace: &str, experiment: &str| {
        let path = track_path(namespace, experiment, "a", "participate", "1");
        assert_eq!(serve.request("GET", &path, &[], &[]).status, 200);
    };
    track("made up\u{202e}", "x");
    track("made up\u{202e}", "y");
    track("shop", "button");
    let define = |experiment: &str, status: &str| {
        let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
        let path = format!("/experiments/{experiment}/definition?namespace=shop");
        let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "status": status});
        let answer = serve.request("PUT", &path, &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text);
    };
    define("button", "running");
    define("next", "draft");
    let listed: serde_json::Value = serde_json::from_str(&said(serve, 0, &["--json"])).unwrap();
    assert_eq!(
        listed,
        json!([
            {"namespace": "made up\u{202e}", "experiments": 2, "defined": 0, "counters": 2, "settings": false},
            {"namespace": "shop", "experiments": 2, "defined": 2, "counters": 1, "settings": false},
        ])
    );
    assert!(said(serve, 0, &["list"]).contains("made up\\u{202e}"));

    assert!(said(serve, 1, &["delete", "shop", "--yes"]).contains("running"));
    assert!(said(serve, 1, &["delete", "unknown", "--yes"]).contains("no namespace"));
    assert!(said(serve, 2, &["delete", "made up\\u{202e}"]).contains("--yes"));
    assert!(said(serve, 0, &["delete", "made up\\u{202e}", "--yes"]).contains("2 experiments"));
    let path = "/experiments?namespace=made%20up%E2%80%AE";
    assert_eq!(serve.get(path).json().as_array().unwrap().len(), 1);
    assert_eq!(serve.call("DELETE", "/namespaces/unknown", None).status, 404);

    let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
    let change = |body: &str| {
        let path = "/experiments/button/definition?namespace=shop";
        let answer = serve.request("PATCH", path, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    change(r#"{"status": "completed", "winner": "b"}"#);
    change(r#"{"status": "archived", "confirm": true}"#);
    let settings = serve.request(
        "PATCH",
        "/settings?namespace=shop",
        &headers,
        br#"{"layers": [{"name": "checkout"}]}"#,
    );
    assert_eq!(settings.status, 200, "{}", settings.text);
    let deleted = said(serve, 0, &["delete", "shop", "--yes", "--json"]);
    assert_eq!(deleted.trim(), r#"{"experiments":2,"namespace":"shop"}"#);
    assert!(said(serve, 0, &[]).contains("no namespaces"));
    define("button", "draft");
    assert!(said(serve, 0, &[]).contains("shop"));
}

#[test]
fn namespaces_are_listed_and_deleted_in_the_embedded_store() {
    lists_and_deletes(&Serve::embedded());
}

#[test]
fn namespaces_are_listed_and_deleted_in_redis() {
    let redis = Redis::start();
    lists_and_deletes(&Serve::redis(&redis.url()));
}
