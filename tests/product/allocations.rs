//! Events that state the allocation of the unit's first exposure, over HTTP.

use std::process::Command;

use abtest_assign::bucket::bucket;
use abtest_model::Uuid;
use abtest_model::definition::UnitHash;
use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

fn change(serve: &Serve, method: &str, experiment: &str, body: &Value) {
    let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
    let path = format!("/experiments/{experiment}/definition");
    let answer = serve.request(method, &path, &headers, body.to_string().as_bytes());
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
}

fn define(serve: &Serve, experiment: &str) {
    let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "status": "running",
        "goals": [{"name": "buy", "role": "primary"}]});
    change(serve, "PUT", experiment, &body);
}

fn track(serve: &Serve, experiment: &str, allocation: Option<u64>, uuids: std::ops::Range<u32>) {
    let event = |uuid: u32| {
        let variant = if uuid.is_multiple_of(2) { "a" } else { "b" };
        let mut event = json!({"experiment": experiment, "variant": variant, "event": "participate",
            "uuid": uuid.to_string()});
        if let Some(allocation) = allocation {
            event["allocation"] = allocation.into();
        }
        event
    };
    let events: Value = uuids.map(event).collect();
    assert_eq!(serve.call("POST", "/track", Some(&events.to_string())).status, 200);
}

fn suspends(serve: &Serve, experiment: &str) -> bool {
    let report = serve.get(&format!("/experiments/{experiment}")).json();
    let is_suspended = |sentence: &Value| sentence.to_string().contains("95% are needed");
    let of_report = is_suspended(&report["analysis"]["verdict"]["sentence"]);
    let list = serve.get(&format!("/experiments?scope={experiment}")).json();
    let of_list = is_suspended(&list[1]["summary"]["sentence"]);
    assert_eq!(of_report, of_list, "{report}");
    of_report
}

fn counts_by_allocation(serve: &Serve) {
    for path in [
        "/track?experiment=e&variant=a&event=participate&uuid=1&allocation=01",
        "/track?experiment=e&variant=a&event=participate&uuid=1&allocation=",
    ] {
        let refused = serve.request("GET", path, &[], &[]);
        assert_eq!((refused.status, &refused.json()["rule"]), (400, &json!("allocation-number")));
    }
    for wrong in [json!("1"), json!(0), json!(1.5), json!(null), json!(-1)] {
        let event = json!({"experiment": "e", "variant": "a", "event": "participate", "uuid": "1",
            "allocation": wrong});
        let refused = serve.call("POST", "/track", Some(&event.to_string()));
        assert_eq!((refused.status, &refused.json()["rule"]), (400, &json!("allocation-number")));
    }

    define(serve, "e");
    track(serve, "e", Some(1), 0..100);
    track(serve, "e", None, 100..110);
    track(serve, "e", Some(7), 110..120);
    assert!(!suspends(serve, "e"));
    change(serve, "PATCH", "e", &json!({"weights": {"a": 30, "b": 70}}));
    track(serve, "e", Some(2), 0..200);
    let report = serve.get("/experiments/e").json();
    let row = &report["allocations"]["counters"][0];
    assert_eq!((&row["goal"], &row["label"]), (&json!("participate"), &json!("a")), "{report}");
    let by_allocation = row["allocations"].as_array().unwrap().iter();
    let by_allocation: Vec<[&Value; 2]> =
        by_allocation.map(|one| [&one["allocation"], &one["count"]]).collect();
    assert_eq!(by_allocation, [[&json!(1), &json!(50)], [&json!(2), &json!(40)]]);
    assert_eq!(row["not_stated"], 10);
    assert_eq!(report["allocations"]["stated"], 0.9);
    assert!(suspends(serve, "e"));

    // The change comes before the first visitor.
    define(serve, "new");
    change(serve, "PATCH", "new", &json!({"weights": {"a": 49, "b": 51}}));
    assert!(!suspends(serve, "new"));
    track(serve, "new", Some(2), 0..200);
    track(serve, "new", None, 200..210);
    assert!(!suspends(serve, "new"), "95% of each variant");
    track(serve, "new", None, 210..214);
    assert!(suspends(serve, "new"));
}

/// Participants and buyers of a variant, under an allocation.
fn visit(serve: &Serve, allocation: u64, variant: &str, participants: u32, buyers: u32) {
    let event = |event: &str, visitor: u32| {
        json!({"experiment": "periods", "variant": variant, "event": event, "allocation": allocation,
            "uuid": format!("{allocation}-{variant}-{visitor}")})
    };
    let participate = (0..participants).map(|visitor| event("participate", visitor));
    let events: Vec<Value> =
        participate.chain((0..buyers).map(|visitor| event("buy", visitor))).collect();
    for events in events.chunks(100) {
        assert_eq!(serve.call("POST", "/track", Some(&json!(events).to_string())).status, 200);
    }
}

const SALT: &str = "c0ffee12";

