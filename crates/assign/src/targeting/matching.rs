//! From a condition and attributes to an answer, in three-valued logic.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::attributes::{Actual, Scope};
use super::compile::Condition;
use super::compiled::{Members, Node, OrderOperator, Test, VersionOperator};
use super::version;

/// True, false, or unknown for what depends on an operator that is not understood. Only true
/// matches, so an unknown part matches nothing under `$not`, too.
type Truth = Option<bool>;

impl Condition {
    /// Whether a unit with these attributes matches. The unit is the attribute `id`.
    #[must_use]
    pub fn matches(&self, unit: Option<&str>, attributes: &Map<String, Value>) -> bool {
        self.0.holds(Scope::Unit { unit, attributes }) == Some(true)
    }
}

impl Node {
    fn holds(&self, scope: Scope<'_>) -> Truth {
        match self {
            Self::All(nodes) => all(nodes.iter().map(|node| node.holds(scope))),
            Self::Any(nodes) => any(nodes.iter().map(|node| node.holds(scope))),
            Self::Not(node) => node.holds(scope).map(|holds| !holds),
            Self::Attribute(path, test) => test.passes(scope.find(path)),
            Self::Constant(value) => Some(*value),
            Self::Unknown => None,
        }
    }
}

impl Test {
    fn passes(&self, actual: Actual<'_>) -> Truth {
        let decided = match self {
            Self::All(tests) => return all(tests.iter().map(|test| test.passes(actual))),
            Self::Not(test) => return test.passes(actual).map(|passes| !passes),
            Self::Equals(expected) => actual.equals(expected),
            Self::Is(expected) => actual.is(expected),
            Self::In(members) => members.contain(actual),
            Self::Order(operator, expected) => {
                order(actual, expected).is_some_and(|order| operator.accepts(order))
            }
            Self::Version(operator, expected) => version::comparable(actual, expected)
                .is_some_and(|(actual, expected)| operator.accepts(actual.cmp(&expected))),
            Self::Exists(exists) => *exists != matches!(actual, Actual::Null),
            Self::HasType(name) => type_of(actual) == &**name,
            Self::Matches(regex) => matches!(actual, Actual::Text(text) if regex.is_match(text)),
            Self::ContainsAll(tests) => {
                let Actual::Array(elements) = actual else { return Some(false) };
                let contains = |test: &Test| any(elements.iter().map(|e| test.passes(e.into())));
                return all(tests.iter().map(contains));
            }
            Self::Size(test) => {
                let Actual::Array(elements) = actual else { return Some(false) };
                return test.passes(Actual::Number(elements.len() as f64));
            }
            Self::AnyElement(test) => {
                return any(elements(actual).map(|element| test.passes(element)));
            }
            Self::AnyObject(node) => {
                return any(elements(actual).map(|element| node.holds(Scope::Element(element))));
            }
            Self::IsIgnoringCase(expected) => {
                matches!(actual, Actual::Text(text) if text.to_lowercase() == **expected)
            }
            Self::Constant(value) => *value,
            Self::Unknown => return None,
        };
        Some(decided)
    }
}

impl Members {
    fn contain(&self, actual: Actual<'_>) -> bool {
        match actual {
            Actual::Array(elements) => elements.iter().any(|e| self.contain_scalar(e.into())),
            scalar => self.contain_scalar(scalar),
        }
    }

    fn contain_scalar(&self, actual: Actual<'_>) -> bool {
        let known = |text: &str| self.texts.binary_search_by(|known| (**known).cmp(text)).is_ok();
        match actual {
            Actual::Text(text) if self.ignore_case => known(&text.to_lowercase()),
            Actual::Text(text) => known(text),
            scalar => self.others.iter().any(|member| scalar.is(member)),
        }
    }
}

impl OrderOperator {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
        }
    }
}

impl VersionOperator {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
        }
    }
}

/// True if all are true. One that is false decides, even if others are unknown.
fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    decided_by(false, truths)
}

