//! Random definitions of all kinds, and contexts to ask about.

use abtest_tests::serve::Serve;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::super::{define_in, patch_in};
use super::cases;
use super::cases::pick;

/// Variants of generated experiments.
const VARIANTS: [&str; 4] = ["control", "green", "größer", "constructor"];
/// Units that some experiments override.
const KNOWN_UNITS: [&str; 3] = ["qa", "ada", "unit-7"];

/// A payload for each variant, all of one type, or nothing.
fn payloads(rng: &mut Rng) -> Option<Box<dyn Fn(usize) -> Value>> {
    let start = rng.i32(-5..5);
    match rng.u8(..6) {
        0 => Some(Box::new(move |index| json!(start + index as i32))),
        1 => Some(Box::new(move |index| json!(f64::from(start) + index as f64 / 2.0))),
        2 => Some(Box::new(move |index| json!(format!("größe {}", start + index as i32)))),
        3 => Some(Box::new(move |index| json!({"color": {"hue": index}, "list": [start]}))),
        4 => Some(Box::new(move |index| json!(index % 2 == 0))),
        _ => None,
    }
}

fn weights(rng: &mut Rng, variants: &[&str]) -> Value {
    let mut weights: Map<String, Value> =
        variants.iter().map(|name| ((*name).to_owned(), json!(rng.u8(..10)))).collect();
    weights[variants[0]] = json!(rng.u8(1..10));
    Value::Object(weights)
}

/// Creates an experiment and changes it a few times, so that it has several ranges and slots.
pub(super) fn create(
    serve: &Serve,
    rng: &mut Rng,
    namespace: &str,
    number: usize,
    targeting: Option<Value>,
) {
    let name = format!("e{number:03}");
    let variants = &VARIANTS[..rng.usize(1..=VARIANTS.len())];
    let payload = payloads(rng);
    let described: Vec<Value> = variants
        .iter()
        .enumerate()
        .map(|(index, name)| match &payload {
            Some(payload) => json!({"name": name, "payload": payload(index)}),
            None => json!({"name": name}),
        })
        .collect();
    let status = ["draft", "paused", "completed", "running", "running", "running"][number % 6];
    let in_layer = number.is_multiple_of(5);
    let mut definition = json!({
        "id": format!("{:08x}", rng.u32(..)), "salt": format!("{:08x}", rng.u32(..)),
        "variants": described, "targeting": targeting, "weights": weights(rng, variants),
        "fallback": variants[rng.usize(..variants.len())],
        "overrides": {KNOWN_UNITS[rng.usize(..KNOWN_UNITS.len())]: variants[variants.len() - 1]},
        "traffic": if in_layer { 2 } else if rng.bool() { 100 } else { rng.u8(1..100) },
        "status": if status == "draft" { "draft" } else { "running" },
    });
    if in_layer {
        definition["layer"] = json!("checkout");
    }
    define_in(serve, namespace, &name, &definition);
    if status == "draft" {
        return;
    }
    for _ in 0..rng.usize(..4) {
        patch_in(serve, namespace, &name, &json!({"weights": weights(rng, variants)}));
        let traffic = if in_layer { rng.u8(1..4) } else { rng.u8(1..=100) };
        patch_in(serve, namespace, &name, &json!({"traffic": traffic}));
    }
    match status {
        "paused" => patch_in(serve, namespace, &name, &json!({"status": "paused"})),
        "completed" => {
            let winner = variants[rng.usize(..variants.len())];
            patch_in(serve, namespace, &name, &json!({"status": "completed", "winner": winner}));
        }
        _ => {}
    }
}

/// A unit, which now and then is one that has overrides.
pub(super) fn unit(rng: &mut Rng, other: impl FnOnce(&mut Rng) -> Value) -> Value {
    let known = KNOWN_UNITS[rng.usize(..KNOWN_UNITS.len())];
    if rng.u8(..8) == 0 { json!(known) } else { other(rng) }
}

/// A unit that every SDK can have: a text that keeps our rule, or a whole number.
pub(super) fn valid_unit(rng: &mut Rng) -> Value {
    loop {
        let unit = cases::unit(rng);
        let is_whole = unit.is_i64() || unit.is_u64();
        if (unit.is_string() || is_whole) && abtest_assign::bucket::unit_of(&unit).is_some() {
            return unit;
        }
    }
}

/// Attributes of the types that [`agreed_condition`] asks for. Texts, lists and objects may be missing.
pub(super) fn typed_attributes(rng: &mut Rng) -> Value {
    let mut attributes = json!({
        "age": rng.u8(10..60), "version": pick(rng, &["1.2.3", "1.10.0", "2.0.0-beta.1", "v2.0.0"]),
    });
    if rng.u8(..4) > 0 {
        attributes["country"] = pick(rng, &["DE", "AT", "US", "de", "Größe"]).into();
    }
    if rng.u8(..4) > 0 {
        attributes["tags"] = (0..rng.usize(..3)).map(|_| json!(pick(rng, &TAGS))).collect();
    }
    if rng.u8(..4) > 0 {
        attributes["nested"] = json!({"key": rng.u8(..3), "bot": true});
    }
    if rng.u8(..10) == 0 {
        attributes["bot"] = [json!(true), json!(false), json!("true")][rng.usize(..3)].clone();
    }
    attributes
}

const TAGS: [&str; 3] = ["new", "vip", "staff"];

/// A condition on attributes of the declared type. GrowthBook's JavaScript SDK converts values before it compares them, so
/// that a missing number equals 0. abtest and the Python SDK do not, so such conditions are left out.
pub(super) fn agreed_condition(rng: &mut Rng, depth: u8) -> Value {
    let several = |rng: &mut Rng| -> Value {
        (0..rng.usize(1..3)).map(|_| agreed_condition(rng, depth - 1)).collect()
    };
    match rng.u8(..if depth > 0 { 18 } else { 14 }) {
        0 => json!({"country": pick(rng, &["DE", "AT"])}),
        1 => json!({"country": {"$in": ["DE", "AT", "Größe"]}}),
        2 => json!({"country": {"$nin": ["DE", "US"]}}),
        3 => json!({"country": {"$ne": "DE"}}),
        4 => json!({"country": {"$exists": rng.bool()}}),
        5 => json!({"country": {"$regex": "^(D|G).*E?$"}}),
        6 => json!({"age": {"$gte": rng.u8(10..60)}}),
        7 => json!({"age": {"$gt": rng.u8(10..40), "$lte": rng.u8(30..60)}}),
        8 => json!({"version": {"$vgte": "1.9.0"}}),
        9 => json!({"version": {"$vlt": "2.0.0"}}),
        10 => json!({"tags": {"$elemMatch": {"$eq": pick(rng, &TAGS)}}}),
        11 => json!({"tags": {"$all": [pick(rng, &TAGS)]}}),
        12 => json!({"tags": {"$size": rng.u8(..3)}}),
        13 => json!({"nested.key": rng.u8(1..3)}),
        14 => json!({"$not": agreed_condition(rng, depth - 1)}),
        15 => json!({"$and": several(rng)}),
        16 => json!({"$or": several(rng)}),
        _ => json!({"$nor": several(rng)}),
    }
}
