//! Random units, attributes and conditions, also for the tests of the whole product.

use abtest_assign::Condition;
use fastrand::Rng;
use serde_json::{Value, json};

pub(crate) fn pick<'a>(rng: &mut Rng, options: &[&'a str]) -> &'a str {
    options[rng.usize(..options.len())]
}

pub(crate) fn unit(rng: &mut Rng) -> Value {
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

pub(crate) fn attributes(rng: &mut Rng) -> Value {
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
pub(crate) fn condition(rng: &mut Rng, depth: u8) -> Value {
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
