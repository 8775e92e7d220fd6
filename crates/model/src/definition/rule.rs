//! Broken rules, and the reader that collects all of them in one pass over a JSON document.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::time::Time;
use crate::input::InputError;

/// Longest printed value in a violation, in characters.
const PRINTED_VALUE: usize = 80;

/// A rule that a document breaks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// The path of the member, for example `goals[1].cap`. Empty for the whole document.
    pub member: String,
    /// The value as compact JSON, cut after 80 characters.
    pub value: String,
    /// What the rule asks for, as a clause that follows the member: "must be a number above 0".
    pub rule: String,
}

impl Violation {
    /// A violation of `rule` by `value` at `member`.
    pub fn new(member: impl Into<String>, value: &Value, rule: impl Into<String>) -> Self {
        Self { member: member.into(), value: printed(value), rule: rule.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = if self.member.is_empty() { "the document" } else { &self.member };
        write!(formatter, "{member} {}; found {}", self.rule, self.value)
    }
}

/// All rules that a document breaks. Never empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violations(pub Vec<Violation>);

impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            violation.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// The path of a member inside `parent`.
pub(crate) fn at(parent: &str, member: &str) -> String {
    let plain = member.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match (parent.is_empty(), plain && !member.is_empty()) {
        (true, true) => member.to_owned(),
        (false, true) => format!("{parent}.{member}"),
        (_, false) => format!("{parent}[{}]", Value::from(member)),
    }
}

/// The path of an element of the array `parent`.
pub(crate) fn index(parent: &str, position: usize) -> String {
    format!("{parent}[{position}]")
}

/// Reads values and notes each broken rule. Every method returns nothing exactly when it noted one.
#[derive(Debug, Default)]
pub(super) struct Reader {
    violations: Vec<Violation>,
}

/// The members of one JSON object. A null member counts as absent.
#[derive(Debug)]
pub(super) struct Members<'v> {
    pub(super) path: String,
    map: &'v Map<String, Value>,
}

impl<'v> Members<'v> {
    /// The member's value and its path, unless it is absent or null.
    pub(super) fn get(&self, member: &str) -> Option<(String, &'v Value)> {
        let value = self.map.get(member).filter(|value| !value.is_null())?;
        Some((at(&self.path, member), value))
    }

    /// All members that are not null, with their paths.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'v String, String, &'v Value)> + '_ {
        let given = self.map.iter().filter(|(_, value)| !value.is_null());
        given.map(|(member, value)| (member, at(&self.path, member), value))
    }
}

impl Reader {
    /// Notes that `value` at `member` breaks `rule`.
    pub(super) fn refuse(&mut self, member: &str, value: &Value, rule: impl Into<String>) {
        self.violations.push(Violation::new(member, value, rule));
    }

    /// Notes a violation that was found elsewhere.
    pub(super) fn note(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// The result, unless a rule was broken.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Violations> {
        if self.violations.is_empty() { Ok(value) } else { Err(Violations(self.violations)) }
    }