/// True if one is true. One that is true decides, even if others are unknown.
fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    decided_by(true, truths)
}

/// `decisive` if one of the truths is. Otherwise unknown if one of them is, or the opposite.
fn decided_by(decisive: bool, truths: impl Iterator<Item = Truth>) -> Truth {
    let mut result = Some(!decisive);
    for truth in truths {
        match truth {
            Some(value) if value == decisive => return truth,
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

/// The elements of an array that are not null.
fn elements(actual: Actual<'_>) -> impl Iterator<Item = Actual<'_>> {
    let elements = match actual {
        Actual::Array(elements) => elements,
        _ => &[],
    };
    elements.iter().filter(|element| !element.is_null()).map(Actual::from)
}

/// The order of two numbers, or of two texts by UTF-16 code units as in JavaScript.
fn order(actual: Actual<'_>, expected: &Value) -> Option<Ordering> {
    match (actual, expected) {
        (Actual::Number(actual), Value::Number(expected)) => {
            actual.partial_cmp(&expected.as_f64()?)
        }
        (Actual::Text(actual), Value::String(expected)) => {
            Some(actual.encode_utf16().cmp(expected.encode_utf16()))
        }
        _ => None,
    }
}

fn type_of(actual: Actual<'_>) -> &'static str {
    match actual {
        Actual::Null => "null",
        Actual::Boolean(_) => "boolean",
        Actual::Number(_) => "number",
        Actual::Text(_) => "string",
        Actual::Array(_) => "array",
        Actual::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targeting::Groups;
    use proptest::prelude::{Just, Strategy, prop, prop_assert_eq, prop_oneof, proptest};
    use serde_json::json;

    #[test]
    fn all_conditions_of_growthbooks_specification_give_its_answers() {
        let cases: Value =
            serde_json::from_str(include_str!("../../tests/growthbook/cases.json")).unwrap();
        let cases = cases["evalCondition"].as_array().unwrap();
        assert_eq!(cases.len(), 583);
        let mut wrong = Vec::new();
        for case in cases {
            let groups: Groups = case
                .get(4)
                .map(|groups| serde_json::from_value(groups.clone()).unwrap())
                .unwrap_or_default();
            let (condition, _) = Condition::lenient(case[1].as_object().unwrap(), &groups);
            let found = condition.matches(None, case[2].as_object().unwrap());
            if Some(found) != case[3].as_bool() {
                wrong.push(case[0].clone());
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn conditions_see_the_unit_as_id() {
        let compiled = Condition::new(json!({"id": {"$in": ["u1"]}}).as_object().unwrap()).unwrap();
        let spoofed = json!({"id": "u1"});
        assert!(compiled.matches(Some("u1"), &Map::new()));
        assert!(!compiled.matches(Some("u2"), spoofed.as_object().unwrap()));
    }

    fn arbitrary_json() -> impl Strategy<Value = Value> {
        let key = prop::sample::select(vec![
            "a",
            "b",
            "$eq",
            "$in",
            "$not",
            "$or",
            "$and",
            "$nor",
            "$regex",
            "$elemMatch",
            "$size",
            "$all",
            "$gt",
            "$vgt",
            "$exists",
            "$type",
            "$x",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            prop::bool::ANY.prop_map(Value::from),
            (-3i64..3).prop_map(Value::from),
            "[ab(.*]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_condition_panics_and_a_usable_one_has_a_negation(
            condition in arbitrary_json(),
            attributes in arbitrary_json(),
        ) {
            let (Value::Object(condition), Value::Object(attributes)) = (condition, attributes) else {
                return Ok(());
            };
            let (compiled, problems) = Condition::lenient(&condition, &Groups::new());
            let matches = compiled.matches(Some("u"), &attributes);
            if problems.is_empty() {
                let negation = json!({"$not": condition});
                let negated = Condition::new(negation.as_object().unwrap()).unwrap();
                prop_assert_eq!(negated.matches(Some("u"), &attributes), !matches);
            }
        }
    }
}
