//! Bad input, a failing Redis, and processes that are killed: nothing acknowledged is lost, and
//! nothing bad is stored.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abtest_tests::redis::Redis;
use abtest_tests::serve::{Answer, Serve, encode, track_path};
use serde_json::{Value, json};

const EVENT: &str = r#"{"experiment":"e","variant":"v","event":"g","uuid":"u"}"#;

/// Both stores, for what must be the same on each.
fn both(test: impl Fn(&Serve)) {
    let redis = Redis::start();
    for serve in [Serve::embedded(), Serve::redis(&redis.url())] {
        test(&serve);
    }
}

fn nothing_is_stored(serve: &Serve) {
    assert_eq!(serve.get("/experiments").json().as_array().unwrap().len(), 1);
}

#[test]
fn a_bad_parameter_is_named_with_its_rule_and_length_and_nothing_is_stored() {
    both(|serve| {
        let long = "x".repeat(201);
        for parameter in ["experiment", "variant", "event", "uuid", "namespace"] {
            let with = |value: Option<&str>| {
                let names = ["experiment", "variant", "event", "uuid", "namespace"];
                let pairs = names.iter().filter_map(|name| {
                    let value = if *name == parameter { value? } else { "ok" };
                    Some(format!("{name}={value}"))
                });
                format!("/track?{}", pairs.collect::<Vec<_>>().join("&"))
            };
            let cases = [
                (Some(""), "not-empty", json!(0)),
                (Some(&*long), "length", json!(201)),
                (Some("a%00b"), "no-control-characters", json!(3)),
                (Some("a%0Ab"), "no-control-characters", json!(3)),
                (Some("%FF%FE"), "utf-8", json!(2)),
            ];
            let missing = (parameter != "namespace").then_some((None, "required", Value::Null));
            for (value, rule, length) in cases.into_iter().chain(missing) {
                let answer = serve.request("GET", &with(value), &[], &[]);
                assert_eq!(answer.status, 400, "{value:?}");
                assert_eq!(answer.header("content-type"), "application/problem+json");
                let problem = answer.json();
                assert_eq!(problem["parameter"], parameter, "{problem}");
                assert_eq!((&problem["rule"], &problem["length"]), (&json!(rule), &length));
                assert!(problem["detail"].as_str().unwrap().contains(parameter), "{problem}");
            }
        }
        nothing_is_stored(serve);
    });
}

