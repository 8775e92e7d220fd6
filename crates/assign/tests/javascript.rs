//! The JavaScript client evaluates as this crate does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use abtest_assign::bucket::unit_of;
use abtest_assign::{Context, Evaluated, Remembered};
use abtest_model::definition::{PublishedExperiment, UnitHash};
use fastrand::Rng;
use serde_json::{Map, Value, json};

mod cases;
use cases::{attributes, condition, pick, unit};

const CASES: usize = 10_000;

#[test]
fn ten_thousand_cases_get_the_same_answer_in_javascript() {
    let mut rng = Rng::with_seed(20_261_125);
    let cases: Vec<Value> = (0..CASES).map(|_| case(&mut rng)).collect();
    let expected: Vec<Value> = cases.iter().map(answer).collect();
    let mut reasons: Vec<&str> = expected.iter().filter_map(|one| one["reason"].as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), 9, "every reason but forced occurs: {reasons:?}");

    let mut node = Command::new("node")
        .arg(client().join("tests/answers.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut stdin = node.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let found: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found.len(), CASES);
    for ((case, expected), found) in cases.iter().zip(&expected).zip(&found) {
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn the_javascript_client_passes_its_own_tests() {
    let output = Command::new("node")
        .args(["--test", "tests/"])
        .current_dir(client())
        .output()
        .expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn client() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/js")
}

/// The crate's answer in the form in which the client prints it.
fn answer(case: &Value) -> Value {
    let published: PublishedExperiment =
        serde_json::from_value(case["experiment"].clone()).unwrap();
    let hash: UnitHash = serde_json::from_value(case["hash"].clone()).unwrap();
    let experiment = Evaluated::new(published, hash).unwrap();
    let context = &case["context"];
    let unit = unit_of(&context["unit"]);
    let remembered = context.get("remembered").map(|remembered| Remembered {
        variant: remembered["variant"].as_str().unwrap(),
        allocation: remembered["allocation"].as_u64().unwrap(),
    });
    let attributes = context["attributes"].as_object().unwrap();
    let answer = experiment.evaluate(&Context { unit: unit.as_ref(), attributes, remembered });
    json!({
        "variant": answer.variant.map(|variant| &variant.name),
        "payload": answer.variant.and_then(|variant| variant.payload.clone()),
        "reason": answer.reason, "exposure": answer.exposure(), "allocation": answer.allocation,
    })
}

fn case(rng: &mut Rng) -> Value {
    let names = ["control", "green", "größer", "constructor"];
    let names = &names[..rng.usize(1..=names.len())];
    let mut ranges: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!([]))).collect();
    let mut from = 0;
    while from < 10_000 {
        let to = (from + rng.u16(1..6_000)).min(10_000);
        let name = names[rng.usize(..names.len())];
        ranges[name].as_array_mut().unwrap().push(json!([from, to]));
        from = to;
    }
    let payloads = rng.bool();
    let variants: Vec<Value> = names
        .iter()
        .map(|name| {
            if payloads {
                json!({"name": name, "payload": rng.i32(..)})
            } else {
                json!({"name": name})
            }
        })
        .collect();
    let status = pick(
        rng,
        &["running", "running", "running", "running", "running", "draft", "paused", "completed"],
    );
    let targeting = if rng.u8(..3) == 0 { Value::Null } else { condition(rng, 3) };
    let hash = pick(rng, &["murmur3", "growthbook"]);
    let unit = unit(rng);
    let slots = match rng.u8(..4) {
        0 => json!([[0, 10_000]]),
        1 => json!([]),
        _ => json!([
            [rng.u16(..2_000), rng.u16(2_000..6_000)],
            [rng.u16(7_000..8_000), rng.u16(8_000..=10_000)]
        ]),
    };
    let mut overrides = json!({"qa": names[0]});
    if rng.u8(..8) == 0 && unit.is_string() {
        overrides[unit.as_str().unwrap()] = json!(names[names.len() - 1]);
    }
    let mut context = json!({"unit": unit, "attributes": attributes(rng)});
    if rng.u8(..4) == 0 {
        let known = ["control", "green", "blue"];
        context["remembered"] = json!({"variant": pick(rng, &known), "allocation": rng.u8(..9)});
    }
    json!({
        "experiment": {
            "name": "e", "id": seed(rng), "salt": seed(rng), "ring": seed(rng), "status": status,
            "slots": slots, "allocation": {"number": rng.u8(1..7), "ranges": ranges},
            "targeting": targeting, "variants": variants, "fallback": names[0],
            "winner": (status == "completed").then_some(names[0]), "overrides": overrides,
            "requires": if rng.u8(..20) == 0 { json!(["later"]) } else { json!([]) },
        },
        "hash": hash, "context": context,
    })
}

fn seed(rng: &mut Rng) -> String {
    (0..rng.usize(1..=64)).map(|_| rng.alphanumeric()).collect()
}
