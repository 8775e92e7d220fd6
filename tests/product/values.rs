//! Events with values, over HTTP.

use std::process::{Command, Stdio};

use abtest_tests::binaries::tests;
use abtest_tests::cluster::Cluster;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Answer, Serve};
use serde_json::{Value, json};

fn change(serve: &Serve, method: &str, body: &Value) {
    let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
    let path = "/experiments/shop/definition";
    let answer = serve.request(method, path, &headers, body.to_string().as_bytes());
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
}

fn define(serve: &Serve, goals: &Value) {
    let body =
        json!({"variants": [{"name": "a"}, {"name": "b"}], "status": "running", "goals": goals});
    change(serve, "PUT", &body);
}

/// Sends an event as JSON, with more members.
fn send(serve: &Serve, goal: &str, uuid: &str, more: &Value) -> Answer {
    let mut event = json!({"experiment": "shop", "variant": "a", "event": goal, "uuid": uuid});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serve.call("POST", "/track", Some(&event.to_string()))
}

/// The values of a goal, without its cap: variant, units, sum, sum of squares, largest.
fn rows(serve: &Serve, goal: &str) -> Vec<Value> {
    let report = serve.get("/experiments/shop").json();
    let goals = report["goals"].as_array().unwrap();
    let found = goals.iter().find(|found| found["goal"] == goal).unwrap();
    let rows = found["values"]["results"].as_array().cloned().unwrap_or_default();
    let row = |row: &Value| {
        json!([row["label"], row["units"], row["sum"], row["sum_of_squares"], row["largest"]])
    };
    rows.iter().map(row).collect()
}

fn adds_values(serve: &Serve) {
    define(
        serve,
        &json!([{"name": "buy", "role": "primary"},
        {"name": "revenue", "kind": "value", "unit": "EUR", "decimals": 2, "cap": 500},
        {"name": "visits", "kind": "count"}]),
    );
    for (value, rule) in [
        (json!(0.001), "decimals"),
        (json!("0.001"), "decimals"),
        (json!("NaN"), "decimal-number"),
        (json!(null), "decimal-number"),
        (json!("1e308"), "decimal-number"),
        (json!("9".repeat(200)), "decimal-number"),
    ] {
        let refused = send(serve, "revenue", "1", &json!({"value": value}));
        assert_eq!((refused.status, &refused.json()["rule"]), (400, &json!(rule)), "{value}");
    }
    for body in ["1e308", &"9".repeat(200), "1e999"] {
        let event = format!(
            r#"{{"experiment":"shop","variant":"a","event":"revenue","uuid":"1","value":{body}}}"#
        );
        let refused = serve.call("POST", "/track", Some(&event));
        assert_eq!((refused.status, &refused.json()["rule"]), (400, &json!("decimal-number")));
    }
    for goal in ["buy", "participate", "unknown"] {
        let refused = send(serve, goal, "1", &json!({"value": 1}));
        assert_eq!(
            (refused.status, &refused.json()["rule"]),
            (404, &json!("value-goal")),
            "{goal}"
        );
    }
    let counted = send(serve, "visits", "1", &json!({"value": 2}));
    assert_eq!((counted.status, &counted.json()["rule"]), (400, &json!("count-goal")));

    // One bad event of a batch is refused, and the others are stored.
    let event = |goal: &str, uuid: &str, value: &str, id: &str| {
        json!({"experiment": "shop", "variant": "a", "event": goal, "uuid": uuid, "value": value,
            "id": id, "allocation": 1})
    };
    let batch = json!([
        event("revenue", "1", "19.99", "order 1"),
        event("buy", "1", "1", "order 1"),
        event("revenue", "2", "700", "order 2"),
        event("revenue", "2", "0.5", "order 3")
    ]);
    for _ in 0..2 {
        let answer = serve.call("POST", "/track", Some(&batch.to_string()));
        assert_eq!(
            (answer.status, &answer.json()["accepted"]),
            (207, &json!(3)),
            "{}",
            answer.text
        );
        assert_eq!(answer.json()["refused"][0]["index"], 1);
    }
    // The order's page is opened in another browser.
    let other = "/track?experiment=shop&variant=b&event=revenue&uuid=9&value=19.99&id=order+1";
    assert_eq!(serve.request("GET", other, &[], &[]).status, 200);
    assert_eq!(rows(serve, "revenue"), [json!(["a", 2, "519.99", "250399.6001", "700.5"])]);
    assert_eq!(send(serve, "revenue", "2", &json!({"value": -300.5, "id": "refund"})).status, 200);
    assert_eq!(rows(serve, "revenue"), [json!(["a", 2, "419.99", "160399.6001", "700.5"])]);
    let report = serve.get("/experiments/shop").json();
    let revenue = report["goals"].as_array().unwrap().iter().find(|one| one["goal"] == "revenue");
    let values = &revenue.unwrap()["values"];
    assert_eq!(
        (&values["cap"], &values["results"][0]["allocations"][0]["units"]),
        (&json!("500"), &json!(2))
    );

    // Visits count per id, or once per unit.
    for id in ["monday", "monday", "tuesday"] {
        assert_eq!(send(serve, "visits", "1", &json!({"id": id})).status, 200);
    }
    for _ in 0..2 {
        assert_eq!(send(serve, "visits", "2", &json!({})).status, 200);
    }
    assert_eq!(rows(serve, "visits"), [json!(["a", 2, "3", "5", "2"])]);

    // Another cap, another sum.
    let definition =
        serve.request("GET", "/experiments/shop/definition", &[("x-api-key", &*serve.key)], &[]);
    let mut goals = json!({"goals": definition.json()["goals"]});
    goals["goals"][1]["cap"] = json!(100);
    let headers = [
        ("x-api-key", &*serve.key),
        ("if-match", definition.header("etag")),
        ("content-type", "application/json"),
    ];
    let changed = serve.request(
        "PATCH",
        "/experiments/shop/definition",
        &headers,
        goals.to_string().as_bytes(),
    );
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(rows(serve, "revenue"), [json!(["a", 2, "119.99", "10399.6001", "400"])]);
}

