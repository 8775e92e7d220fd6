//! Looks: stored with everything that made them, so that a decided look stays decided.

use std::process::{Command, Output};
use std::sync::Barrier;

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use crate::analysis::record;

fn results(serve: &Serve, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("abtest"));
    command.env("COLUMNS", "100").env_remove("ABTEST_URL");
    command.arg("results").args(arguments).args(["--url", &serve.url]);
    command.env("ABTEST_API_KEY", &serve.key).output().unwrap()
}

/// The output in one line: sentences break where the terminal ends.
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn error(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn button_color(serve: &Serve) {
    record(serve, "button color", &[("blue", 2_000, 200), ("red", 2_010, 320)]);
}

const PATH: &str = "/experiments/button%20color";

fn take(serve: &Serve, query: &str) -> (u16, Value) {
    let answer = serve.call("POST", &format!("{PATH}/looks?{query}"), None);
    (answer.status, answer.json())
}

fn sequential(serve: &Serve) -> Value {
    serve.get(&format!("{PATH}?method=sequential")).json()["analysis"].clone()
}

#[test]
fn what_a_look_decided_stays_decided_whatever_comes_later() {
    let redis = Redis::start();
    for serve in [Serve::embedded(), Serve::redis(&redis.url())] {
        button_color(&serve);
        let (status, taken) = take(&serve, "planned=8000");
        assert_eq!(status, 200, "{taken}");
        assert_eq!(taken["analysis"]["verdict"]["outcome"], "better");
        let stored = sequential(&serve)["looks"].clone();
        assert_eq!(stored["taken"].as_array().unwrap().len(), 1);
        assert_eq!(stored["decisions"][0]["variant"], "red");
        let decided = taken["analysis"]["verdict"]["sentence"].as_str().unwrap().to_owned();
        // A goal before the decided one, and a variant with the name of a control.
        let made_up = |variant: &str, event: &str, uuid: u32| {
            json!({"experiment": "button color", "variant": variant, "event": event,
                   "uuid": format!("stranger {uuid}")})
        };
        let mut events = vec![made_up("red", "aaa", 0)];
        events.extend((0..50).map(|uuid| made_up("control", "participate", uuid)));
        let body = Value::from(events).to_string();
        assert_eq!(serve.call("POST", "/track", Some(&body)).status, 200);
        for method in ["sequential", "always_valid"] {
            let alone = serve.get(&format!("{PATH}?method={method}")).json()["analysis"].clone();
            assert_eq!(alone["control"], "blue", "{method}");
            assert_eq!(alone["verdict"]["goal"], "signup", "{method}");
            assert_eq!(alone["verdict"]["outcome"], "better", "{method}: {}", alone["verdict"]);
            let list = serve.get(&format!("/experiments?method={method}")).json();
            let summary = list[1]["summary"].clone();
            assert_eq!(summary["sentence"], alone["verdict"]["sentence"], "{method}");
            assert_eq!(summary["control"], "blue", "{method}");
            assert_eq!(summary["sample_ratio_alarm"], false, "{method}");
        }
        let sentence = sequential(&serve)["verdict"]["sentence"].as_str().unwrap().to_owned();
        assert!(sentence.starts_with(&decided), "{sentence}");
        // Goals and variants that come later, by mistake or by attack.
        let events: Vec<Value> = (0..300)
            .map(|index| {
                let event = format!("made-up goal {}", index % 60);
                json!({"experiment": "button color", "variant": "red", "event": event,
                       "uuid": format!("red {index}")})
            })
            .collect();
        let body = Value::from(events).to_string();
        assert_eq!(serve.call("POST", "/track", Some(&body)).status, 200);
        record(&serve, "button color", &[("green", 3_000, 300), ("blue", 3_000, 480)]);
        let later = sequential(&serve);
        assert_eq!(later["looks"], stored, "bounds must not move");
        let signup = later["goals"].as_array().unwrap();
        let signup = signup.iter().find(|goal| goal["goal"] == "signup").unwrap();
        let red = signup["against_control"].as_array().unwrap();
        let red = red.iter().find(|one| one["variant"] == "red").unwrap();
        assert_eq!(red["decision"], "better", "{red}");
        // Another control: the report says which one the looks used.
        assert_eq!(serve.call("PUT", &format!("{PATH}/control?variant=red"), None).status, 200);
        let other = sequential(&serve);
        assert_eq!(other["looks"], stored);
        let remarks = format!("{}{}", other["warnings"], other["notes"]);
        assert!(remarks.contains("looks_differ") && remarks.contains("blue"), "{remarks}");
    }
}

#[test]
fn every_report_shows_that_looks_exist_and_what_they_decided() {
    let serve = Serve::embedded();
    button_color(&serve);
    assert!(!text(&results(&serve, &["button color"])).contains("4,010 of 8,000"));
    let look = ["button color", "--look", "--planned", "8,000", "--yes"];
    let (code, refused) = error(&results(&serve, &look[..4]));
    assert!(code == Some(2) && refused.contains("Add --yes"), "{refused}");
    assert!(serve.get(PATH).json()["analysis"].get("looks").is_none(), "no look was taken");
    let taken = text(&results(&serve, &look));
    assert!(taken.contains("red is better than blue"), "{taken}");
    // The interval is the look's, so its head names the look's level.
    let at_90 = ["button color", "--method", "sequential", "--level", "90%"];
    let shown = text(&results(&serve, &at_90));
    assert!(shown.contains("95% interval") && !shown.contains("lift 90% interval"), "{shown}");
    for method in ["always_valid", "sequential", "fixed"] {
        let shown = text(&results(&serve, &["button color", "--method", method]));
        assert!(shown.contains("4,010"), "{method}: {shown}");
        let found = serve.get(&format!("{PATH}?method={method}")).json()["analysis"].clone();
        assert_eq!(found["looks"]["planned"], 8_000, "{method}");
        assert_eq!(found["looks"]["decisions"][0]["variant"], "red", "{method}");
    }
    assert_eq!(serve.get("/experiments").json()[1]["summary"]["looks"], 1);
}

#[test]
fn a_plan_must_lie_ahead_and_too_small_a_plan_is_named_with_a_larger_one() {
    let serve = Serve::embedded();
    button_color(&serve);
    for planned in ["100", "4010"] {
        let (status, problem) = take(&serve, &format!("planned={planned}"));
        assert_eq!((status, &problem["parameter"]), (400, &json!("planned")), "{problem}");
        let refused = results(&serve, &["button color", "--look", "--planned", planned]);
        let (code, error) = error(&refused);
        assert_eq!(code, Some(1));
        assert!(error.contains("--planned") && error.contains("4,010"), "{error}");
    }
    assert!(serve.get(PATH).json()["analysis"].get("looks").is_none(), "no look was stored");
    let (_, taken) = take(&serve, "planned=4100");
    let warnings = taken["analysis"]["warnings"].as_array().unwrap().clone();
    let warning = warnings.iter().find(|warning| warning["code"] == "plan_too_small");
    let message = warning.unwrap_or_else(|| panic!("{warnings:?}"))["message"].to_string();
    assert!(message.contains("4,100") && message.contains("enough"), "{message}");
    let (status, problem) = take(&serve, "planned=9000");
    assert_eq!((status, &problem["rule"]), (400, &json!("fixed")));
}

#[test]
fn two_first_looks_at_once_store_one_plan() {
    let redis = Redis::start();
    for serve in [Serve::embedded(), Serve::redis(&redis.url())] {
        for round in 0..8 {
            let name = format!("race{round}");
            record(&serve, &name, &[("a", 200, 20), ("b", 200, 20)]);
            let path = format!("/experiments/{name}");
            let start = Barrier::new(2);
            let take = |planned: u64| {
                start.wait();
                let answer = serve.call("POST", &format!("{path}/looks?planned={planned}"), None);
                (planned, answer.status, answer.json())
            };
            let (one, other) = std::thread::scope(|scope| {
                let other = scope.spawn(|| take(9_000));
                (take(8_000), other.join().unwrap())
            });
            let looks = serve.get(&path).json()["analysis"]["looks"].clone();
            let mut accepted = 0;
            for (planned, status, body) in [one, other] {
                match status {
                    200 => {
                        accepted += 1;
                        assert_eq!(looks["planned"], planned);
                    }
                    400 => assert_eq!(body["rule"], "fixed", "{body}"),
                    _ => panic!("{status}: {body}"),
                }
            }
            assert_eq!(accepted, 1);
            assert_eq!(looks["taken"].as_array().unwrap().len(), 1);
        }
    }
}

#[test]
fn looks_can_be_discarded_and_every_later_report_says_so() {
    let redis = Redis::start();
    for serve in [Serve::embedded(), Serve::redis(&redis.url())] {
        button_color(&serve);
        assert_eq!(take(&serve, "planned=8000").0, 200);
        // Without a terminal nothing is discarded unless --yes says so.
        let unconfirmed = results(&serve, &["button color", "--reset-looks"]);
        assert_eq!(unconfirmed.status.code(), Some(2));
        assert_eq!(sequential(&serve)["looks"]["planned"], 8_000);
        text(&results(&serve, &["button color", "--reset-looks", "--yes"]));
        let found = sequential(&serve);
        assert!(found.get("looks").is_none(), "{found}");
        for method in ["always_valid", "sequential", "fixed"] {
            let shown = text(&results(&serve, &["button color", "--method", method]));
            assert!(shown.contains("discarded"), "{method}: {shown}");
        }
        // A new plan starts, and the reset is still told.
        let (status, taken) = take(&serve, "planned=20000");
        assert_eq!((status, &taken["analysis"]["looks"]["planned"]), (200, &json!(20_000)));
        assert!(taken["analysis"]["warnings"].to_string().contains("looks_reset"), "{taken}");
        assert_eq!(serve.call("DELETE", "/experiments/none/looks", None).status, 404);
    }
}

#[test]
fn a_damaged_document_warns_on_its_experiment_and_spoils_no_other() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    button_color(&serve);
    record(&serve, "other", &[("a", 20, 2), ("b", 20, 2)]);
    assert_eq!(take(&serve, "planned=8000").0, 200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.json").display().to_string();
    let abtest = |arguments: &[&str]| {
        Command::new(binary("abtest"))
            .args(arguments)
            .args(["--redis", &redis.url()])
            .output()
            .unwrap()
    };
    let exported = abtest(&["export", "button color", "--output", &file]);
    assert!(exported.status.success(), "{exported:?}");
    let mut export: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for document in export["documents"].as_array_mut().unwrap() {
        document["content"]["unknown"] = 1.into();
    }
    std::fs::write(&file, export.to_string()).unwrap();
    let (code, refused) = error(&abtest(&["import", &file, "--namespace", "second"]));
    assert_eq!(code, Some(1), "{refused}");
    assert!(refused.contains("nothing was imported") && refused.contains("looks"), "{refused}");

    let documents = "abtest:{documents:alephbet}:looks";
    let stored = redis.command(&["HGET", documents, "button color"]);
    let damaged = stored.trim().replacen('{', r#"{"unknown":1,"#, 1);
    redis.command(&["HSET", documents, "button color", &damaged]);
    for query in ["", "?analysis=full", "?analysis=none", "?method=sequential"] {
        let answer = serve.get(&format!("/experiments{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    }
    let list = serve.get("/experiments").json();
    assert!(list[1]["summary"]["warnings"].to_string().contains("damaged_document"), "{list}");
    assert!(!list[2]["summary"]["warnings"].to_string().contains("damaged_document"), "{list}");
    let shown = text(&results(&serve, &["button color"]));
    assert!(shown.contains("the looks of `button color` cannot be read"), "{shown}");
    assert!(shown.contains("red is better than blue"), "{shown}");
    let (status, problem) = take(&serve, "planned=8000");
    assert_eq!(status, 409, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("the looks of `button color`"),
        "{problem}"
    );
    assert_eq!(redis.command(&["HGET", documents, "button color"]).trim(), damaged);
    assert_eq!(serve.call("DELETE", PATH, None).status, 200);
    button_color(&serve);
    assert_eq!(take(&serve, "planned=8000").0, 200);
}

#[test]
fn a_look_survives_a_restart_and_goes_with_its_experiment() {
    let mut serve = Serve::embedded();
    button_color(&serve);
    assert_eq!(take(&serve, "planned=8000").0, 200);
    record(&serve, "button color", &[("blue", 3_000, 480), ("red", 3_000, 480)]);
    serve.kill();
    serve.restart();
    let later = text(&results(&serve, &["button color", "--method", "sequential"]));
    assert!(later.contains("red is better than blue"), "{later}");
    assert_eq!(serve.call("DELETE", PATH, None).status, 200);
    button_color(&serve);
    assert!(sequential(&serve).get("looks").is_none());
}
