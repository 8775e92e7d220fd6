//! What the counts mean, beside them.

use abtest_tests::binaries::binary;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

/// Records visitors: of each variant so many, of whom so many reach the goal.
pub(crate) fn record(serve: &Serve, experiment: &str, variants: &[(&str, u64, u64)]) {
    let mut events = Vec::new();
    for &(variant, visitors, reach) in variants {
        for uuid in 0..visitors {
            let event = |event: &str| {
                json!({"experiment": experiment, "variant": variant, "event": event,
                    "uuid": format!("{variant} {uuid}")})
            };
            events.push(event("participate"));
            if uuid < reach {
                events.push(event("signup"));
            }
        }
    }
    for batch in events.chunks(500) {
        let body = Value::from(batch).to_string();
        assert_eq!(serve.call("POST", "/track", Some(&body)).status, 200);
    }
}

#[test]
fn the_analysis_stands_beside_the_counts_and_is_the_same_alone() {
    let serve = Serve::embedded();
    record(&serve, "button color", &[("blue", 2_000, 200), ("red", 2_000, 320)]);
    let all = serve.get("/experiments").json();
    assert_eq!(all[0], json!({"meta": {"scope": null, "namespace": "alephbet"}}));
    let alone = serve.get("/experiments/button%20color").json();
    let mut same = alone.clone();
    same.as_object_mut().unwrap().remove("timeline").unwrap();
    assert_eq!(all[1], same);
    let verdict = &alone["analysis"]["verdict"];
    assert_eq!((&verdict["outcome"], &verdict["variant"]), (&json!("better"), &json!("red")));
    let counts = serve.get("/experiments?analysis=none").json();
    assert_eq!(counts[1]["goals"], alone["goals"]);
    assert!(counts[1].get("analysis").is_none());
}

#[test]
fn what_is_asked_of_the_counts_is_checked_before_they_are_read() {
    let serve = Serve::embedded();
    for path in ["/experiments?level=2", "/experiments/none?level=2"] {
        let answer = serve.get(path);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["parameter"]), (400, &json!("level")), "{problem}");
    }
}

#[test]
fn the_function_that_browsers_reach_carries_no_statistics() {
    let has_statistics = |name| {
        // A member of the results document.
        let words = b"chance_to_beat";
        let bytes = std::fs::read(binary(name)).unwrap();
        bytes.windows(words.len()).any(|window| window == words)
    };
    assert!(has_statistics("experiments"));
    assert!(!has_statistics("track"));
}