#[test]
fn a_bad_body_is_refused_with_the_status_that_says_why() {
    both(|serve| {
        let json = [("content-type", "application/json")];
        let post = |body: &str| serve.request("POST", "/track", &json, body.as_bytes());
        assert_eq!(post("{").status, 400);
        assert_eq!(post("").status, 400);
        assert_eq!(post("\u{0}").status, 400);
        assert_eq!(post(r#"{"experiment":"\ud800"}"#).status, 400);
        assert_eq!(post(&"[".repeat(100_000)).status, 400);
        let unknown = post(&EVENT.replace('}', r#","colour":"red"}"#));
        assert_eq!((unknown.status, &unknown.json()["parameter"]), (400, &json!("colour")));
        let number = post(&EVENT.replace(r#""u""#, "5"));
        assert_eq!((number.status, &number.json()["parameter"]), (400, &json!("uuid")));
        assert_eq!(post(&format!("[{}]", vec![EVENT; 501].join(","))).status, 413);
        assert_eq!(post(&" ".repeat(1024 * 1024 + 1)).status, 413);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(serve.request("POST", "/track", &form, EVENT.as_bytes()).status, 415);
        assert_eq!(serve.request("GET", "/track?experiment=%zz", &[], &[]).status, 400);
        for header in [
            ("content-encoding", "gzip"),
            ("content-encoding", "identity, br"),
            ("content-type", "application/json; charset=utf-16"),
            ("content-type", "text/plain;charset=iso-8859-1"),
        ] {
            let answer = serve.request("POST", "/track", &[header], EVENT.as_bytes());
            assert_eq!(answer.status, 415, "{header:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        let twice = post(&EVENT.replace('}', r#","uuid":"another"}"#));
        assert_eq!((twice.status, &twice.json()["rule"]), (400, &json!("once")), "{}", twice.text);
        assert_eq!(twice.json()["parameter"], "uuid");
        nothing_is_stored(serve);
    });
}

#[test]
fn a_document_with_a_repeated_member_or_in_another_form_is_refused() {
    both(|serve| {
        let twice = r#"{"variants": [{"name": "a", "name": "b"}], "status": "draft"}"#;
        for (method, path) in [
            ("PUT", "/experiments/e/definition"),
            ("PATCH", "/experiments/e/definition"),
            ("PATCH", "/settings"),
        ] {
            let refused = serve.call(method, path, Some(twice));
            assert_eq!((refused.status, &refused.json()["rule"]), (400, &json!("once")), "{path}");
            assert_eq!(refused.json()["parameter"], "variants[0].name", "{}", refused.text);
            let form = [("x-api-key", &*serve.key), ("content-encoding", "gzip")];
            assert_eq!(serve.request(method, path, &form, b"{}").status, 415, "{path}");
        }
        assert_eq!(serve.get("/experiments/e/definition").status, 404);
    });
}

#[test]
fn wrong_methods_and_unknown_paths_say_what_there_is() {
    both(|serve| {
        let answer = serve.request("PUT", "/track", &[], &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));
        let answer = serve.call("POST", "/experiments", Some("{}"));
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"));
        assert_eq!(serve.get("/nothing").status, 404);
        assert_eq!(serve.get("/experiments/unknown").status, 404);
        assert_eq!(serve.call("DELETE", "/experiments/unknown", None).status, 404);
        let preflight = serve.request("OPTIONS", "/track", &[("origin", "https://a")], &[]);
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        assert!(preflight.header("access-control-allow-methods").contains("POST"));
        for path in ["/track", "/experiments", "/nothing", "/openapi.json"] {
            let answer = serve.get(path);
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            assert_eq!(answer.header("pragma"), "no-cache");
            assert_eq!(answer.header("cache-control"), "no-cache, no-store, must-revalidate");
        }
    });
}

#[test]
fn a_batch_stores_the_good_events_and_says_which_were_refused_and_why() {
    both(|serve| {
        let batch = json!([
            {"experiment": "e", "variant": "v", "event": "participate", "uuid": "1"},
            {"experiment": "", "variant": "v", "event": "participate", "uuid": "1"},
            {"experiment": "e", "variant": "v", "event": "participate", "uuid": "2"},
            17
        ]);
        let answer = serve.call("POST", "/track", Some(&batch.to_string()));
        assert_eq!(answer.status, 207);
        let receipt = answer.json();
        assert_eq!(receipt["accepted"], 2);
        assert_eq!(receipt["refused"][0]["index"], 1);
        assert_eq!(receipt["refused"][0]["parameter"], "experiment");
        assert_eq!(receipt["refused"][1]["index"], 3);
        assert_eq!(serve.count("e", "participate", "v"), 2);
        let answer = serve.call("POST", "/track", Some("[{}, {}]"));
        assert_eq!((answer.status, answer.json()["refused"].as_array().unwrap().len()), (400, 2));
        let text = [("content-type", "text/plain;charset=UTF-8")];
        let answer = serve.request("POST", "/track", &text, EVENT.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, json!({"accepted": 1})));
    });
}

#[test]
fn a_wrong_key_and_a_missing_one_are_refused_and_told_apart() {
    both(|serve| {
        for (method, path) in [
            ("GET", "/experiments"),
            ("GET", "/experiments/e"),
            ("DELETE", "/experiments/e"),
            ("DELETE", "/delete?experiment=e"),
        ] {
            let missing = serve.request(method, path, &[], &[]);
            let detail = |answer: &Answer| answer.json()["detail"].as_str().unwrap().to_owned();
            let empty = serve.request(method, path, &[("x-api-key", "")], &[]);
            for answer in [&missing, &empty] {
                assert_eq!(answer.status, 401);
                assert!(!detail(answer).contains("is wrong"), "{}", answer.text);
            }
            let almost = &serve.key[..serve.key.len() - 1];
            for wrong in ["wrong", almost] {
                let answer = serve.request(method, path, &[("x-api-key", wrong)], &[]);
                assert_eq!(answer.status, 401);
                assert!(detail(&answer).contains("is wrong"), "{}", answer.text);
            }
        }
    });
}

#[test]
fn new_names_past_a_limit_are_refused_and_known_ones_go_on() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, r#"{"limits": {"experiments": 2}}"#).unwrap();
    let config = config.to_str().unwrap();
    let redis = redis.url();
    for arguments in [&["--config", config][..], &["--config", config, "--redis", &redis]] {
        let serve = Serve::start(arguments);
        assert_eq!(serve.track("a", "v", "participate", "1"), 200);
        assert_eq!(serve.track("b", "v", "participate", "1"), 200);
        let path = track_path("alephbet", "c", "v", "participate", "1");
        let refused = serve.request("GET", &path, &[], &[]);
        assert_eq!(refused.status, 429);
        assert!(refused.text.contains("limit of 2 experiments"), "{}", refused.text);
        assert_eq!(serve.track("a", "v", "participate", "2"), 200);
        assert_eq!(serve.count("a", "participate", "v"), 2);
    }
}

const TRACK: &str = "/track?experiment=e&variant=v&event=g&uuid=new";
const EVERYTHING: [&str; 3] = [TRACK, "/experiments", "/readyz"];

/// Checks that these paths answer with this status and that no answer contains a secret. Redis stays
/// unusable while they are asked, so an answer at all shows that the server does not wait for it.
fn fails(serve: &Serve, paths: &[&str], status: u16, redis: &Redis) {
    for path in paths {
        let answer = serve.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        let port = redis.port().to_string();
        for secret in ["hunter2", "127.0.0.1", &port, &serve.key] {
            assert!(!answer.text.contains(secret), "{path}: {}", answer.text);
        }
    }
}

fn works(serve: &Serve) {
    assert_eq!(serve.track("e", "v", "g", "after"), 200);
}

#[test]
fn with_redis_down_the_answer_is_503_and_the_first_request_after_recovery_works() {
    let mut redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    works(&serve);
    redis.stop();
    fails(&serve, &EVERYTHING, 503, &redis);
    redis.restart();
    works(&serve);
    // Killed and back again between two requests: only the broken connection is noticed.
    redis.stop();
    redis.restart();
    works(&serve);
    assert_eq!(serve.count("e", "g", "v"), 1);
}

#[test]
fn with_redis_hanging_the_answer_is_503_while_it_still_hangs() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    works(&serve);
    redis.pause();
    fails(&serve, &EVERYTHING, 503, &redis);
    redis.resume();
    works(&serve);
}

#[test]
fn on_a_read_only_replica_the_answer_is_503_until_it_is_primary() {
    let (primary, replica) = (Redis::start(), Redis::start());
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let serve = Serve::redis(&replica.url());
    fails(&serve, &[TRACK], 503, &replica);
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    works(&serve);
}

#[test]
fn without_memory_left_the_answer_is_503_until_there_is_some() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    works(&serve);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    fails(&serve, &[TRACK], 503, &redis);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    works(&serve);
}

#[test]
fn with_a_wrong_password_the_answer_is_503_and_names_no_secret() {
    let redis = Redis::start_with(&["--requirepass", "right"]);
    let url = redis.url().replace("redis://", "redis://:hunter2@");
    let serve = Serve::redis(&url);
    fails(&serve, &EVERYTHING, 503, &redis);
    redis.command(&["CONFIG", "SET", "requirepass", "hunter2"]);
    works(&serve);
    assert!(!serve.log.lock().unwrap().contains("hunter2"));
}

#[test]
fn another_type_at_a_counters_key_is_500_for_that_counter_alone() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    redis.command(&["SET", "alephbet:counters:e:g:v", "no counter"]);
    fails(&serve, &[TRACK], 500, &redis);
    assert_eq!(serve.track("e", "v", "other", "1"), 200);
    let batch = json!([
        {"experiment": "e", "variant": "v", "event": "g", "uuid": "1"},
        {"experiment": "e", "variant": "v", "event": "other", "uuid": "2"}
    ]);
    let answer = serve.call("POST", "/track", Some(&batch.to_string()));
    assert_eq!((answer.status, &answer.json()["refused"][0]["status"]), (207, &json!(500)));
    assert_eq!(serve.count("e", "other", "v"), 2);
    redis.command(&["DEL", "alephbet:counters:e:g:v"]);
    works(&serve);
}

#[test]
fn acl_user_password_and_database_are_used() {
    let redis = Redis::start();
    redis.command(&["ACL", "SETUSER", "counter", "on", ">p:a/s%s", "~*", "+@all"]);
    redis.command(&[
        "ACL",
        "SETUSER",
        "default",
        "resetkeys",
        "-@all",
        "+ping",
        "+select",
        "+keys",
    ]);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let settings = json!({"redis": {"host": "127.0.0.1", "port": redis.port(), "db": 3,
        "username": "counter", "password": "p:a/s%s"}});
    std::fs::write(&config, settings.to_string()).unwrap();
    let serve = Serve::start(&["--redis", "--config", config.to_str().unwrap()]);
    works(&serve);
    assert_eq!(serve.count("e", "g", "v"), 1);
    let mut url = format!("redis://counter:{}@127.0.0.1:{}/3", encode("p:a/s%s"), redis.port());
    let same = Serve::redis(&url);
    assert_eq!(same.count("e", "g", "v"), 1);
    url.push('1');
    assert_eq!(Serve::redis(&url).get("/experiments").status, 503);
}

#[test]
fn redis_over_tls_is_reached_if_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let output = std::process::Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .expect("openssl: run tests/install");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(folder.path().join("leaf.cnf"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout ca.key -out ca.pem -days 2");
    openssl("req -newkey rsa:2048 -nodes -subj /CN=redis -keyout leaf.key -out leaf.csr");
    openssl(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile leaf.cnf",
    );
    let port = abtest_tests::redis::free_port().to_string();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let _redis = Redis::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &file("leaf.pem"),
        "--tls-key-file",
        &file("leaf.key"),
        "--tls-ca-cert-file",
        &file("ca.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://127.0.0.1:{port}/");
    assert_eq!(Serve::redis(&url).track("e", "v", "g", "1"), 503);
    let ca = std::fs::read_to_string(folder.path().join("ca.pem")).unwrap();
    let config = folder.path().join("config.json");
    let settings = json!({"redis": {"url": url, "tls_ca": ca}});
    std::fs::write(&config, settings.to_string()).unwrap();
    works(&Serve::start(&["--redis", "--config", config.to_str().unwrap()]));
}

const SENDERS: u64 = 16;

/// Sends unique events from many connections until stopped, each twice now and then; returns
/// what was acknowledged.
fn load(serve: &Serve, until: impl FnOnce() + Send) -> HashSet<String> {
    let stopped = AtomicBool::new(false);
    let next = AtomicU64::new(0);
    let acknowledged = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    let uuid = next.fetch_add(1, Ordering::Relaxed).to_string();
                    let path = track_path("alephbet", "e", "v", "participate", &uuid);
                    for _ in 0..=uuid.len() % 2 {
                        let Ok(answer) = serve.try_request("GET", &path, &[], &[]) else { return };
                        assert_eq!(answer.status, 200);
                        acknowledged.lock().unwrap().insert(uuid.clone());
                    }
                }
            });
        }
        let start = Instant::now();
        while acknowledged.lock().unwrap().len() < 3_000 {
            assert!(start.elapsed() < Duration::from_secs(60), "the load does not get going");
            std::thread::sleep(Duration::from_millis(5));
        }
        until();
        stopped.store(true, Ordering::Relaxed);
    });
    acknowledged.into_inner().unwrap()
}

