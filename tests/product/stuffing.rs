//! Votes that somebody stuffs: goals of uuids that never took part. The report and the command line warn.

use std::process::Command;

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

fn record(serve: &Serve, goal: &str, variant: &str, uuids: std::ops::Range<u32>) {
    let uuids: Vec<u32> = uuids.collect();
    for some in uuids.chunks(500) {
        let event = |uuid: &u32| json!({"experiment": "e", "variant": variant, "event": goal, "uuid": format!("unit {uuid}")});
        let events = Value::Array(some.iter().map(event).collect());
        assert_eq!(serve.call("POST", "/track", Some(&events.to_string())).status, 200);
    }
}

fn warnings(serve: &Serve) -> Vec<String> {
    let report = serve.get("/experiments/e").json();
    let warnings = report["analysis"]["warnings"].as_array().unwrap().iter();
    let codes = warnings.map(|warning| warning["code"].as_str().unwrap().to_owned());
    codes.filter(|code| code.starts_with("goal") || code.starts_with("units")).collect()
}

fn warns_of_stuffed_goals(serve: &Serve) {
    record(serve, "participate", "blue", 0..2_000);
    record(serve, "participate", "red", 2_000..4_000);
    record(serve, "signup", "blue", 0..200);
    record(serve, "signup", "red", 2_000..2_200);
    assert_eq!(warnings(serve), [""; 0]);
    record(serve, "signup", "red", 9_000..9_300);
    assert_eq!(warnings(serve), ["goal_without_participation"]);
    let results = Command::new(binary("abtest"))
        .args(["results", "e", "--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&results.stdout);
    assert!(text.contains("never took part"), "{text}");
    record(serve, "participate", "red", 0..1_000);
    assert_eq!(warnings(serve), ["goal_without_participation", "units_in_several_variants"]);
    let list = serve.get("/experiments").json();
    let listed = &list[1]["summary"]["warnings"];
    assert!(!listed.to_string().contains("participation"), "lists do not compare uuids: {listed}");
}

#[test]
fn goals_of_units_that_never_took_part_are_told_by_the_embedded_store() {
    warns_of_stuffed_goals(&Serve::embedded());
}

#[test]
fn goals_of_units_that_never_took_part_are_told_by_estimates_in_redis() {
    let redis = Redis::start();
    warns_of_stuffed_goals(&Serve::redis(&redis.url()));
}
