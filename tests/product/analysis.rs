//! What the counts mean, beside them.

use std::process::Command;

use abtest_tests::binaries::{binary, tests};
use abtest_tests::redis::Redis;
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
fn one_made_up_variant_does_not_void_a_verdict() {
    let serve = Serve::embedded();
    record(&serve, "e", &[("blue", 2_000, 200), ("red", 2_010, 320)]);
    let read = || serve.get("/experiments/e").json()["analysis"].clone();
    let before = read();
    let track = "/track?experiment=e&event=participate&uuid=x&variant=";
    for variant in ["zzz", "%20blue"] {
        assert_eq!(serve.get(&format!("{track}{variant}")).status, 200);
    }
    let after = read();
    assert_eq!(after["verdict"]["outcome"], "better");
    for member in ["verdict", "control", "families", "sample_ratio", "goals"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    let notes = after["notes"].as_array().unwrap();
    let note = notes.iter().find(|note| note["code"] == "negligible_variants").unwrap();
    assert!(note["message"].as_str().unwrap().contains("zzz (1)"), "{note}");
}

#[test]
fn a_sample_ratio_alarm_stays_with_its_experiment() {
    let redis = Redis::start();
    for mut serve in [Serve::embedded(), Serve::redis(&redis.url())] {
        record(&serve, "e", &[("blue", 200, 20), ("red", 800, 80)]);
        let read = |serve: &Serve| serve.get("/experiments/e").json()["analysis"].clone();
        let first = read(&serve)["sample_ratio"].clone();
        assert_eq!(first["alarm"], true, "{first}");
        let raised = first["raised"].clone();
        assert_eq!(raised["e_value"], first["e_value"]);
        let red = &raised["variants"][1];
        // Redis estimates the count.
        let participants = red["participants"].as_u64().unwrap();
        assert!(red["variant"] == "red" && participants.abs_diff(800) < 40, "{red}");
        // From now on the split is right.
        record(&serve, "e", &[("blue", 800, 80)]);
        serve.kill();
        serve.restart();
        let later = read(&serve);
        assert!(later["sample_ratio"]["e_value"].as_f64().unwrap() < 1.0, "{later}");
        assert_eq!(later["sample_ratio"]["alarm"], true);
        for member in ["at", "variants"] {
            assert_eq!(later["sample_ratio"]["raised"][member], raised[member]);
        }
        assert_eq!(later["verdict"]["outcome"], "unsound");
        let warnings = later["warnings"].to_string();
        assert!(warnings.contains("The alarm was raised on "), "{warnings}");
        assert!(!warnings.contains(raised["at"].as_str().unwrap()), "{warnings}");
        let list = serve.get("/experiments").json();
        assert_eq!(list[1]["summary"]["sample_ratio_alarm"], true, "{list}");
        assert_eq!(serve.call("DELETE", "/experiments/e", None).status, 200);
        record(&serve, "e", &[("blue", 800, 80), ("red", 800, 80)]);
        assert_eq!(read(&serve)["sample_ratio"]["alarm"], false);
    }
}

#[test]
fn a_look_stores_the_alarm_that_it_finds() {
    let serve = Serve::embedded();
    record(&serve, "e", &[("blue", 200, 20), ("red", 800, 80)]);
    let look = serve.call("POST", "/experiments/e/looks?planned=9000", None).json();
    let raised = look["analysis"]["sample_ratio"]["raised"].clone();
    assert!(raised["at"].is_string(), "{look}");
    record(&serve, "e", &[("blue", 800, 80)]);
    let later = serve.get("/experiments/e").json();
    assert_eq!(later["analysis"]["sample_ratio"]["raised"]["at"], raised["at"]);
    assert_eq!(later["analysis"]["looks"]["taken"].as_array().unwrap().len(), 1);
}

#[test]
fn the_functions_that_browsers_reach_carry_no_statistics() {
    let has_statistics = |name| {
        // A member of the results document.
        let words = b"chance_to_beat";
        let bytes = std::fs::read(binary(name)).unwrap();
        bytes.windows(words.len()).any(|window| window == words)
    };
    assert!(has_statistics("experiments"));
    assert!(!has_statistics("track"));
    assert!(!has_statistics("assign"));
}

#[test]
fn the_functions_that_browsers_reach_are_built_without_what_operators_and_deployments_need() {
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
    for function in ["track", "assign"] {
        let needed = packages(function);
        for package in ["utoipa", "abtest-stats", "abtest-wiring", "fjall"] {
            assert!(!needed.contains(&format!("{package} v")), "{function}: {package}:\n{needed}");
        }
        let config = needed.lines().find(|line| line.starts_with("abtest-config v")).unwrap();
        assert!(!config.contains("file"), "{config}");
    }
    assert!(!packages("track").contains("abtest-assign v"));
    assert!(packages("experiments").contains("utoipa v"));
}