/// Every acknowledged event is counted, and once: sent again, they add nothing.
fn all_there(serve: &Serve, acknowledged: &HashSet<String>) {
    let before = serve.count("e", "participate", "v");
    // Each sender may have had one more event on its way, stored but not yet acknowledged.
    let least = acknowledged.len() as u64;
    assert!((least..=least + SENDERS).contains(&before), "{before} of {least}");
    for uuids in acknowledged.iter().collect::<Vec<_>>().chunks(500) {
        let batch = uuids.iter().map(
            |uuid| json!({"experiment": "e", "variant": "v", "event": "participate", "uuid": uuid}),
        );
        let answer = serve.call("POST", "/track", Some(&Value::Array(batch.collect()).to_string()));
        assert_eq!(answer.status, 200);
    }
    assert_eq!(serve.count("e", "participate", "v"), before);
}

#[test]
fn killed_under_load_everything_acknowledged_is_there_and_counted_once() {
    let mut serve = Serve::embedded();
    let process = serve.process();
    let acknowledged = load(&serve, || {
        let killed = std::process::Command::new("kill").args(["-KILL", &process]).status();
        assert!(killed.unwrap().success());
    });
    serve.kill();
    serve.restart();
    all_there(&serve, &acknowledged);
}

#[test]
fn stopped_under_load_it_ends_well_and_loses_nothing() {
    let mut serve = Serve::embedded();
    let process = serve.process();
    let acknowledged = load(&serve, || {
        let stopped = std::process::Command::new("kill").args(["-TERM", &process]).status();
        assert!(stopped.unwrap().success());
    });
    assert!(serve.terminate().success());
    serve.restart();
    all_there(&serve, &acknowledged);
}

