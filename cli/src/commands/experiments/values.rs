//! Members of definitions in words, as `show`, `history` and the announcements of changes print them.

use abtest_model::definition::Time;
use serde_json::{Map, Value};

use crate::terminal::{cut, printable};

/// Most columns of a value before or after a change. `--json` has it whole.
const WIDEST: usize = 120;

/// Members that the server derives from the others, so that a change need not list them.
const DERIVED: [&str; 3] = ["decision", "disturbances", "slots"];
/// Members that every new definition gets.
const GENERATED: [&str; 3] = ["allocation", "id", "salt"];

/// A line per changed member: its value before and after, or its first value in a new definition.
pub(super) fn changed<'a>(
    changed: impl IntoIterator<Item = (&'a String, &'a [Value; 2])>,
    is_new: bool,
) -> String {
    let text = |member: &str, value: &Value| {
        text(member, value).map_or("(not set)".to_owned(), |text| cut(&text, WIDEST))
    };
    let mut lines = String::new();
    for (member, [before, after]) in changed {
        let name = title(member);
        if DERIVED.contains(&member.as_str()) {
            continue;
        }
        if !is_new {
            lines += &format!("  {name}: {} → {}\n", text(member, before), text(member, after));
        } else if !is_empty(after) && !GENERATED.contains(&member.as_str()) {
            lines += &format!("  {name}: {}\n", text(member, after));
        }
    }
    lines
}

/// A member's name in words.
pub(super) fn title(member: &str) -> String {
    printable(&member.replace('_', " "))
}

/// A member's value in words; `None` if it is not set.
pub(super) fn text(member: &str, value: &Value) -> Option<String> {
    if is_empty(value) {
        return None;
    }
    let listed = |one: fn(&Value) -> String| {
        value.as_array().map(|all| all.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    let text = match member {
        "variants" => listed(variant),
        "goals" => listed(goal),
        "slots" => listed(range),
        "disturbances" => listed(disturbance),
        "earlier_allocations" => listed(allocation),
        "allocation" => Some(allocation(value)),
        "traffic" => Some(format!("{value}%")),
        "overrides" => value.as_object().map(|all| {
            let one =
                |(unit, variant): (&String, &Value)| format!("{unit} gets {}", plain(variant));
            all.iter().map(one).collect::<Vec<_>>().join(", ")
        }),
        "decision" => Some(decision(value)),
        "started" => Some(plain(&value["at"])),
        // A condition is a language of its own.
        "targeting" => Some(value.to_string()),
        _ => None,
    };
    Some(printable(&text.unwrap_or_else(|| plain(value))))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Any value: `level 0.95, method fixed`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => match text.parse::<Time>() {
            Ok(time) => time.in_words(),
            Err(_) => text.clone(),
        },
        Value::Array(elements) => elements.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) => pairs(members),
        other => other.to_string(),
    }
}

/// The members that have a value.
fn pairs(members: &Map<String, Value>) -> String {
    let set = members.iter().filter(|(_, value)| !is_empty(value));
    let pair = |(name, value): (&String, &Value)| match value {
        Value::Object(_) | Value::Array(_) => format!("{} ({})", title(name), plain(value)),
        _ => format!("{} {}", title(name), plain(value)),
    };
    set.map(pair).collect::<Vec<_>>().join(", ")
}

fn variant(variant: &Value) -> String {
    let name = plain(&variant["name"]);
    match &variant["payload"] {
        Value::Null => name,
        payload => format!("{name} (payload {payload})"),
    }
}

/// A goal with what differs from a secondary goal of conversions.
fn goal(goal: &Value) -> String {
    let mut remarks = Vec::new();
    let member = |name: &str| goal[name].as_str().unwrap_or_default();
    if !["", "secondary"].contains(&member("role")) {
        remarks.push(member("role").to_owned());
    }
    match (member("kind"), member("unit")) {
        ("" | "conversion", _) => {}
        (kind, "") => remarks.push(kind.to_owned()),
        (kind, unit) => remarks.push(format!("{kind} in {unit}")),
    }
    if member("better") == "lower" {
        remarks.push("lower is better".to_owned());
    }
    for name in ["decimals", "cap", "margin"] {
        if !goal[name].is_null() {
            remarks.push(format!("{name} {}", goal[name]));
        }
    }
    let name = plain(&goal["name"]);
    if remarks.is_empty() { name } else { format!("{name} ({})", remarks.join(", ")) }
}

