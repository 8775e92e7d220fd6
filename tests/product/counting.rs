//! Exact counting through HTTP, on a stock Redis and on a cluster.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

use abtest_tests::binaries::binary;
use abtest_tests::cluster::Cluster;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, encode};
use serde_json::{Value, json};

/// Posts events with the uuids of a range, as one batch.
fn post(serve: &Serve, uuids: std::ops::Range<u64>) {
    let batch: Vec<Value> = uuids
        .map(|uuid| {
            json!({"experiment": "button color", "variant": "red", "event": "participate",
                   "uuid": format!("{uuid:032x}")})
        })
        .collect();
    let body = serde_json::to_vec(&batch).unwrap();
    let json = [("content-type", "application/json")];
    // A slow machine may get a 503. Clients then send the batch again.
    let statuses = (0..10).map(|_| serve.request("POST", "/track", &json, &body).status);
    let refused: Vec<u16> = statuses.take_while(|status| *status != 200).collect();
    assert!(refused.len() < 10 && refused.iter().all(|status| *status == 503), "{refused:?}");
}

#[test]
fn a_counter_that_another_program_deletes_is_reported_also_after_it_began_again() {
    for counting in ["hll", "exact"] {
        let redis = Redis::start();
        let serve = Serve::start(&["--redis", &redis.url(), "--counting", counting]);
        for uuid in 0..20 {
            assert_eq!(serve.track("e", "v", "participate", &uuid.to_string()), 200);
            assert_eq!(serve.track("e", "w", "participate", &uuid.to_string()), 200);
        }
        let warning = || {
            let report = serve.get("/experiments/e").json();
            let warnings = report["analysis"]["warnings"].as_array().unwrap().clone();
            let lost = warnings.into_iter().find(|warning| warning["code"] == "counts_lost");
            lost.map(|warning| warning["message"].as_str().unwrap().to_owned())
        };
        assert_eq!(warning(), None);
        let counter = match counting {
            "hll" => "alephbet:counters:e:participate:v".to_owned(),
            _ => {
                let identity =
                    redis.command(&["HGET", "{abtest}:alephbet:e:counters", "participate:v"]);
                format!("abtest:{{{}}}", &identity[..16])
            }
        };
        // A day began when the counter had counted already.
        redis.command(&["HSET", &format!("abtest:days:{counter}"), "99999", "15"]);
        assert_eq!(redis.command(&["DEL", &counter]), "1");
        assert!(warning().unwrap().contains("`participate` of `v`. "), "{counting}");
        assert!(serve.get("/experiments").text.contains("counts_lost"), "{counting}");
        assert_eq!(serve.track("e", "v", "participate", "0"), 200);
        assert!(warning().unwrap().contains("`participate` of `v`. "), "{counting} began again");
    }
}

#[test]
fn a_million_events_through_http_are_a_million() {
    const EVENTS: u64 = 1_000_000;
    const BATCH: u64 = 500;
    let redis = Redis::start();
    let serve = Serve::start(&["--redis", &redis.url(), "--counting", "exact"]);
    let empty = used_memory(&redis);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= EVENTS {
                        break;
                    }
                    post(&serve, from..from + BATCH);
                    // Browsers send again what they sent: every tenth batch a second time.
                    if from.is_multiple_of(10 * BATCH) {
                        post(&serve, from / 2..from / 2 + BATCH);
                    }
                }
            });
        }
    });
    // What came twice may have come the second time before the first: all the same.
    let path = format!("/experiments/{}", encode("button color").replace('+', "%20"));
    let result = serve.get(&path).json();
    assert_eq!(result["variants"], json!([{"label": "red", "trials": EVENTS}]));
    assert_eq!(result["counting"], "exact");
    let timeline = &result["timeline"];
    let new: u64 =
        timeline["counters"][0]["new"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert_eq!(new, EVENTS, "{timeline}");
    let bytes = used_memory(&redis) - empty;
    assert!(bytes < 10 * EVENTS, "{bytes} bytes");
}

fn used_memory(redis: &Redis) -> u64 {
    let information = redis.command(&["INFO", "memory"]);
    let used = information.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
    used.unwrap().trim().parse().unwrap()
}

