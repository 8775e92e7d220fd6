//! The calculator's edges: every question is answered, and an error says what to do.

#![allow(clippy::unwrap_used)] // a panic is how a test says no

use abtest_stats::calc::{evaluate, evaluate_line, kinds};
use serde_json::{Value, json};

fn result(kind: &str, input: Value) -> Value {
    let answer = evaluate(&json!({"kind": kind, "input": input}));
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].clone()
}

fn error(kind: &str, input: Value) -> String {
    let answer = evaluate(&json!({"kind": kind, "input": input}));
    assert_eq!(answer["kind"], kind);
    answer["error"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn an_unknown_kind_is_told_the_known_ones() {
    let error = error("proportions", json!({}));
    for kind in kinds() {
        assert!(error.contains(kind), "{error}");
    }
}

#[test]
fn an_unknown_or_missing_member_is_named() {
    let unknown = error("proportion", json!({"successes": 1, "trials": 2, "confidence": 0.9}));
    assert!(unknown.contains("confidence"), "{unknown}");
    let nested = error(
        "chance_to_beat",
        json!({"control": {"successes": 1, "trails": 2}, "variant": {"successes": 1, "trials": 2}}),
    );
    assert!(nested.contains("trails"), "{nested}");
    let missing = error("welch", json!({"control": {"n": 2, "mean": 1, "variance": 1}}));
    assert!(missing.contains("variant"), "{missing}");
    let outside = evaluate(&json!({"kind": "proportion", "input": {}, "extra": 1}));
    assert!(outside["error"].as_str().unwrap().contains("extra"));
}

#[test]
fn a_line_that_is_not_json_is_an_error_and_no_panic() {
    for line in
        ["", "{", "3", "null", "[]", "{\"kind\": 3}", "{\"kind\": \"holm\"}", "{\"input\": {}}"]
    {
        assert!(evaluate_line(line)["error"].is_string(), "{line}");
    }
}

#[test]
fn no_trials_are_nulls_with_a_reason() {
    let nothing = json!({"successes": 0, "trials": 0});
    let one = result("proportion", nothing.clone());
    assert!(one["rate"].is_null() && one["reason"].is_string());
    let two = result("two_proportion", json!({"control": nothing, "variant": nothing}));
    assert!(two["difference"].is_null() && two["p_value"].is_null() && two["reason"].is_string());
    assert_eq!(
        result("chance_to_beat", json!({"control": nothing, "variant": nothing}))["chance"],
        0.5
    );
    assert_eq!(
        result("effective_trials", json!({"successes": 0, "trials": 0, "counter_error": 0.01}))["effective_trials"],
        0.0
    );
}

#[test]
fn more_successes_than_trials_are_refused_with_the_way_out() {
    let error = error("proportion", json!({"successes": 3, "trials": 2}));
    assert!(error.contains("3 successes in 2 trials") && error.contains("rate_ratio"), "{error}");
}

#[test]
fn what_has_no_test_still_has_its_difference() {
    let input = json!({"control": {"n": 5, "mean": 1, "variance": 0}, "variant": {"n": 5, "mean": 3, "variance": 0}});
    let flat = result("welch", input);
    assert_eq!(flat["difference"], 2.0);
    assert!(flat["p_value"].is_null() && flat["reason"].is_string());
    let zero = result(
        "sample_ratio",
        json!({"trials": [10, 10, 1], "weights": [1, 1, 0], "counter_error": 0}),
    );
    assert!(zero["statistic"].is_null() && zero["p_value"] == 0.0 && zero["reason"].is_string());
}

#[test]
fn every_kind_survives_numbers_of_every_size() {
    let numbers = [0.0, -1.0, 0.5, 1.0, 2.0, 1e-300, 1e12, 1.8e19, 1e300, -1e300];
    for x in numbers {
        for y in numbers {
            for input in inputs(x, y) {
                for kind in kinds() {
                    let answer = evaluate(&json!({"kind": kind, "input": input}));
                    assert!(answer.get("error").is_some() != answer.get("result").is_some());
                }
            }
        }
    }
}

/// An input of every shape.
fn inputs(x: f64, y: f64) -> Vec<Value> {
    let counts = json!({"successes": x, "trials": y});
    let other = json!({"successes": y, "trials": x});
    let events = json!({"count": x, "participants": y});
    let moments = json!({"n": x, "mean": y, "variance": x});
    let flipped = json!({"n": y, "mean": x, "variance": y});
    vec![
        counts.clone(),
        json!({"control": counts, "variant": counts}),
        json!({"variants": [counts, other, counts]}),
        json!({"control": events, "variant": events}),
        json!({"control": moments, "variant": flipped}),
        json!({"trials": [x, y, x], "weights": [y, x, 1.0], "counter_error": 0.01}),
        json!({"baseline": x, "lift": y}),
        json!({"baseline": x, "lift": y, "per_variant": x}),
        json!({"mean": x, "sd": y, "lift": x}),
        json!({"mean": y, "sd": x, "lift": x, "per_variant": y}),
        json!({"effects": [x, y], "variances": [y, x]}),
        json!({"control": sums(x, y), "variant": sums(y, x), "method": "fixed"}),
        json!({"control": sums(x, x), "variant": sums(y, y), "method": "always_valid"}),
        json!({"difference": x, "variance": y, "n": x}),
        json!({"difference": x, "variance": y, "n": y, "tuning": x}),
        json!({"information": [x, y]}),
        json!({"p_values": [x, y]}),
        json!({"successes": x, "trials": y, "counter_error": x}),
    ]
}

fn sums(x: f64, y: f64) -> Value {
    json!({
        "participants": x as u64, "with_value": y as u64, "sum": x as i64, "sum_of_squares": y as u64, "largest": x as u64,
    })
}
