//! The parts of a definition: variants, weights, goals, analysis, schedule and maps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::analysis::{Analysis, Bandit};
use super::super::goal::{DefinedGoal, GoalKind, GoalRole, MAX_DECIMALS};
use super::super::rule::{Members, Reader, at, fifteen_digits};
use super::super::schedule::{MAX_RAMP_STEPS, RampStep, Schedule};
use super::super::{
    DefinedVariant, MAX_GOALS, MAX_OVERRIDES, MAX_PAYLOAD_BYTES, MAX_VARIANTS, Traffic,
};
use super::SHORT_TEXT;
use crate::amount::Amount;
use crate::input::InputError;
use crate::name::{Goal, Uuid, Variant};

const MAX_LABELS: usize = 50;
const MAX_SEGMENTS: usize = 10;
const MAX_SEGMENT_VALUES: usize = 50;
const MAX_WEIGHT: f64 = 1_000_000.0;
const MAX_COUNT: u64 = 1_000_000_000_000;

pub(super) fn read_variants(reader: &mut Reader, path: &str, value: &Value) -> Vec<DefinedVariant> {
    let elements = reader.elements(path, value, MAX_VARIANTS);
    if value.as_array().is_some_and(Vec::is_empty) {
        reader.refuse(path, value, "must list at least one variant");
    }
    let mut variants: Vec<DefinedVariant> = Vec::with_capacity(elements.len());
    for (path, value) in &elements {
        let Some(members) = reader.members(path, value, &["name", "payload"]) else { continue };
        let Some(name) = required_name(reader, &members, value, Variant::new) else { continue };
        if variants.iter().any(|variant| variant.name == name) {
            reader.refuse(&at(path, "name"), &json!(name), "must be unique among the variants");
        }
        let payload = members.get("payload");
        if let Some((path, value)) = &payload {
            let size = value.to_string().len();
            if size > MAX_PAYLOAD_BYTES {
                let rule =
                    format!("must be at most {MAX_PAYLOAD_BYTES} bytes of JSON; it has {size}");
                reader.refuse(path, value, rule);
            }
        }
        variants.push(DefinedVariant { name, payload: payload.map(|(_, value)| value.clone()) });
    }
    let types: BTreeSet<&str> =
        variants.iter().map(|variant| variant.payload.as_ref().map_or("none", json_type)).collect();
    if types.len() > 1 {
        let found: Vec<&str> = types.into_iter().collect();
        let rule = format!(
            "must have no payloads, or a payload of the same JSON type for every variant; \
             the payloads are: {}",
            found.join(", ")
        );
        reader.refuse(path, value, rule);
    }
    variants
}

pub(super) fn read_weights(
    reader: &mut Reader,
    path: &str,
    value: &Value,
    names: &[&Variant],
) -> BTreeMap<Variant, f64> {
    let Some(members) = reader.open_object(path, value) else { return BTreeMap::new() };
    let mut weights = BTreeMap::new();
    for (name, path, value) in members.entries() {
        let Some(variant) = names.iter().find(|variant| variant.as_str() == name) else {
            reader.refuse(&path, value, format!("must name one of the variants: {}", list(names)));
            continue;
        };
        let rule = "must be a number from 0 to 1,000,000";
        let weight = reader.number(&path, value, rule, |n| (0.0..=MAX_WEIGHT).contains(&n));
        weights.insert((*variant).clone(), weight.unwrap_or_default());
    }
    for name in names.iter().filter(|name| !weights.contains_key(**name)) {
        let rule = "is missing: give every variant a weight (0 for no units)";
        reader.refuse(&at(path, name.as_str()), &Value::Null, rule);
    }
    if weights.len() == names.len() && weights.values().all(|weight| *weight == 0.0) {
        reader.refuse(path, value, "must have at least one weight above 0");
    }
    weights
}

pub(super) fn read_traffic(reader: &mut Reader, path: &str, value: &Value) -> Option<Traffic> {
    let traffic = value.as_f64().and_then(Traffic::from_percent);
    if traffic.is_none() {
        let rule = "must be a percentage from 0 to 100 with at most two decimals";
        reader.refuse(path, value, rule);
    }
    traffic
}

