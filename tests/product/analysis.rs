//! What the counts mean, beside them.

use std::process::Command;

use abtest_tests::binaries::{binary, tests};
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

#[test]
fn the_function_that_browsers_reach_is_built_without_what_operators_and_deployments_need() {
    let packages = |function: &str| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p} features: {f}", "--package", function])
            .current_dir(tests())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let track = packages("track");
    for package in ["utoipa", "abtest-stats", "abtest-wiring", "fjall"] {
        assert!(!track.contains(&format!("{package} v")), "track needs {package}:\n{track}");
    }
    let config = track.lines().find(|line| line.starts_with("abtest-config v")).unwrap();
    assert!(!config.contains("file"), "{config}");
    assert!(packages("experiments").contains("utoipa v"));
}
