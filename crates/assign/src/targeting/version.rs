//! Comparison of versions as GrowthBook defines it: numbers in front are padded, so that texts can
//! be compared.

use serde_json::Value;

use super::attributes::Actual;

/// A version as UTF-16 code units that compare like the version.
pub(super) type Comparable = Vec<u16>;

/// The comparable form of an attribute, if the condition's operand has the same type.
pub(super) fn comparable(actual: Actual<'_>, expected: &Value) -> Option<(Comparable, Comparable)> {
    match (actual, expected) {
        (Actual::Text(actual), Value::String(expected)) => Some((padded(actual), padded(expected))),
        (Actual::Number(actual), Value::Number(expected)) => {
            let expected = expected.as_f64().unwrap_or_default();
            Some((padded(&actual.to_string()), padded(&expected.to_string())))
        }
        _ => None,
    }
}

fn padded(version: &str) -> Comparable {
    let version = if version.is_empty() { "0" } else { version };
    let version = version.strip_prefix('v').unwrap_or(version);
    let version = version.split('+').next().unwrap_or_default();
    let mut parts: Vec<&str> = version.split(['-', '.']).collect();
    if parts.len() == 3 {
        // A release sorts after its pre-releases.
        parts.push("~");
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<String> = parts
        .into_iter()
        .map(|part| if digits(part) { format!("{part:>5}") } else { part.to_owned() })
        .collect();
    parts.join("-").encode_utf16().collect()
}
