//! Definitions through the built server: keys by role, layers that never overlap, and moves. Concurrent
//! editors and crashes are in tests/attack.

use std::path::Path;
use std::process::Command;

use abtest_tests::binaries::binary;
use abtest_tests::cluster::Cluster;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Answer, Serve};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A request that changes something, with the key of the server.
fn change(serve: &Serve, method: &str, path: &str, version: Option<&str>, body: &Value) -> Answer {
    let mut headers = vec![("x-api-key", &*serve.key), JSON];
    headers.extend(version.map(|version| ("if-match", version)));
    serve.request(method, path, &headers, body.to_string().as_bytes())
}

fn two(more: &Value) -> Value {
    let mut body = json!({"variants": [{"name": "a"}, {"name": "b"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_read_key_reads_and_the_session_of_the_page_has_its_role() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read-key");
    std::fs::write(&file, "the key that may only read\n").unwrap();
    let serve = Serve::start(&["--read-key-file", file.to_str().unwrap()]);
    let path = "/experiments/button/definition";
    let read = ("x-api-key", "the key that may only read");
    let body = two(&json!({})).to_string();
    let refused = serve.request("PUT", path, &[read, JSON], body.as_bytes());
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("may only read"), "{}", refused.text);
    assert_eq!(change(&serve, "PUT", path, None, &two(&json!({}))).status, 201);
    for path in [path, "/experiments", "/settings", "/experiments/button/history"] {
        assert_eq!(serve.request("GET", path, &[read], &[]).status, 200, "{path}");
    }
    assert_eq!(serve.request("DELETE", "/experiments/button", &[read], &[]).status, 403);
    assert_eq!(serve.request("POST", "/tick", &[read], &[]).status, 403);
    for (key, role, status) in [(&*serve.key, "edit", 200), (read.1, "read", 403)] {
        let opened = serve.request("POST", "/session", &[], key.as_bytes());
        assert_eq!(opened.status, 204);
        let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
        let page = [("cookie", &*cookie), ("sec-fetch-site", "same-origin"), JSON];
        assert_eq!(serve.request("GET", "/session", &page, &[]).json()["role"], role);
        assert_eq!(serve.request("GET", path, &page, &[]).status, 200);
        let patched = serve.request("PATCH", path, &page, br#"{"description": "x"}"#);
        assert_eq!(patched.status, status, "{}", patched.text);
    }
}

/// Experiments of one layer are started, resized and completed by several writers at once. No slot
/// ever has two holders, and the layer and the definitions agree.
fn slots_never_overlap(servers: &[Serve]) {
    const WRITERS: usize = 4;
    const STEPS: usize = 12;
    let layers = json!({"layers": [{"name": "shared"}]});
    assert_eq!(change(&servers[0], "PATCH", "/settings", None, &layers).status, 200);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let serve = &servers[writer % servers.len()];
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(writer as u64);
                for step in 0..STEPS {
                    let path = format!("/experiments/e{writer}-{step}/definition");
                    let traffic = random.u32(0..=6_000);
                    let body = json!({"status": "running", "layer": "shared",
                        "traffic": f64::from(traffic) / 100.0});
                    let created = change(serve, "PUT", &path, None, &two(&body));
                    assert!([201, 409].contains(&created.status), "{}", created.text);
                    if created.status == 409 {
                        continue;
                    }
                    let resized = json!({"traffic": f64::from(random.u32(0..=6_000)) / 100.0});
                    let resized = change(serve, "PATCH", &path, None, &resized);
                    assert!([200, 409].contains(&resized.status), "{}", resized.text);
                    if random.bool() {
                        let done = json!({"status": "completed", "winner": "a"});
                        assert_eq!(change(serve, "PATCH", &path, None, &done).status, 200);
                    }
                }
            });
        }
        // Whoever reads meanwhile never sees a slot twice.
        for _ in 0..20 {
            held_slots(&servers[0]);
        }
    });
    let held = held_slots(servers.last().unwrap());
    assert!(!held.is_empty());
    for (experiment, slots) in held {
        let path = format!("/experiments/{experiment}/definition");
        assert_eq!(servers[0].get(&path).json()["slots"], slots, "{experiment}");
    }
}

