//! Values of attributes, and the way to them.

use serde_json::{Map, Value};

/// Largest attributes of one evaluation, in bytes of compact JSON.
pub const MAX_ATTRIBUTES_BYTES: usize = 64 * 1024;
/// Deepest nesting of attributes.
pub const MAX_ATTRIBUTES_DEPTH: usize = 16;

/// Attributes that are not evaluated, to bound the time of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    /// Not an object.
    #[error("attributes must be a JSON object")]
    NotAnObject,
    /// Too many bytes.
    #[error("attributes have {0} bytes of JSON; send at most {MAX_ATTRIBUTES_BYTES}")]
    TooLarge(usize),
    /// Nested too deeply.
    #[error("attributes are nested too deeply; use at most {MAX_ATTRIBUTES_DEPTH} levels")]
    TooDeep,
}

/// Attributes from a request, within the limits of size and depth.
///
/// # Errors
/// The limit that they break.
pub fn checked_attributes(value: Value) -> Result<Map<String, Value>, AttributesError> {
    if depth_exceeds(&value, MAX_ATTRIBUTES_DEPTH) {
        return Err(AttributesError::TooDeep);
    }
    let size = value.to_string().len();
    if size > MAX_ATTRIBUTES_BYTES {
        return Err(AttributesError::TooLarge(size));
    }
    match value {
        Value::Object(attributes) => Ok(attributes),
        _ => Err(AttributesError::NotAnObject),
    }
}

pub(super) fn depth_exceeds(value: &Value, limit: usize) -> bool {
    let mut nested: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => return false,
    };
    limit == 0 || nested.any(|value| depth_exceeds(value, limit - 1))
}

/// The value of an attribute. A missing attribute is null.
#[derive(Debug, Clone, Copy)]
pub(super) enum Actual<'a> {
    Null,
    Boolean(bool),
    Number(f64),
    Text(&'a str),
    Array(&'a [Value]),
    Object(&'a Map<String, Value>),
}

impl<'a> From<&'a Value> for Actual<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean(*value),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Text(text),
            Value::Array(elements) => Self::Array(elements),
            Value::Object(members) => Self::Object(members),
        }
    }
}

impl<'a> Actual<'a> {
    /// JavaScript's `===` for scalars. Arrays and objects equal nothing.
    pub(super) fn is(self, expected: &Value) -> bool {
        match (self, expected) {
            (Self::Null, Value::Null) => true,
            (Self::Boolean(actual), Value::Bool(expected)) => actual == *expected,
            (Self::Number(actual), Value::Number(expected)) => expected.as_f64() == Some(actual),
            (Self::Text(actual), Value::String(expected)) => actual == expected,
            _ => false,
        }
    }

    /// Equality of whole values, whatever the order of members.
    pub(super) fn equals(self, expected: &Value) -> bool {
        match (self, expected) {
            (Self::Array(actual), Value::Array(expected)) => {
                actual.len() == expected.len()
                    && actual.iter().zip(expected).all(|(a, e)| Self::from(a).equals(e))
            }
            (Self::Object(actual), Value::Object(expected)) => {
                actual.len() == expected.len()
                    && expected
                        .iter()
                        .all(|(key, e)| actual.get(key).is_some_and(|a| Self::from(a).equals(e)))
            }
            _ => self.is(expected),
        }
    }

    fn member(self, key: &str) -> Self {
        match self {
            Self::Object(members) => members.get(key).map_or(Self::Null, Self::from),
            Self::Array(elements) if key == "length" => Self::Number(elements.len() as f64),
            Self::Array(elements) => {
                let index: Option<usize> =
                    key.parse().ok().filter(|i: &usize| i.to_string() == key);
                index.and_then(|index| elements.get(index)).map_or(Self::Null, Self::from)
            }
            _ => Self::Null,
        }
    }
}

/// Where attributes are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// The attributes of a unit. The unit itself is the attribute `id`.
    Unit { unit: Option<&'a str>, attributes: &'a Map<String, Value> },
    /// An element of an array.
    Element(Actual<'a>),
}

impl<'a> Scope<'a> {
    /// The value at a path, one key per level.
    pub(super) fn find(self, path: &[Box<str>]) -> Actual<'a> {
        let Some((first, rest)) = path.split_first() else { return Actual::Null };
        let root = match self {
            Self::Unit { unit: Some(unit), .. } if &**first == "id" => Actual::Text(unit),
            Self::Unit { attributes, .. } => {
                attributes.get(&**first).map_or(Actual::Null, Actual::from)
            }
            Self::Element(value) => value.member(first),
        };
        rest.iter().fold(root, |value, key| value.member(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_have_limits_of_size_and_depth() {
        assert!(checked_attributes(json!({"country": "DE"})).is_ok());
        assert_eq!(checked_attributes(json!([])), Err(AttributesError::NotAnObject));
        let large = json!({"a": "x".repeat(1 << 20)});
        assert!(matches!(checked_attributes(large), Err(AttributesError::TooLarge(_))));
        let deep = (0..100).fold(json!(1), |value, _| json!([value]));
        assert_eq!(checked_attributes(json!({"a": deep})), Err(AttributesError::TooDeep));
    }
}