pub(super) fn read_overrides(
    reader: &mut Reader,
    path: &str,
    value: &Value,
    names: &[&Variant],
) -> BTreeMap<Uuid, Variant> {
    let Some(members) = reader.open_object(path, value) else { return BTreeMap::new() };
    let mut overrides = BTreeMap::new();
    for (unit, path, value) in members.entries() {
        let Ok(unit) = Uuid::new(unit.as_str()) else {
            let rule = "must name a unit of 1 to 200 bytes of UTF-8 without control characters";
            reader.refuse(&path, value, rule);
            continue;
        };
        match names.iter().find(|name| Some(name.as_str()) == value.as_str()) {
            Some(variant) => {
                overrides.insert(unit, (*variant).clone());
            }
            None => {
                let rule = format!("must be one of the variants: {}", list(names));
                reader.refuse(&path, value, rule);
            }
        }
    }
    if overrides.len() > MAX_OVERRIDES {
        let rule = format!("must have at most {MAX_OVERRIDES} units; it has {}", overrides.len());
        reader.refuse(path, value, rule);
    }
    overrides
}

pub(super) fn read_goals(reader: &mut Reader, path: &str, value: &Value) -> Vec<DefinedGoal> {
    let mut goals: Vec<DefinedGoal> = Vec::new();
    for (path, value) in reader.elements(path, value, MAX_GOALS) {
        let Some(goal) = read_goal(reader, &path, value) else { continue };
        if goals.iter().any(|other| other.name == goal.name) {
            reader.refuse(&at(&path, "name"), &json!(goal.name), "must be unique among the goals");
        }
        let primary = goals.iter().find(|other| other.role == GoalRole::Primary);
        if let (Some(primary), GoalRole::Primary) = (primary, goal.role) {
            let rule = format!("must not be a second primary goal; {} is primary", primary.name);
            reader.refuse(&at(&path, "role"), &json!(goal.role), rule);
        }
        goals.push(goal);
    }
    goals
}

fn read_goal(reader: &mut Reader, path: &str, value: &Value) -> Option<DefinedGoal> {
    const KNOWN: [&str; 8] =
        ["name", "role", "kind", "better", "unit", "decimals", "cap", "margin"];
    let members = reader.members(path, value, &KNOWN)?;
    let name = required_name(reader, &members, value, Goal::new)?;
    if name.is_participation() {
        let rule = "must not be participate, which counts the participants of a variant";
        reader.refuse(&at(path, "name"), &json!(name), rule);
    }
    let role = members
        .get("role")
        .and_then(|(path, value)| {
            reader.choice(&path, value, &["primary", "secondary", "guardrail"])
        })
        .unwrap_or_default();
    let kind = members
        .get("kind")
        .and_then(|(path, value)| reader.choice(&path, value, &["conversion", "count", "value"]))
        .unwrap_or_default();
    let better = members
        .get("better")
        .and_then(|(path, value)| reader.choice(&path, value, &["higher", "lower"]))
        .unwrap_or_default();
    let unit = members.get("unit").and_then(|(path, value)| reader.text(&path, value, 20));
    let decimals = members
        .get("decimals")
        .and_then(|(path, value)| reader.integer(&path, value, 0..=u64::from(MAX_DECIMALS)))
        .map(|decimals| decimals as u8)
        .or((kind == GoalKind::Value).then_some(0));
    let cap = members.get("cap").and_then(|(path, value)| {
        let rule = "must be a number above 0, with at most 4 decimals and at most 100000000000";
        reader.number(&path, value, rule, |cap| {
            cap > 0.0 && Amount::from_text(&cap.to_string()).is_ok()
        })
    });
    let margin = members.get("margin").and_then(|(path, value)| {
        let rule = "must be a number above 0 and below 1, for example 0.02 for 2%";
        reader.number(&path, value, rule, |margin| margin > 0.0 && margin < 1.0)
    });
    let mut only = |member: &str, allowed: bool, rule: &str| {
        if let Some((path, value)) = members.get(member).filter(|_| !allowed) {
            reader.refuse(&path, value, rule);
        }
    };
    only("unit", kind == GoalKind::Value, "is only allowed with kind value");
    only("decimals", kind == GoalKind::Value, "is only allowed with kind value");
    only("cap", kind != GoalKind::Conversion, "is only allowed with kind value or count");
    only("margin", role == GoalRole::Guardrail, "is only allowed with role guardrail");
    Some(DefinedGoal { name, role, kind, better, unit, decimals, cap, margin })
}

