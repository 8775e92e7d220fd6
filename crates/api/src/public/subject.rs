//! The unit and the attributes that a request names.

use abtest_assign::Remembered;
pub(crate) use abtest_assign::bucket::unit_of;
use abtest_assign::targeting::{AttributesError, checked_attributes};
use abtest_model::Query;
use serde_json::{Map, Value};

use crate::http::problem::Problem;

/// What stands before the name of an attribute in a query string.
const ATTRIBUTE: &str = "attribute.";

/// The attributes of a query string: `attribute.country=DE`. All of them are texts.
pub(crate) fn attributes_of(query: &Query<'_>) -> Result<Map<String, Value>, Box<Problem>> {
    let mut attributes = Map::new();
    for (name, value) in query.pairs() {
        let Some(attribute) = name.strip_prefix(ATTRIBUTE) else { continue };
        if attributes.insert(attribute.to_owned(), value.into()).is_some() {
            let detail = "an attribute is given more than once; send it once";
            return Err(Problem::wrong_parameter(ATTRIBUTE, "once", detail));
        }
    }
    Ok(checked_attributes(attributes.into())?)
}

/// The earlier answer of which a query string has the variant and the allocation.
pub(crate) fn remembered_of<'q>(
    query: &'q Query<'_>,
) -> Result<Option<Remembered<'q>>, Box<Problem>> {
    match (query.get("variant")?, query.get("allocation")?) {
        (None, None) => Ok(None),
        (Some(variant), Some(allocation)) => {
            let allocation = allocation.parse().map_err(|_| wrong_allocation())?;
            check_allocation(allocation)?;
            Ok(Some(Remembered { variant, allocation }))
        }
        _ => {
            let detail =
                "variant and allocation belong to one earlier answer; send both or neither";
            Err(Problem::wrong_parameter("allocation", "with-variant", detail))
        }
    }
}

/// Checks that a number can be that of an allocation: one that every JSON library reads exactly.
pub(crate) fn check_allocation(allocation: u64) -> Result<(), Box<Problem>> {
    const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
    if allocation > MAX_SAFE_INTEGER { Err(wrong_allocation()) } else { Ok(()) }
}

fn wrong_allocation() -> Box<Problem> {
    let detail = "allocation is the whole number of an earlier answer; send that number";
    Problem::wrong_parameter("allocation", "whole-number", detail)
}

impl From<AttributesError> for Box<Problem> {
    fn from(error: AttributesError) -> Self {
        let rule = match error {
            AttributesError::NotAnObject => "object",
            AttributesError::TooLarge(_) => "length",
            AttributesError::TooDeep => "depth",
        };
        Problem::wrong_parameter("attributes", rule, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_unit_is_a_text_or_an_integer() {
        let unit = |value: Value| unit_of(&value).map(|unit| unit.to_string());
        assert_eq!(unit(json!("visitor 1 🙂")).as_deref(), Some("visitor 1 🙂"));
        assert_eq!(unit(json!(42)).as_deref(), Some("42"));
        assert_eq!(unit(json!(-7)).as_deref(), Some("-7"));
        assert_eq!(unit(json!(7.0)).as_deref(), Some("7"), "JavaScript cannot tell them apart");
        let longest = "x".repeat(200);
        assert_eq!(unit(json!(longest)), Some(longest));
        for wrong in [
            json!(""),
            json!("a\u{0}b"),
            json!("x".repeat(201)),
            json!(1.5),
            json!(u64::MAX),
            json!(true),
            json!(null),
        ] {
            assert_eq!(unit(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn attributes_of_a_query_are_texts_within_the_limits() {
        let query = Query::parse("attribute.country=DE&unit=u&attribute.a.b=1").unwrap();
        let attributes = attributes_of(&query).unwrap();
        assert_eq!(Value::from(attributes), json!({"country": "DE", "a.b": "1"}));
        let twice = Query::parse("attribute.a=1&attribute.a=2").unwrap();
        assert!(attributes_of(&twice).is_err());
        let large = format!("attribute.a={}", "x".repeat(70_000));
        assert!(attributes_of(&Query::parse(&large).unwrap()).is_err());
    }
}