#[test]
fn the_embedded_store_adds_values() {
    adds_values(&Serve::embedded());
}

#[test]
fn redis_adds_values_in_both_ways_of_counting() {
    for counting in ["hll", "exact"] {
        let redis = Redis::start();
        adds_values(&Serve::start(&["--redis", &redis.url(), "--counting", counting]));
    }
}

/// Plays a random stream of values and compares the sums with a plain Python program.
/// `ABTEST_VALUES=1000000` sets how many events are played.
fn adds_up_like_a_plain_program(mut serve: Serve) {
    let events = std::env::var("ABTEST_VALUES").unwrap_or_else(|_| "6000".into());
    let script = tests().join("values/stream.py");
    let mut stream = Command::new("python3")
        .arg(script)
        .args([&*serve.url, &*serve.key, &*events, "7"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // In the middle of the stream, the server is killed.
    let adds = |serve: &Serve| {
        let headers = [("x-api-key", &*serve.key)];
        let report = serve.try_request("GET", "/experiments/stream", &headers, &[]);
        report.is_ok_and(|report| report.text.contains("sum_of_squares"))
    };
    while !adds(&serve) {
        assert!(stream.try_wait().unwrap().is_none(), "the stream ended");
        std::thread::yield_now();
    }
    serve.kill();
    serve.restart();
    let played = stream.wait_with_output().unwrap();
    let result = String::from_utf8_lossy(&played.stdout).into_owned();
    println!("{result}");
    assert!(played.status.success(), "{result}");
}

#[test]
fn a_random_stream_in_a_folder_adds_up_like_a_plain_program_also_after_a_kill() {
    adds_up_like_a_plain_program(Serve::embedded());
}

#[test]
fn a_random_stream_in_redis_adds_up_like_a_plain_program_also_after_a_kill() {
    for counting in ["hll", "exact"] {
        let redis = Redis::start();
        let serve = Serve::start(&["--redis", &redis.url(), "--counting", counting]);
        adds_up_like_a_plain_program(serve);
    }
}

#[test]
fn a_random_stream_on_a_cluster_adds_up_like_a_plain_program_also_after_a_kill() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let settings = json!({"redis": {"url": cluster.url(), "cluster": true}, "counting": "exact"});
    std::fs::write(&config, settings.to_string()).unwrap();
    let serve = Serve::start(&["--redis", "--config", config.to_str().unwrap()]);
    adds_up_like_a_plain_program(serve);
}
