//! A condition in the form in which it is evaluated.

use regex::Regex;
use serde_json::Value;

/// A part of a condition that is evaluated in a scope of attributes.
#[derive(Debug, Clone)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// All tests of one attribute.
    Attribute(Box<[Box<str>]>, Test),
    /// Decided: true or false.
    Constant(bool),
    /// Not understood: matches nothing, also under `$not`.
    Unknown,
}

/// A test of one value.
#[derive(Debug, Clone)]
pub(super) enum Test {
    All(Vec<Test>),
    Not(Box<Test>),
    /// Equal to a whole value.
    Equals(Value),
    /// Equal to a scalar.
    Is(Value),
    In(Members),
    Order(OrderOperator, Value),
    Version(VersionOperator, Value),
    Exists(bool),
    HasType(Box<str>),
    Matches(Regex),
    /// Each test holds for some element.
    ContainsAll(Vec<Test>),
    /// The number of elements passes the test.
    Size(Box<Test>),
    /// Some element passes the test.
    AnyElement(Box<Test>),
    /// The members of some element pass the condition.
    AnyObject(Box<Node>),
    /// Equal to a text, whatever the case.
    IsIgnoringCase(Box<str>),
    Constant(bool),
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum OrderOperator {
    Above,
    AtLeast,
    Below,
    AtMost,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum VersionOperator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
}

/// The members of an `$in` list, texts sorted.
#[derive(Debug, Clone)]
pub(super) struct Members {
    pub(super) texts: Box<[Box<str>]>,
    pub(super) others: Box<[Value]>,
    pub(super) ignore_case: bool,
}

impl Members {
    pub(super) fn new(members: &[Value], ignore_case: bool) -> Self {
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut others = Vec::new();
        for member in members {
            match member {
                Value::String(text) if ignore_case => texts.push(text.to_lowercase().into()),
                Value::String(text) => texts.push(text.as_str().into()),
                Value::Array(_) | Value::Object(_) => {}
                scalar => others.push(scalar.clone()),
            }
        }
        texts.sort_unstable();
        texts.dedup();
        Self { texts: texts.into(), others: others.into(), ignore_case }
    }
}
