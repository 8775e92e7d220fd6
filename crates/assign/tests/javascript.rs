//! The JavaScript client evaluates as this crate does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use abtest_assign::bucket::unit_of;
use abtest_assign::{Condition, Context, Evaluated, Remembered};
use abtest_model::definition::{PublishedExperiment, UnitHash};
use fastrand::Rng;
use serde_json::{Map, Value, json};

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

fn pick<'a>(rng: &mut Rng, options: &[&'a str]) -> &'a str {
    options[rng.usize(..options.len())]
}

fn seed(rng: &mut Rng) -> String {
    (0..rng.usize(1..=64)).map(|_| rng.alphanumeric()).collect()
}

fn unit(rng: &mut Rng) -> Value {
    match rng.u8(..12) {
        0 => json!("qa"),
        1 => json!(rng.i32(..)),
        2 => json!("x".repeat(rng.usize(190..210))),
        3 => json!("é".repeat(rng.usize(95..105))),
        4 => json!(["", "a\u{7}b", "\u{85}", "ok"][rng.usize(..4)]),
        5 => [json!(1.5), json!(null), json!(true), json!(7.0)][rng.usize(..4)].clone(),
        6 => json!((0..rng.usize(1..20)).map(|_| rng.char(' '..='\u{ffff}')).collect::<String>()),
        7 => json!("😀".repeat(rng.usize(1..60))),
        _ => json!(format!("{:08x}-{:04x}", rng.u32(..), rng.u16(..))),
    }
}

const KEYS: [&str; 8] =
    ["country", "age", "tags", "version", "nested.key", "tags.0", "tags.length", "constructor"];
const TEXTS: [&str; 12] =
    ["DE", "de", "AT", "10", "9", "", "Größe", "😀", "\u{ffff}", "1.2.3", "1.2.3-beta.2", "v10.0"];

fn attributes(rng: &mut Rng) -> Value {
    let mut attributes = json!({});
    for key in ["country", "age", "tags", "version", "nested", "other"] {
        if rng.u8(..4) > 0 {
            attributes[key] = value(rng, 2);
        }
    }
    if rng.bool() {
        attributes["nested"] = json!({"key": value(rng, 1)});
        attributes["tags"] = (0..rng.usize(..4)).map(|_| value(rng, 1)).collect();
    }
    if rng.u8(..10) == 0 {
        attributes["bot"] = [json!(true), json!(false), json!("true")][rng.usize(..3)].clone();
    }
    attributes
}

fn value(rng: &mut Rng, depth: u8) -> Value {
    match rng.u8(..if depth > 0 { 9 } else { 7 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i32(-2..12)),
        3 => json!(f64::from(rng.i32(-20..20)) / 4.0),
        4..=6 => json!(pick(rng, &TEXTS)),
        7 => (0..rng.usize(..3)).map(|_| value(rng, depth - 1)).collect(),
        _ => json!({pick(rng, &["a", "b", "country"]): value(rng, depth - 1)}),
    }
}

/// A condition that may be saved.
fn condition(rng: &mut Rng, depth: u8) -> Value {
    loop {
        let condition = any_condition(rng, depth);
        if condition.as_object().is_some_and(|condition| Condition::new(condition).is_ok()) {
            return condition;
        }
    }
}

fn any_condition(rng: &mut Rng, depth: u8) -> Value {
    let mut condition = json!({});
    for _ in 0..rng.usize(1..3) {
        match rng.u8(..if depth > 0 { 10 } else { 6 }) {
            0..=5 => condition[pick(rng, &KEYS)] = expected(rng, depth),
            6 => condition["$not"] = any_condition(rng, depth - 1),
            connective => {
                let list: Vec<Value> =
                    (0..rng.usize(..3)).map(|_| any_condition(rng, depth - 1)).collect();
                condition[["$and", "$or", "$nor"][usize::from(connective) - 7]] = json!(list);
            }
        }
    }
    condition
}

fn expected(rng: &mut Rng, depth: u8) -> Value {
    if rng.u8(..4) == 0 {
        return value(rng, 2);
    }
    let mut operators = json!({});
    for _ in 0..rng.usize(1..3) {
        let operator = pick(
            rng,
            &[
                "$eq",
                "$ne",
                "$lt",
                "$lte",
                "$gt",
                "$gte",
                "$in",
                "$nin",
                "$ini",
                "$nini",
                "$all",
                "$alli",
                "$exists",
                "$type",
                "$regex",
                "$regexi",
                "$notRegex",
                "$elemMatch",
                "$size",
                "$not",
                "$veq",
                "$vne",
                "$vgt",
                "$vgte",
                "$vlt",
                "$vlte",
            ],
        );
        operators[operator] = match operator {
            "$in" | "$nin" | "$ini" | "$nini" | "$all" | "$alli" => {
                (0..rng.usize(..4)).map(|_| value(rng, 1)).collect()
            }
            "$exists" => json!(rng.bool()),
            "$type" => {
                json!(pick(rng, &["string", "number", "boolean", "array", "object", "null"]))
            }
            "$regex" | "$regexi" | "$notRegex" => json!(pick(
                rng,
                &[
                    "^d", r"\d+$", r"^\w+$", "[A-Z]{2}", r"\.", "^.$", "a|e", r"^\s*$", r"\bde\b",
                    "[^1-9]"
                ]
            )),
            "$elemMatch" if depth > 0 && rng.bool() => any_condition(rng, depth - 1),
            "$elemMatch" | "$not" | "$size" if depth > 0 => expected(rng, depth - 1),
            "$size" => json!(rng.u8(..4)),
            "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" => json!(pick(rng, &TEXTS)),
            _ => value(rng, 0),
        };
    }
    operators
}