/// Sends events of units to the variant that their allocation gives them, or to the other one.
fn expose(serve: &Serve, allocation: u64, event: &str, units: std::ops::Range<u32>, right: bool) {
    let event = |unit: u32| {
        let uuid = Uuid::new(format!("unit-{unit}")).unwrap();
        let is_first = bucket(UnitHash::Murmur3, &SALT.parse().unwrap(), &uuid) < 5_000;
        json!({"experiment": "split", "variant": if is_first == right { "a" } else { "b" },
            "event": event, "uuid": uuid.as_str(), "allocation": allocation})
    };
    let events: Value = units.map(event).collect();
    let answer = serve.call("POST", "/track", Some(&events.to_string()));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn mismatches_are_counted_and_shown(serve: &Serve) {
    let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "status": "running", "salt": SALT,
        "targeting": {"country": "DE"}, "traffic": 50, "goals": [{"name": "buy", "role": "primary"}]});
    change(serve, "PUT", "split", &body);
    let report = || serve.get("/experiments/split").json();
    let warns = |report: &Value| {
        let warnings = report["analysis"]["warnings"].as_array().unwrap().clone();
        warnings.into_iter().find(|warning| warning["code"] == "assignment_mismatch")
    };
    expose(serve, 1, "participate", 0..300, true);
    let before = report();
    assert_eq!((warns(&before), &before["allocations"]["mismatch"]), (None, &json!(0.0)));

    expose(serve, 1, "participate", 300..400, false);
    expose(serve, 1, "buy", 300..340, false);
    // The same units again, now where they belong: the first event of each uuid decides.
    expose(serve, 1, "participate", 0..300, true);
    let after = report();
    let warning = warns(&after).unwrap();
    let message = warning["message"].as_str().unwrap();
    let share = after["allocations"]["mismatch"].as_f64().unwrap();
    assert!((share - 0.25).abs() < 0.01, "{after}");
    let trials = |report: &Value| -> u64 {
        report["variants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["trials"].as_u64().unwrap())
            .sum()
    };
    assert!(trials(&after).abs_diff(400) <= 4, "they are counted: {after}");
    let rows = after["allocations"]["counters"].as_array().unwrap();
    let of_goal = rows.iter().filter(|row| row["goal"] == "buy");
    let flagged = of_goal.map(|row| row["allocations"][0]["mismatches"].as_u64().unwrap());
    assert_eq!(flagged.sum::<u64>(), 40, "{after}");
    let mut command = Command::new(binary("abtest"));
    command.args(["results", "split", "--url", &serve.url]).env("ABTEST_API_KEY", &serve.key);
    let shown = String::from_utf8(command.env("COLUMNS", "300").output().unwrap().stdout).unwrap();
    assert!(shown.contains(&message[..60]), "{message}\n{shown}");

    // The ranges of earlier allocations are not known any more.
    change(serve, "PATCH", "split", &json!({"weights": {"a": 30, "b": 70}}));
    expose(serve, 1, "participate", 400..500, false);
    assert!((report()["allocations"]["mismatch"].as_f64().unwrap() - 0.2).abs() < 0.01);
}

#[test]
fn the_embedded_store_flags_units_in_another_variant_than_their_allocation_gives_them() {
    mismatches_are_counted_and_shown(&Serve::embedded());
}

#[test]
fn redis_flags_units_in_another_variant_than_their_allocation_gives_them() {
    for counting in ["hll", "exact"] {
        let redis = Redis::start();
        let arguments = ["--redis", &redis.url(), "--counting", counting];
        mismatches_are_counted_and_shown(&Serve::start(&arguments));
    }
}

#[test]
fn after_a_change_of_weights_variants_are_compared_within_the_periods() {
    let serve = Serve::embedded();
    define(&serve, "periods");
    visit(&serve, 1, "a", 500, 100);
    visit(&serve, 1, "b", 500, 200);
    change(&serve, "PATCH", "periods", &json!({"weights": {"a": 20, "b": 80}}));
    visit(&serve, 2, "a", 200, 60);
    visit(&serve, 2, "b", 800, 480);
    let report = serve.get("/experiments/periods").json();
    let analysis = &report["analysis"];
    let compared = &analysis["goals"][0]["against_control"][0];
    assert_eq!(compared["strata"]["strata"], 2, "{compared}");
    // 0.5 · 20% + 0.5 · 30% against 0.5 · 40% + 0.5 · 60%.
    assert!((compared["lift"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{compared}");
    assert_eq!(analysis["verdict"]["outcome"], "better", "{}", analysis["verdict"]);
    assert_eq!(analysis["sample_ratio"]["alarm"], false, "{}", analysis["sample_ratio"]);
    let notes = analysis["notes"].to_string();
    assert!(notes.contains("periods_separated"), "{notes}");
    let look = serve.call("POST", "/experiments/periods/looks?planned=9000", None);
    assert_eq!(look.status, 409);
    assert!(look.text.contains("looks do not separate"), "{}", look.text);
}

#[test]
fn the_embedded_store_counts_by_allocation() {
    counts_by_allocation(&Serve::embedded());
}

#[test]
fn redis_counts_by_allocation_in_both_modes() {
    for counting in ["hll", "exact"] {
        let redis = Redis::start();
        counts_by_allocation(&Serve::start(&["--redis", &redis.url(), "--counting", counting]));
    }
}
