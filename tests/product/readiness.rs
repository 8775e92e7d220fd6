//! `/livez` and `/readyz`: what orchestrators and load balancers learn.

use std::process::Command;
use std::time::{Duration, Instant};

use abtest_tests::binaries::binary;
use abtest_tests::redis::{Redis, free_port};
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

/// The status and the body of `/readyz`, which needs no key.
fn readiness(serve: &Serve) -> (u16, Value) {
    let answer = serve.request("GET", "/readyz", &[], &[]);
    let old = serve.request("GET", "/healthz", &[], &[]);
    assert_eq!(answer.status, old.status, "{} {}", answer.text, old.text);
    assert_eq!(serve.request("GET", "/livez", &[], &[]).status, 200);
    (answer.status, answer.json())
}

fn is_ready(serve: &Serve) -> bool {
    readiness(serve) == (200, json!({"status": "ok", "reasons": []}))
}

/// Checks that events are refused for this reason, and that the log has the id of the answer.
fn is_unavailable(serve: &Serve, reason: &str) {
    let (status, body) = readiness(serve);
    assert_eq!((status, &body["status"]), (503, &json!("unavailable")), "{body}");
    assert_eq!(body["reasons"], json!([reason]));
    assert!(body["request_id"].as_str().is_some_and(|id| id.len() == 32), "{body}");
}

/// Whether the counts are at risk, and the sentence that says so.
fn danger(serve: &Serve) -> Option<String> {
    let (status, body) = readiness(serve);
    assert_eq!(status, 200, "{body}");
    let reason = body["reasons"][0].as_str().map(str::to_owned);
    assert_eq!(body["status"], if reason.is_some() { "degraded" } else { "ok" }, "{body}");
    reason
}

fn wait_for(log: impl Fn() -> String, text: &str) {
    let start = Instant::now();
    while !log().contains(text) {
        assert!(start.elapsed() < Duration::from_secs(20), "no `{text}` in {}", log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_full_disk_is_not_ready_until_a_write_succeeds() {
    let serve = Serve::on_small_disk();
    assert!(is_ready(&serve));
    // The disk is in a mount namespace of its own.
    let data = serve.data();
    let ballast = format!("/proc/{}/root{}/ballast", serve.process(), data.display());
    std::fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    let batch = |number: usize| {
        let uuid = |index: usize| format!("{number}-{index}-{}", "x".repeat(150));
        let event = |index| json!({"experiment": "e", "variant": "v", "event": "participate", "uuid": uuid(index)});
        Value::Array((0..500).map(event).collect()).to_string()
    };
    let refused =
        (0..1_000).find(|number| serve.call("POST", "/track", Some(&batch(*number))).status == 503);
    let refused = refused.expect("the disk was never full");
    is_unavailable(&serve, "the store has no room left");
    is_unavailable(&serve, "the store has no room left");
    std::fs::remove_file(&ballast).unwrap();
    assert!(is_ready(&serve));
    assert_eq!(serve.call("POST", "/track", Some(&batch(refused))).status, 200);
    assert_eq!(serve.count("e", "participate", "v"), (refused as u64 + 1) * 500);
}

#[test]
fn a_redis_that_refuses_writes_is_not_ready_until_it_takes_them() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    assert!(is_ready(&serve));
    assert!(redis.keys().is_empty(), "what was written does not stay");
    let port = free_port().to_string();
    for (set, reset, reason) in [
        (
            ["CONFIG", "SET", "min-replicas-to-write", "1"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"],
            "the store refuses writes because of its settings",
        ),
        (
            ["CONFIG", "SET", "maxmemory", "1"],
            ["CONFIG", "SET", "maxmemory", "0"],
            "the store has no room left",
        ),
    ] {
        redis.command(&set);
        is_unavailable(&serve, reason);
        redis.command(&reset);
        assert!(is_ready(&serve));
    }
    redis.command(&["REPLICAOF", "127.0.0.1", &port]);
    is_unavailable(&serve, "the store is read-only; it may be a replica");
    redis.command(&["REPLICAOF", "NO", "ONE"]);
    assert!(is_ready(&serve));
    redis.pause();
    is_unavailable(&serve, "the store does not answer in time");
    redis.resume();
    assert!(is_ready(&serve));
}

#[test]
fn a_redis_that_deletes_counters_is_told_at_the_start_and_by_readiness() {
    let redis = Redis::start_with(&["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"]);
    let serve = Serve::start(&["--redis", &redis.url(), "--counting", "exact"]);
    let sentence =
        "Redis deletes counters when its memory is full (maxmemory-policy is allkeys-lru)";
    wait_for(|| serve.log.lock().unwrap().clone(), sentence);
    assert!(danger(&serve).unwrap().starts_with(sentence));
    for number in 0..40 {
        serve.track(&format!("quiet {number}"), "v", "participate", "1");
    }
    // To fill 3 MB with events would take a minute.
    let memory = redis.command(&["INFO", "memory"]);
    let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let limit = used.trim().parse::<u64>().unwrap() + 100_000;
    redis.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    let warned = (0..2_000).any(|number| {
        let event = |index| {
            json!({"experiment": "e", "variant": "v", "event": "participate",
                   "uuid": format!("{number}-{index}")})
        };
        let events = Value::Array((0..500).map(event).collect());
        serve.call("POST", "/track", Some(&events.to_string()));
        !redis.command(&["INFO", "stats"]).contains("evicted_keys:0")
            && serve.get("/experiments").text.contains("counts_lost")
    });
    assert!(warned, "results do not say that counters were deleted");
    let reason = danger(&serve).unwrap();
    assert!(reason.starts_with("Redis has deleted ") && reason.contains("noeviction"), "{reason}");
    for (policy, evicts) in [("noeviction", false), ("volatile-lru", false), ("allkeys-lfu", true)]
    {
        redis.command(&["CONFIG", "SET", "maxmemory-policy", policy]);
        redis.command(&["CONFIG", "SET", "maxmemory", "100mb"]);
        assert_eq!(danger(&serve).is_some(), evicts, "{policy}");
    }
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(danger(&serve), None, "without a limit, nothing is deleted");
}

/// Starts `serve --strict` on a Redis that it must refuse. Returns its error.
fn strict(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .arg("20")
        .arg(binary("abtest"))
        .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--strict"])
        .args(["--redis", url, "--data"])
        .arg(folder.path().join("data"))
        .env("XDG_STATE_HOME", folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

#[test]
fn strict_starts_only_on_a_redis_that_keeps_counters() {
    let mut redis =
        Redis::start_with(&["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = strict(&redis.url());
    assert!(error.contains("allkeys-lru") && error.contains("without --strict"), "{error}");
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let serve = Serve::start(&["--redis", &redis.url(), "--strict"]);
    assert!(is_ready(&serve));
    redis.command(&["ACL", "SETUSER", "counter", "on", ">secret-word", "~*", "+@all", "-info"]);
    let url = redis.url().replace("://", "://counter:secret-word@");
    let error = strict(&url);
    assert!(error.contains("does not say whether it deletes counters"), "{error}");
    let serve = Serve::redis(&url);
    assert!(danger(&serve).unwrap().contains("does not say"));
    assert_eq!(serve.track("e", "v", "participate", "1"), 200);
    redis.stop();
    let error = strict(&redis.url());
    assert!(error.contains("not known whether Redis keeps counters"), "{error}");
    assert!(Serve::start(&["--strict"]).request("GET", "/readyz", &[], &[]).status == 200);
}