/// A half-open range, with its last bucket.
fn range(range: &Value) -> String {
    match (range[0].as_u64(), range[1].as_u64()) {
        (Some(from), Some(to)) if to > from => format!("{from}–{}", to - 1),
        _ => range.to_string(),
    }
}

/// The number of an allocation. Its weights are a member of their own.
fn allocation(allocation: &Value) -> String {
    format!("number {}", allocation["number"])
}

fn disturbance(disturbance: &Value) -> String {
    let (kind, from) = (plain(&disturbance["kind"]), plain(&disturbance["from"]));
    match &disturbance["until"] {
        Value::Null => format!("{kind} since {from}"),
        until => format!("{kind} from {from} to {}", plain(until)),
    }
}

/// The verdict of a completed experiment, with the time.
fn decision(decision: &Value) -> String {
    let verdict = [&decision["analysis"]["verdict"]["sentence"], &decision["summary"]["sentence"]];
    let verdict = verdict.into_iter().find_map(Value::as_str);
    format!("{} ({})", verdict.unwrap_or("no verdict"), plain(&decision["at"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_words_and_no_json() {
        for (member, value, expected) in [
            (
                "variants",
                json!([{"name": "a", "payload": {"x": 1}}, {"name": "b"}]),
                r#"a (payload {"x":1}), b"#,
            ),
            (
                "goals",
                json!([{"name": "buy", "role": "primary", "kind": "conversion"},
                {"name": "load", "role": "guardrail", "kind": "value", "unit": "ms",
                 "better": "lower", "margin": 0.02}]),
                "buy (primary), load (guardrail, value in ms, lower is better, margin 0.02)",
            ),
            ("weights", json!({"a": 20, "b": 80}), "a 20, b 80"),
            ("traffic", json!(12.5), "12.5%"),
            ("slots", json!([[0, 1000], [2000, 2500]]), "0–999, 2000–2499"),
            ("overrides", json!({"qa": "b"}), "qa gets b"),
            ("allocation", json!({"number": 2, "weights": {"a": 1}}), "number 2"),
            (
                "analysis",
                json!({"method": "fixed", "planned": null, "level": 0.9}),
                "level 0.9, method fixed",
            ),
            (
                "schedule",
                json!({"ramp": [{"at": "2027-01-05T09:00:00Z", "traffic": 50}]}),
                "ramp (at 5 January 2027, 09:00 UTC, traffic 50)",
            ),
            (
                "disturbances",
                json!([{"kind": "traffic", "from": "2027-01-05T09:00:00Z"}]),
                "traffic since 5 January 2027, 09:00 UTC",
            ),
            (
                "decision",
                json!({"at": "2027-01-05T09:00:00Z", "goals": [1, 2],
                "analysis": {"verdict": {"sentence": "b wins."}}}),
                "b wins. (5 January 2027, 09:00 UTC)",
            ),
            ("description", json!("a\u{202e}b"), "a\\u{202e}b"),
        ] {
            assert_eq!(text(member, &value).as_deref(), Some(expected), "{member}");
        }
        assert_eq!(text("bandit", &Value::Null), None);
        assert_eq!(text("tags", &json!([])), None);
    }

    #[test]
    fn a_new_definition_lists_what_was_written_and_a_change_both_values() {
        let pairs = [
            ("layer".to_owned(), [Value::Null, Value::Null]),
            ("salt".to_owned(), [Value::Null, json!("5f2b9c01")]),
            ("traffic".to_owned(), [Value::Null, json!(10)]),
        ];
        let pairs = || pairs.iter().map(|(member, values)| (member, values));
        assert_eq!(changed(pairs(), true), "  traffic: 10%\n");
        assert_eq!(changed(pairs().skip(2), false), "  traffic: (not set) → 10%\n");
    }
}