#[test]
fn redis_restarted_from_its_snapshot_goes_on_counting() {
    let mut redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    for uuid in 0..50 {
        assert_eq!(serve.track("e", "v", "participate", &uuid.to_string()), 200);
    }
    redis.stop();
    redis.restart();
    for uuid in 25..75 {
        assert_eq!(serve.track("e", "v", "participate", &uuid.to_string()), 200);
    }
    assert_eq!(serve.count("e", "participate", "v"), 75);
}

#[test]
fn on_a_full_disk_events_get_a_plain_503_and_what_was_acknowledged_stays() {
    let serve = Serve::on_small_disk();
    let batch = |number: usize| {
        let uuid = |index: usize| format!("{number}-{index}-{}", "x".repeat(150));
        let event = |index| json!({"experiment": "e", "variant": "v", "event": "participate", "uuid": uuid(index)});
        let events = Value::Array((0..500).map(event).collect());
        serve.call("POST", "/track", Some(&events.to_string()))
    };
    let mut acknowledged = 0;
    let refused = (0..1_000).find_map(|number| {
        let answer = batch(number);
        if answer.status != 200 {
            return Some(answer);
        }
        acknowledged += 500;
        None
    });
    let refused = refused.expect("the disk was never full");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    let problem = refused.json();
    for inside in ["Fjall", "os error", "No space", "/data"] {
        assert!(!refused.text.contains(inside), "{}", refused.text);
    }
    let id = problem["request_id"].as_str().unwrap();
    let start = Instant::now();
    while !serve.log.lock().unwrap().contains(id) {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", serve.log.lock().unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(serve.count("e", "participate", "v"), acknowledged);
}

#[test]
fn a_data_folder_that_cannot_be_written_keeps_serve_from_starting_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mount = r#"mount -t tmpfs -o ro tmpfs "$0" && exec "$@""#;
    let output = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .arg(&data)
        .arg(abtest_tests::binaries::binary("abtest"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env("XDG_STATE_HOME", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(data.to_str().unwrap()) && text.contains("ead-only"), "{text}");
    assert!(!text.contains("Fjall") && !text.contains("Os {"), "{text}");
}

#[test]
fn a_redis_that_is_down_or_refuses_its_settings_is_told_at_the_start() {
    let mut redis = Redis::start_with(&["--requirepass", "right"]);
    let wait = |serve: &Serve, text: &str| {
        let start = Instant::now();
        while !serve.log.lock().unwrap().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(10), "{}", serve.log.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    for (url, member) in [
        (redis.url(), "redis.password"),
        (redis.url().replace("://", "://:hunter2@"), "redis.password"),
        (format!("{}99", redis.url().replace("://", "://:right@")), "redis.db"),
    ] {
        let serve = Serve::redis(&url);
        wait(&serve, member);
        let answer = serve.get("/experiments");
        assert_eq!((answer.status, answer.header("retry-after")), (503, ""));
        assert!(answer.text.contains("settings"), "{}", answer.text);
        assert!(!serve.log.lock().unwrap().contains("hunter2"));
    }
    redis.stop();
    let serve = Serve::redis(&redis.url());
    wait(&serve, &format!("Redis at 127.0.0.1:{}: the connection was refused", redis.port()));
}