#[test]
fn a_cluster_is_one_redis_to_whoever_tracks_and_reads() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let settings = json!({"redis": {"url": cluster.url(), "cluster": true}, "counting": "exact"});
    std::fs::write(&config, settings.to_string()).unwrap();
    let serve = Serve::start(&["--redis", "--config", config.to_str().unwrap()]);
    post(&serve, 0..500);
    post(&serve, 250..750);
    assert_eq!(serve.track("button color", "red", "signup", "1"), 200);
    assert_eq!(serve.count("button color", "participate", "red"), 750);
    assert_eq!(serve.count("button color", "signup", "red"), 1);
    assert_eq!(serve.call("DELETE", "/experiments/button%20color", None).status, 200);
    assert_eq!(serve.count("button color", "participate", "red"), 0);
}

fn abtest(arguments: &[&str]) -> Output {
    Command::new(binary("abtest")).args(arguments).output().unwrap()
}

#[test]
fn an_experiment_goes_from_a_folder_to_an_exact_redis_and_not_back() {
    let mut serve = Serve::embedded();
    post(&serve, 0..500);
    let data = serve.data().into_os_string().into_string().unwrap();
    serve.terminate();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("button.json").into_os_string().into_string().unwrap();
    let exported = abtest(&["export", "button color", "--data", &data, "--output", &file]);
    assert!(exported.status.success(), "{exported:?}");
    let redis = Redis::start();
    let there = Serve::start(&["--redis", &redis.url(), "--counting", "exact"]);
    // The import takes the config's way of counting, as whatever begins does.
    let import = || {
        let mut import = Command::new(binary("abtest"));
        import.args(["import", &file, "--redis", &redis.url()]).env("ABTEST_COUNTING", "exact");
        import.output().unwrap()
    };
    let imported = import();
    assert!(imported.status.success(), "{imported:?}");
    post(&there, 250..750);
    assert_eq!(there.count("button color", "participate", "red"), 750);
    let again = import();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already exists"), "{again:?}");
    let mut export = vec!["export", "button color", "--redis"];
    let url = redis.url();
    export.extend([url.as_str(), "--output", &file]);
    let refused = abtest(&export);
    assert_eq!(refused.status.code(), Some(2), "the file exists: {refused:?}");
    export.push("--yes");
    let exported = abtest(&export);
    assert!(exported.status.success(), "{exported:?}");
    let back = abtest(&["import", &file, "--data", &data, "--namespace", "other"]);
    assert_eq!(back.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&back.stderr).contains("instead of uuids"), "{back:?}");
    let new = folder.path().join("new");
    let back = abtest(&["import", &file, "--data", &new.display().to_string()]);
    assert_eq!(back.status.code(), Some(1));
    assert!(!new.exists(), "an import that failed left a folder behind");
    let results = abtest(&["results", "button color", "--redis", &redis.url()]);
    let shown = String::from_utf8_lossy(&results.stdout).into_owned();
    assert!(shown.contains("750 participants, counted exactly, "), "{shown}");
    assert!(shown.contains(" in Redis"), "{shown}");
}

#[test]
fn gimels_counts_are_brought_over_as_estimates_and_kept_apart() {
    let (gimel, redis) = (Redis::start(), Redis::start());
    let before = Serve::redis(&gimel.url());
    post(&before, 0..300);
    let serve = Serve::start(&["--redis", &redis.url(), "--counting", "exact"]);
    post(&serve, 0..10);
    let brought = abtest(&[
        "import",
        "--experiment",
        "button color",
        "--counts-of",
        &gimel.url(),
        "--redis",
        &redis.url(),
    ]);
    assert!(brought.status.success(), "{brought:?}");
    let result = serve.get("/experiments/button%20color").json();
    assert_eq!(result["variants"], json!([{"label": "red", "trials": 10}]));
    let value = &result["starting_values"][0];
    assert_eq!((&value["goal"], &value["counting"]), (&json!("participate"), &json!("hll")));
    let estimate = value["count"].as_u64().unwrap();
    assert!((290..=310).contains(&estimate), "{estimate}");
}