pub(super) fn read_segments(
    reader: &mut Reader,
    path: &str,
    value: &Value,
) -> BTreeMap<String, Vec<String>> {
    let mut segments = BTreeMap::new();
    for (name, path, value) in entries(reader, path, value, MAX_SEGMENTS) {
        if check_key(reader, &path, name, value) {
            let values = read_texts(reader, &path, value, MAX_SEGMENT_VALUES);
            segments.insert(name.clone(), values);
        }
    }
    segments
}

pub(super) fn read_labels(
    reader: &mut Reader,
    path: &str,
    value: &Value,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, path, value) in entries(reader, path, value, MAX_LABELS) {
        if check_key(reader, &path, name, value)
            && let Some(text) = reader.text(&path, value, SHORT_TEXT)
        {
            labels.insert(name.clone(), text);
        }
    }
    labels
}

pub(super) fn read_texts(
    reader: &mut Reader,
    path: &str,
    value: &Value,
    limit: usize,
) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for (path, value) in reader.elements(path, value, limit) {
        let Some(text) = reader.text(&path, value, SHORT_TEXT) else { continue };
        if text.is_empty() || texts.contains(&text) {
            reader.refuse(&path, value, "must be a text that is not empty and given once");
            continue;
        }
        texts.push(text);
    }
    texts
}

pub(super) fn read_analysis(reader: &mut Reader, path: &str, value: &Value) -> Option<Analysis> {
    const KNOWN: [&str; 6] =
        ["method", "level", "minimum_lift", "baseline", "correction", "planned"];
    let members = reader.members(path, value, &KNOWN)?;
    let method = members.get("method").and_then(|(path, value)| {
        reader.choice(&path, value, &["always_valid", "sequential", "fixed"])
    });
    let level = members.get("level").and_then(|(path, value)| {
        let rule = "must be a number above 0.5 and below 1, for example 0.95";
        reader.number(&path, value, rule, |level| level > 0.5 && level < 1.0)
    });
    let minimum_lift = members.get("minimum_lift").and_then(|(path, value)| {
        let rule = "must be a number above 0 and at most 10, for example 0.05 for 5%";
        reader.number(&path, value, rule, |lift| lift > 0.0 && lift <= 10.0)
    });
    let baseline = members.get("baseline").and_then(|(path, value)| {
        let rule = "must be a rate above 0 and below 1, for example 0.1 for 10%";
        reader.number(&path, value, rule, |rate| rate > 0.0 && rate < 1.0)
    });
    let correction = members.get("correction").and_then(|(path, value)| {
        reader.choice(&path, value, &["bonferroni", "benjamini_hochberg", "none"])
    });
    let planned = members
        .get("planned")
        .and_then(|(path, value)| reader.integer(&path, value, 1..=MAX_COUNT));
    let default = Analysis::default();
    Some(Analysis {
        method: method.unwrap_or_default(),
        level: level.unwrap_or(default.level),
        minimum_lift,
        baseline,
        correction: correction.unwrap_or_default(),
        planned,
    })
}

pub(super) fn read_bandit(
    reader: &mut Reader,
    path: &str,
    value: &Value,
    variants: usize,
) -> Option<Bandit> {
    let members = reader.members(path, value, &["burn_in", "floor", "ceiling"])?;
    let arms = variants.max(1) as f64;
    let (highest_floor, lowest_ceiling) = (1.0 / (2.0 * arms), 1.0 / arms);
    let within = |low: f64, high: f64| low * (1.0 - 1e-12)..=high * (1.0 + 1e-12);
    let burn_in = members
        .get("burn_in")
        .and_then(|(path, value)| reader.integer(&path, value, 1..=MAX_COUNT));
    let floor = members.get("floor").and_then(|(path, value)| {
        let rule = format!("must be a share from 0 to 1/(2 × variants), here {highest_floor:.4}");
        reader.number(&path, value, &rule, |floor| within(0.0, highest_floor).contains(&floor))
    });
    let ceiling = members.get("ceiling").and_then(|(path, value)| {
        let rule = format!("must be a share from 1/variants, here {lowest_ceiling:.4}, to 1");
        reader.number(&path, value, &rule, |ceiling| within(lowest_ceiling, 1.0).contains(&ceiling))
    });
    Some(Bandit {
        burn_in: burn_in.unwrap_or(1_000),
        floor: floor.unwrap_or_else(|| fifteen_digits(highest_floor.min(0.05))),
        ceiling: ceiling.unwrap_or(1.0),
    })
}