/// Who holds which slots of the layer. Fails if two experiments hold one slot.
fn held_slots(serve: &Serve) -> Vec<(String, Value)> {
    let settings = serve.get("/settings").json();
    let mut owners = vec![None; 10_000];
    let holders = settings["layers"][0]["holders"].as_array().unwrap();
    let holder = |holder: &Value| {
        let experiment = holder["experiment"].as_str().unwrap().to_owned();
        for range in holder["slots"].as_array().unwrap() {
            let (from, to) = (range[0].as_u64().unwrap(), range[1].as_u64().unwrap());
            for slot in from..to {
                let owner = &mut owners[usize::try_from(slot).unwrap()];
                assert!(owner.is_none(), "slot {slot}: {owner:?} and {experiment}");
                *owner = Some(experiment.clone());
            }
        }
        (experiment, holder["slots"].clone())
    };
    holders.iter().map(holder).collect()
}

#[test]
fn slots_never_overlap_in_the_embedded_store() {
    slots_never_overlap(&[Serve::embedded()]);
}

#[test]
fn slots_never_overlap_with_two_servers_on_one_redis() {
    let redis = Redis::start();
    slots_never_overlap(&[Serve::redis(&redis.url()), Serve::redis(&redis.url())]);
}

#[test]
fn slots_never_overlap_with_two_servers_on_a_cluster() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let settings = json!({"redis": {"url": cluster.url(), "cluster": true}, "counting": "exact"});
    std::fs::write(&config, settings.to_string()).unwrap();
    let start = || Serve::start(&["--redis", "--config", config.to_str().unwrap()]);
    slots_never_overlap(&[start(), start()]);
}

