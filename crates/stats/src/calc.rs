//! One question, one answer: `{"kind": …, "input": {…}}` to `{"kind": …, "result": {…}}`.
//!
//! `abtest calc --json` reads and writes this, one case per line. If a question has no answer, it is
//! `{"kind": …, "error": "…"}`. A member that the input does not determine is null, and `reason` says why.

mod input;
mod kinds;

use serde_json::{Map, Value, json};

/// Members besides `kind` and `input` that are ignored: files of reference cases have them.
const OF_CASE_FILES: [&str; 4] = ["id", "expect", "source", "rtol"];

/// Answers one line of JSON.
#[must_use]
pub fn evaluate_line(line: &str) -> Value {
    match serde_json::from_str(line) {
        Ok(case) => evaluate(&case),
        Err(error) => json!({"kind": null, "error": format!("not JSON: {error}")}),
    }
}

/// Answers one case.
#[must_use]
pub fn evaluate(case: &Value) -> Value {
    let kind = case.get("kind").cloned().unwrap_or(Value::Null);
    match answer(case) {
        Ok(result) => json!({"kind": kind, "result": result}),
        Err(error) => json!({"kind": kind, "error": error}),
    }
}

/// The known kinds of question.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    kinds::KINDS.iter().map(|(name, _)| *name).collect()
}

fn answer(case: &Value) -> Result<Map<String, Value>, String> {
    let Value::Object(members) = case else {
        return Err("a case is an object with \"kind\" and \"input\"".to_owned());
    };
    for name in members.keys() {
        if name != "kind" && name != "input" && !OF_CASE_FILES.contains(&name.as_str()) {
            return Err(format!("unknown member \"{name}\": a case has \"kind\" and \"input\""));
        }
    }
    let known = || kinds().join(", ");
    let Some(kind) = members.get("kind") else {
        return Err(format!("\"kind\" is missing; known kinds: {}", known()));
    };
    let Some(kind) = kind.as_str() else {
        return Err(format!("\"kind\" must be a string; known kinds: {}", known()));
    };
    let Some((_, evaluate)) = kinds::KINDS.iter().find(|(name, _)| *name == kind) else {
        return Err(format!("unknown kind \"{kind}\"; known kinds: {}", known()));
    };
    let Some(input) = members.get("input") else { return Err("\"input\" is missing".to_owned()) };
    evaluate(input)
}