pub(super) fn read_schedule(reader: &mut Reader, path: &str, value: &Value) -> Option<Schedule> {
    const KNOWN: [&str; 5] = ["start", "start_done_at", "ramp", "stop", "stop_done_at"];
    let members = reader.members(path, value, &KNOWN)?;
    let mut time = |member: &str| {
        let (path, value) = members.get(member)?;
        reader.time(&path, value)
    };
    let (start, start_done_at) = (time("start"), time("start_done_at"));
    let (stop, stop_done_at) = (time("stop"), time("stop_done_at"));
    let mut ramp: Vec<RampStep> = Vec::new();
    let mut latest = start;
    let elements = match members.get("ramp") {
        Some((path, value)) => reader.elements(&path, value, MAX_RAMP_STEPS),
        None => Vec::new(),
    };
    for (path, value) in elements {
        let Some(members) = reader.members(&path, value, &["at", "traffic", "done_at"]) else {
            continue;
        };
        let at_time = members.get("at").and_then(|(path, value)| reader.time(&path, value));
        let traffic =
            members.get("traffic").and_then(|(path, value)| read_traffic(reader, &path, value));
        let done_at = members.get("done_at").and_then(|(path, value)| reader.time(&path, value));
        for member in ["at", "traffic"].into_iter().filter(|m| members.get(m).is_none()) {
            reader.refuse(&at(&path, member), &Value::Null, "is required in a step of a ramp");
        }
        let (Some(time), Some(traffic)) = (at_time, traffic) else { continue };
        if latest.is_some_and(|latest| time <= latest) {
            let rule = "must be later than the start and the step before";
            reader.refuse(&at(&path, "at"), &json!(time), rule);
        }
        latest = Some(time);
        ramp.push(RampStep { at: time, traffic, done_at });
    }
    if let (Some(stop), Some(latest)) = (stop, latest)
        && stop <= latest
    {
        let rule = "must be later than the start and every step of the ramp";
        reader.refuse(&at(path, "stop"), &json!(stop), rule);
    }
    if start.is_none() && stop.is_none() && ramp.is_empty() {
        return None;
    }
    Some(Schedule { start, start_done_at, ramp, stop, stop_done_at })
}

/// The member `name` of an object in an array.
fn required_name<T>(
    reader: &mut Reader,
    members: &Members<'_>,
    value: &Value,
    make: impl FnOnce(String) -> Result<T, InputError>,
) -> Option<T> {
    match members.get("name") {
        Some((path, value)) => reader.name(&path, value, make),
        None => {
            reader.refuse(&at(&members.path, "name"), value, "is required");
            None
        }
    }
}

/// The entries of an object that is used as a map, at most `limit`.
fn entries<'v>(
    reader: &mut Reader,
    path: &str,
    value: &'v Value,
    limit: usize,
) -> Vec<(&'v String, String, &'v Value)> {
    let Some(members) = reader.open_object(path, value) else { return Vec::new() };
    let entries: Vec<_> = members.entries().collect();
    if entries.len() > limit {
        let rule = format!("must have at most {limit} members; it has {}", entries.len());
        reader.refuse(path, value, rule);
        return Vec::new();
    }
    entries
}

fn check_key(reader: &mut Reader, path: &str, key: &str, value: &Value) -> bool {
    let fits = (1..=SHORT_TEXT).contains(&key.len()) && !key.contains(char::is_control);
    if !fits {
        let rule = "must have a name of 1 to 200 bytes without control characters";
        reader.refuse(path, value, rule);
    }
    fits
}

pub(super) fn list(names: &[&Variant]) -> String {
    names.iter().take(10).map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
