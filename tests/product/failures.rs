//! What a server says that fails: a plain sentence, and an id under which its log has the reason.

use std::process::Command;
use std::time::{Duration, Instant};

use abtest_tests::redis::Redis;
use abtest_tests::serve::{Answer, Serve};
use serde_json::{Value, json};

/// What only the log may show.
const INTERNALS: [&str; 9] =
    ["Fjall", "fjall", "os error", "Os {", "open files", "/data", "127.0.0.1", "WRONGTYPE", "key"];

/// Checks that a document shows no internals, and that the log has its id in a line with the reason.
fn is_plain(serve: &Serve, text: &str, id: &Value, reason: &str) {
    for inside in INTERNALS {
        assert!(!text.contains(inside), "{text}");
    }
    let id = id.as_str().unwrap_or_else(|| panic!("no request_id: {text}"));
    assert_eq!(id.len(), 32, "{text}");
    let start = Instant::now();
    loop {
        let log = serve.log.lock().unwrap().clone();
        match log.lines().find(|line| line.contains(id)) {
            Some(line) => return assert!(line.contains(reason), "{line}"),
            None => assert!(start.elapsed() < Duration::from_secs(20), "no {id} in {log}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_plain_problem(serve: &Serve, answer: &Answer, status: u16, reason: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    is_plain(serve, &answer.text, &answer.json()["request_id"], reason);
}

/// Sets how many files and sockets a server may open from now on. It keeps those that it has.
fn allow_files(serve: &Serve, files: &str) {
    let limit = format!("--nofile={files}:");
    let set = Command::new("prlimit").args(["--pid", &serve.process(), &limit]).status().unwrap();
    assert!(set.success());
}

fn batch(number: usize) -> String {
    let uuid = |index: usize| format!("{number}-{index}-{}", "x".repeat(150));
    let event = |index| json!({"experiment": "e", "variant": "v", "event": "participate", "uuid": uuid(index)});
    Value::Array((0..500).map(event).collect()).to_string()
}

#[test]
fn without_file_descriptors_the_folder_is_not_opened_again_and_the_answer_is_plain() {
    let serve = Serve::on_small_disk();
    // The disk is in a mount namespace of its own.
    let ballast = format!("/proc/{}/root{}/ballast", serve.process(), serve.data().display());
    std::fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    let send = |number: usize| serve.call("POST", "/track", Some(&batch(number)));
    let refused = (0..1_000).find(|number| send(*number).status == 503).unwrap();
    std::fs::remove_file(&ballast).unwrap();
    // After a failed commit the store opens the folder again.
    allow_files(&serve, "3");
    is_plain_problem(&serve, &send(refused), 503, "os error 24");
    let ready = serve.request("GET", "/readyz", &[], &[]);
    assert_eq!(ready.status, 503, "{}", ready.text);
    is_plain(&serve, &ready.text, &ready.json()["request_id"], "os error 24");
    allow_files(&serve, "1024");
    assert_eq!(send(refused).status, 200);
    assert_eq!(serve.count("e", "participate", "v"), (refused as u64 + 1) * 500);
}

#[test]
fn without_file_descriptors_redis_is_not_reached_and_the_answer_is_plain() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    let send = |uuid: &str| {
        let event =
            json!({"experiment": "e", "variant": "v", "event": "participate", "uuid": uuid});
        serve.call("POST", "/track", Some(&event.to_string()))
    };
    assert_eq!(send("1").status, 200);
    allow_files(&serve, "3");
    redis.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    is_plain_problem(&serve, &send("2"), 503, "os error 24");
    is_plain_problem(&serve, &serve.get("/experiments"), 503, "os error 24");
    let flags = serve.call("POST", "/ofrep/v1/evaluate/flags?namespace=new", Some("{}"));
    assert_eq!(flags.status, 500, "{}", flags.text);
    is_plain(&serve, &flags.text, &flags.json()["request_id"], "os error 24");
    let ready = serve.request("GET", "/readyz", &[], &[]);
    is_plain(&serve, &ready.text, &ready.json()["request_id"], "os error 24");
    allow_files(&serve, "1024");
    assert_eq!(send("2").status, 200);
    assert_eq!(serve.count("e", "participate", "v"), 2);
}

#[test]
fn an_event_whose_key_another_program_wrote_gets_a_plain_500_and_stops_no_other() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    redis.command(&["SET", "alephbet:counters:e:g:v", "no counter"]);
    let event = |uuid: &str, goal: &str| json!({"experiment": "e", "variant": "v", "event": goal, "uuid": uuid});
    let send = |events: Value| serve.call("POST", "/track", Some(&events.to_string()));
    let reason = "not a counter";
    is_plain_problem(&serve, &send(event("1", "g")), 500, reason);
    is_plain_problem(&serve, &send(json!([event("1", "g"), event("2", "g")])), 500, reason);
    let answer = send(json!([event("1", "participate"), event("1", "g")]));
    assert_eq!(answer.status, 207, "{}", answer.text);
    let receipt = answer.json();
    assert_eq!((&receipt["accepted"], &receipt["refused"][0]["status"]), (&json!(1), &json!(500)));
    is_plain(&serve, &answer.text, &receipt["refused"][0]["request_id"], reason);
}