/// Runs the command line and returns whether it succeeded, with all that it printed.
fn abtest(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(binary("abtest")).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_definition_moves_with_its_counts_its_slots_and_its_history() {
    let mut old = Serve::embedded();
    let path = "/experiments/button/definition";
    let layers = json!({"layers": [{"name": "shared", "id": "ring"}]});
    assert_eq!(change(&old, "PATCH", "/settings", None, &layers).status, 200);
    // It counts before it is defined: its counts are adopted.
    for uuid in ["1", "2"] {
        assert_eq!(old.track("button", "a", "participate", uuid), 200);
    }
    let body = two(&json!({"status": "running", "layer": "shared", "traffic": 20}));
    assert_eq!(change(&old, "PUT", path, None, &body).status, 201);
    let patch = json!({"traffic": 30, "why": "more"});
    assert_eq!(change(&old, "PATCH", path, None, &patch).status, 200);
    let before = old.get(path).json();
    let history = old.get("/experiments/button/history").json();
    old.terminate();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("button.json");
    let (file, data) = (file.to_str().unwrap(), old.data());
    let (done, said) =
        abtest(&["export", "button", "--data", data.to_str().unwrap(), "--output", file]);
    assert!(done, "{said}");

    let mut new = Serve::embedded();
    let import = |data: &Path, more: &[&str]| {
        let place = ["import", file, "--data", data.to_str().unwrap()];
        abtest(&[&place[..], more].concat())
    };
    new.terminate();
    let (done, said) = import(&new.data(), &[]);
    assert!(!done && said.contains("layer"), "{said}");
    new.restart();
    assert_eq!(new.get("/experiments").json().as_array().unwrap().len(), 1, "nothing is imported");
    let layers = json!({"layers": [{"name": "shared", "id": "ring"}]});
    assert_eq!(change(&new, "PATCH", "/settings", None, &layers).status, 200);
    let taken = two(&json!({"status": "running", "layer": "shared", "traffic": 10}));
    let other = "/experiments/other/definition";
    assert_eq!(change(&new, "PUT", other, None, &taken).status, 201);
    new.terminate();
    let (done, said) = import(&new.data(), &[]);
    assert!(!done && said.contains("other"), "{said}");
    new.restart();
    let completed = json!({"status": "completed", "winner": "a"});
    assert_eq!(change(&new, "PATCH", other, None, &completed).status, 200);
    new.terminate();
    let (done, said) = import(&new.data(), &[]);
    assert!(done, "{said}");
    new.restart();

    let after = new.get(path);
    let mut expected = before.clone();
    for member in ["version", "updated"] {
        expected[member] = after.json()[member].clone();
    }
    assert_eq!(after.json(), expected);
    assert_eq!(after.json()["version"], json!(before["version"].as_u64().unwrap() + 1));
    assert_eq!(new.count("button", "participate", "a"), 2);
    let moved = new.get("/experiments/button/history").json();
    let moved = moved.as_array().unwrap();
    assert_eq!(moved[..2], history.as_array().unwrap()[..]);
    assert_eq!((&moved[2]["by"], &moved[2]["version"]), (&json!("import"), &json!(3)));
    let version = after.header("etag").to_owned();
    let patched = change(&new, "PATCH", path, Some(&version), &json!({"traffic": 40}));
    assert_eq!((patched.status, patched.header("etag")), (200, "\"4\""), "{}", patched.text);
    let last = new.get("/experiments/button/history").json();
    assert_eq!(last[3]["version"], 4);
}

#[test]
fn a_definition_says_how_its_experiment_is_counted_from_the_first_event() {
    let redis = Redis::start();
    let (serve, folder) = (Serve::redis(&redis.url()), Serve::embedded());
    let put = |serve: &Serve, name: &str, counting: &str| {
        let path = format!("/experiments/{name}/definition");
        let created = change(serve, "PUT", &path, None, &two(&json!({"counting": counting})));
        assert_eq!(created.status, 201, "{}", created.text);
        created.json()["warnings"].clone()
    };
    let listed = |serve: &Serve| {
        let list = serve.get("/experiments").json();
        let all = list.as_array().unwrap()[1..].iter();
        all.map(|one| one["counting"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(put(&serve, "precise", "exact"), json!([]));
    assert_eq!(put(&serve, "small", "hll"), json!([]));
    assert_eq!(listed(&serve), ["exact", "hll"], "before the first event");
    assert_eq!(serve.track("old", "a", "participate", "1"), 200);
    let warnings = put(&serve, "old", "exact");
    let message = warnings[0]["message"].as_str().unwrap();
    assert!(message.contains("began to count as hll and continues so"), "{message}");
    for (name, counting) in [("precise", "exact"), ("small", "hll"), ("old", "hll")] {
        assert_eq!(serve.track(name, "a", "participate", "2"), 200);
        let results = serve.get(&format!("/experiments/{name}?analysis=none")).json();
        assert_eq!(results["counting"], counting, "{name}");
    }
    assert_eq!(serve.count("old", "participate", "a"), 2);
    // A folder always counts exactly, and says so.
    let warnings = put(&folder, "small", "hll");
    assert!(warnings[0]["message"].as_str().unwrap().contains("exactly"), "{warnings}");
    assert_eq!(put(&folder, "precise", "exact"), json!([]));
    assert_eq!(listed(&folder), ["exact", "exact"]);
}

#[test]
fn only_declared_names_count_where_the_namespace_asks_for_them() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    assert_eq!(
        change(&serve, "PATCH", "/settings", None, &json!({"accept": "declared"})).status,
        200
    );
    let body = two(&json!({"goals": [{"name": "buy"}]}));
    assert_eq!(change(&serve, "PUT", "/experiments/button/definition", None, &body).status, 201);
    assert_eq!(serve.track("button", "a", "participate", "1"), 200);
    assert_eq!(serve.track("button", "a", "buy", "1"), 200);
    for (experiment, variant, goal) in
        [("x", "a", "buy"), ("button", "x", "buy"), ("button", "a", "x")]
    {
        assert_eq!(
            serve.track(experiment, variant, goal, "1"),
            404,
            "{experiment} {variant} {goal}"
        );
    }
    let other = Serve::redis(&redis.url());
    let made_up = |index: usize| {
        json!({"experiment": format!("made up {index}"), "variant": "a",
        "event": "participate", "uuid": "1"})
    };
    for hundred in 0..20 {
        let batch: Value = (0..100).map(|index| made_up(100 * hundred + index)).collect();
        let answer = other.request("POST", "/track", &[JSON], batch.to_string().as_bytes());
        assert_eq!((answer.status, answer.json()["refused"].as_array().unwrap().len()), (404, 100));
    }
    assert_eq!(redis.command(&["KEYS", "*made*up*"]), "", "a scanner leaves nothing behind");
    assert!(serve.get("/metrics").text.contains("abtest_events_total{outcome=\"undeclared\"} 3"));
    let list = serve.get("/experiments").json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    // Gimel's members are there for a defined experiment, too.
    assert_eq!(
        list[1]["goals"][0]["results"][0],
        json!({"label": "a", "successes": 1, "trials": 1})
    );
}
