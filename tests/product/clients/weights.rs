//! The events of our client state their allocation, so an experiment keeps its verdict when weights
//! change.

use std::process::Command;

use abtest_tests::binaries::tests;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use super::steps::Steps;
use super::{define, patch};

const EXPERIMENT: &str = "button";
const GOAL: &str = "purchase";
/// Visitors of a step, of which every third reaches the goal.
const CROWD: u64 = 600;

/// The counts of a goal by allocation, over all variants.
fn by_allocation(report: &Value, goal: &str, allocation: u64) -> u64 {
    let rows = report["allocations"]["counters"].as_array().unwrap();
    let rows = rows.iter().filter(|row| row["goal"] == goal);
    let counts = rows.flat_map(|row| row["allocations"].as_array().unwrap());
    counts
        .filter(|count| count["allocation"] == allocation)
        .map(|count| count["count"].as_u64().unwrap())
        .sum()
}

#[test]
fn a_change_of_weights_suspends_no_verdict_because_every_event_states_its_allocation() {
    let serve = Serve::embedded();
    let definition = json!({
        "status": "running", "variants": [{"name": "control"}, {"name": "green"}],
        "goals": [{"name": GOAL, "role": "primary"}], "id": "button01", "salt": "c0ffee12",
        "counting": "exact",
    });
    define(&serve, EXPERIMENT, &definition);
    let script = tests().join("clients/crowd.mjs");
    let mut crowd =
        Steps::start(Command::new("node").arg(script).args([&serve.url, EXPERIMENT, GOAL]));
    let sent = json!({"waiting": 0});
    assert_eq!(crowd.step("visit early"), sent);
    patch(&serve, EXPERIMENT, &json!({"weights": {"control": 30, "green": 70}}));
    for step in ["visit late", "buy early", "buy late"] {
        assert_eq!(crowd.step(step), sent);
    }
    let report = serve.get(&format!("/experiments/{EXPERIMENT}")).json();
    assert_eq!(report["allocations"]["stated"], 1.0, "{}", report["allocations"]);
    for allocation in [1, 2] {
        assert_eq!(by_allocation(&report, "participate", allocation), CROWD);
        assert_eq!(by_allocation(&report, GOAL, allocation), CROWD / 3);
    }
    let analysis = &report["analysis"];
    let verdict = &analysis["verdict"];
    assert_eq!(verdict["outcome"], "keep_running", "{verdict}");
    assert_eq!(analysis["goals"][0]["against_control"][0]["strata"]["strata"], 2, "{analysis}");
    assert_eq!(analysis["sample_ratio"]["alarm"], false, "{}", analysis["sample_ratio"]);
}
