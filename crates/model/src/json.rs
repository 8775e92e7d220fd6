//! JSON in which every member of an object has its own name. RFC 8259 (section 4) does not say what
//! a repeated name means: some programs take the first value and others the last.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::definition::rule::{at, index};
use crate::input::printable;

/// Why a text cannot be used as JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON (RFC 8259).
    #[error("the body is not valid JSON: {0}")]
    Invalid(serde_json::Error),
    /// An object names a member twice.
    #[error("member `{member}` is given more than once; send it once")]
    Repeated {
        /// The path of the member, such as `goals[1].name`.
        member: String,
    },
}

/// Reads one JSON value.
///
/// # Errors
/// When the text is not JSON, or when an object in it names a member twice.
///
/// ```
/// let error = abtest_model::json::parse(br#"{"goals": [{"name": "a", "name": "b"}]}"#).unwrap_err();
/// assert_eq!(error.to_string(), "member `goals[0].name` is given more than once; send it once");
/// ```
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let repeated = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let strict = Strict { path: "", repeated: &repeated };
    let read = strict.deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    read.map_err(|error| match repeated.take() {
        Some(member) => JsonError::Repeated { member },
        None => JsonError::Invalid(error),
    })
}

/// Reads the value at `path`, and notes the path of a repeated member before it fails.
#[derive(Clone, Copy)]
struct Strict<'a> {
    path: &'a str,
    repeated: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let path = index(self.path, array.len());
            match elements.next_element_seed(Strict { path: &path, ..self })? {
                Some(element) => array.push(element),
                None => return Ok(array.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let path = at(self.path, &printable(&name));
            if object.contains_key(&name) {
                self.repeated.replace(Some(path));
                return Err(A::Error::custom("a repeated member"));
            }
            let value = members.next_value_seed(Strict { path: &path, ..self })?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repeated(text: &str) -> String {
        match parse(text.as_bytes()) {
            Err(JsonError::Repeated { member }) => member,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_repeated_member_is_named_with_its_path() {
        assert_eq!(repeated(r#"{"a": 1, "b": 2, "a": 1}"#), "a");
        assert_eq!(
            repeated(r#"[{}, {"a": {"b": [0, {"c d": 1, "c d": 2}]}}]"#),
            r#"[1].a.b[1]["c d"]"#
        );
        // An escape does not make it another name.
        assert_eq!(repeated(r#"{"a": 1, "\u0061": 1}"#), "a");
        assert!(parse(br#"{"a": {"a": 1}, "b": {"a": 1}}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "{}{}", "\u{0}", "[1,]", r#""\ud800""#, &"[".repeat(100_000)] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::Invalid(_))), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn without_repeated_members_it_reads_what_serde_json_reads(value in any_json()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap(), value);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<Vec<u8>>()) {
            let _ = parse(&text);
        }
    }
}