    /// An object whose members are all in `known`.
    pub(super) fn members<'v>(
        &mut self,
        path: &str,
        value: &'v Value,
        known: &[&str],
    ) -> Option<Members<'v>> {
        let members = self.open_object(path, value)?;
        for (member, path, value) in members.entries() {
            if !known.contains(&member.as_str()) {
                let rule = format!("is not a known member; known are {}", known.join(", "));
                self.refuse(&path, value, rule);
            }
        }
        Some(members)
    }

    /// An object with any members.
    pub(super) fn open_object<'v>(&mut self, path: &str, value: &'v Value) -> Option<Members<'v>> {
        let Value::Object(map) = value else {
            self.refuse(path, value, "must be an object");
            return None;
        };
        Some(Members { path: path.to_owned(), map })
    }

    /// An array of at most `limit` elements, each with its path.
    pub(super) fn elements<'v>(
        &mut self,
        path: &str,
        value: &'v Value,
        limit: usize,
    ) -> Vec<(String, &'v Value)> {
        let Value::Array(elements) = value else {
            self.refuse(path, value, "must be an array");
            return Vec::new();
        };
        if elements.len() > limit {
            let rule = format!("must have at most {limit} elements; it has {}", elements.len());
            self.refuse(path, value, rule);
            return Vec::new();
        }
        elements
            .iter()
            .enumerate()
            .map(|(position, value)| (index(path, position), value))
            .collect()
    }

    /// A text of at most `limit` bytes without control characters other than line breaks and tabs.
    pub(super) fn text(&mut self, path: &str, value: &Value, limit: usize) -> Option<String> {
        let Value::String(text) = value else {
            self.refuse(path, value, "must be a string");
            return None;
        };
        if text.len() > limit {
            let rule = format!("must be at most {limit} bytes of UTF-8; it has {}", text.len());
            self.refuse(path, value, rule);
            return None;
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.refuse(path, value, "must not contain control characters");
            return None;
        }
        Some(text.clone())
    }

    /// A name: 1 to 200 bytes of UTF-8 without control characters.
    pub(super) fn name<T>(
        &mut self,
        path: &str,
        value: &Value,
        make: impl FnOnce(String) -> Result<T, InputError>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.refuse(path, value, "must be a string");
            return None;
        };
        let made = make(text.clone());
        if made.is_err() {
            let rule = "must be a name: 1 to 200 bytes of UTF-8 without control characters";
            self.refuse(path, value, rule);
        }
        made.ok()
    }

    /// A text that `make` takes; its error is the rule.
    pub(super) fn parsed<T, E: fmt::Display>(
        &mut self,
        path: &str,
        value: &Value,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.refuse(path, value, "must be a string");
            return None;
        };
        match make(text) {
            Ok(made) => Some(made),
            Err(rule) => {
                self.refuse(path, value, rule.to_string());
                None
            }
        }
    }

    /// A whole number inside `range`.
    pub(super) fn integer(
        &mut self,
        path: &str,
        value: &Value,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let whole = value.as_u64().or_else(|| match value.as_f64() {
            Some(number) if number.fract() == 0.0 && (0.0..9e15).contains(&number) => {
                Some(number as u64)
            }
            _ => None,
        });
        let found = whole.filter(|number| range.contains(number));
        if found.is_none() {
            let rule = format!("must be a whole number from {} to {}", range.start(), range.end());
            self.refuse(path, value, rule);
        }
        found
    }

    /// A number that `holds` accepts, in 15 significant digits. `rule` says which, for example "must be a number above 0".
    pub(super) fn number(
        &mut self,
        path: &str,
        value: &Value,
        rule: &str,
        holds: impl FnOnce(f64) -> bool,
    ) -> Option<f64> {
        let number = value.as_f64().map(fifteen_digits).filter(|number| number.is_finite());
        let found = number.filter(|number| holds(*number));
        if found.is_none() {
            self.refuse(path, value, rule);
        }
        found
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, path: &str, value: &Value) -> Option<bool> {
        let found = value.as_bool();
        if found.is_none() {
            self.refuse(path, value, "must be true or false");
        }
        found
    }

    /// One of the texts in `options`, which are serde's names of the type's variants.
    pub(super) fn choice<T: DeserializeOwned>(
        &mut self,
        path: &str,
        value: &Value,
        options: &[&str],
    ) -> Option<T> {
        let known = value.as_str().is_some_and(|text| options.contains(&text));
        let found = known.then(|| serde_json::from_value(value.clone()).ok()).flatten();
        if found.is_none() {
            self.refuse(path, value, format!("must be one of {}", options.join(", ")));
        }
        found
    }

    /// A point in time in RFC 3339.
    pub(super) fn time(&mut self, path: &str, value: &Value) -> Option<Time> {
        self.parsed(path, value, str::parse)
    }
}

/// The number in 15 significant digits. Such numbers are the same after writing and reading, in
/// every JSON library; with 17 digits some libraries are off by the last one.
pub(super) fn fifteen_digits(number: f64) -> f64 {
    format!("{number:.14e}").parse().unwrap_or(number)
}

fn printed(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(PRINTED_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_quote_names_that_are_not_plain_words() {
        assert_eq!(at("", "goals"), "goals");
        assert_eq!(at(&index("goals", 1), "cap"), "goals[1].cap");
        assert_eq!(at("weights", "50% off"), r#"weights["50% off"]"#);
        assert_eq!(at("weights", ""), r#"weights[""]"#);
    }

    #[test]
    fn a_violation_prints_member_rule_and_a_short_value() {
        let violation = Violation::new("cap", &json!("x".repeat(500)), "must be a number");
        let text = violation.to_string();
        assert!(text.starts_with("cap must be a number; found \"xxx"), "{text}");
        assert!(text.ends_with('…') && text.chars().count() < 120, "{text}");
    }
}
