//! From JSON to a condition.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::attributes::depth_exceeds;
use super::compiled::{Members, Node, OrderOperator, Test, VersionOperator};
use super::pattern;

/// Deepest nesting of a condition.
pub const MAX_DEPTH: usize = 20;
/// Most regular expressions in a condition.
pub const MAX_PATTERNS: usize = 50;
/// Most tests and connectives in a condition.
pub const MAX_NODES: usize = 1_000;

/// Lists of values by name, for `$inGroup` and `$notInGroup`.
pub type Groups = BTreeMap<String, Vec<Value>>;

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Condition(pub(super) Node);

/// A part of a condition that cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where, for example `.country["$in"]`. Empty for the whole condition.
    pub path: String,
    /// What is there.
    pub value: Value,
    /// What the rule asks for: "must …" or "is …".
    pub rule: String,
}

impl Condition {
    /// Compiles a condition of a definition.
    ///
    /// # Errors
    /// All problems: unknown operators, operands of the wrong type, patterns that do not compile,
    /// too deep or too large. `$inGroup` and `$savedGroup` are refused, because abtest has no groups.
    pub fn new(condition: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let (compiled, problems) = Self::lenient(condition, &Groups::new());
        if problems.is_empty() { Ok(compiled) } else { Err(problems) }
    }

    /// Compiles a condition as GrowthBook's SDKs do: what cannot be used matches no unit, also under
    /// `$not`. Returns the problems, too.
    #[must_use]
    pub fn lenient(condition: &Map<String, Value>, groups: &Groups) -> (Self, Vec<Problem>) {
        let mut compiler = Compiler { groups, problems: Vec::new(), patterns: 0, nodes: 0 };
        let too_deep = condition.values().any(|value| depth_exceeds(value, MAX_DEPTH - 1));
        let node = if too_deep {
            let rule = format!("must be nested at most {MAX_DEPTH} levels deep");
            compiler.refuse("", &Value::Null, &rule)
        } else {
            compiler.condition("", condition)
        };
        if compiler.nodes > MAX_NODES {
            let rule = format!("must have at most {MAX_NODES} tests; it has {}", compiler.nodes);
            compiler.refuse("", &Value::Null, &rule);
        }
        (Self(node), compiler.problems)
    }
}

const CONNECTIVES: [&str; 4] = ["$or", "$nor", "$and", "$savedGroup"];
const TYPES: [&str; 6] = ["string", "number", "boolean", "array", "object", "null"];

struct Compiler<'g> {
    groups: &'g Groups,
    problems: Vec<Problem>,
    patterns: usize,
    nodes: usize,
}

impl Compiler<'_> {
    fn problem(&mut self, path: &str, value: &Value, rule: &str) {
        self.problems.push(Problem {
            path: path.to_owned(),
            value: value.clone(),
            rule: rule.to_owned(),
        });
    }

    fn refuse(&mut self, path: &str, value: &Value, rule: &str) -> Node {
        self.problem(path, value, rule);
        Node::Unknown
    }

    fn refuse_test(&mut self, path: &str, value: &Value, rule: &str, test: Test) -> Test {
        self.problem(path, value, rule);
        test
    }

    fn condition(&mut self, path: &str, condition: &Map<String, Value>) -> Node {
        let nodes = condition.iter().map(|(key, value)| self.entry(&member(path, key), key, value));
        let mut nodes: Vec<Node> = nodes.collect();
        if nodes.len() == 1 { nodes.swap_remove(0) } else { Node::All(nodes) }
    }

    fn entry(&mut self, path: &str, key: &str, value: &Value) -> Node {
        self.nodes += 1;
        match key {
            "$and" => match self.conditions(path, value) {
                Some(conditions) => Node::All(conditions),
                None => self.not_a_list(path, value),
            },
            "$or" | "$nor" => match self.conditions(path, value) {
                // GrowthBook: an empty $or passes, so an empty $nor fails.
                Some(conditions) if conditions.is_empty() => Node::Constant(key == "$or"),
                Some(conditions) if key == "$or" => Node::Any(conditions),
                Some(conditions) => Node::Not(Box::new(Node::Any(conditions))),
                None => self.not_a_list(path, value),
            },
            "$not" => match value {
                Value::Object(condition) => Node::Not(Box::new(self.condition(path, condition))),
                _ => {
                    let node = self.refuse(path, value, "must be an object: a condition");
                    if value.is_null() { node } else { Node::Constant(false) }
                }
            },
            "$savedGroup" => self.refuse(path, value, "is not supported: list the values with $in"),
            _ => {
                if is_operator(key) {
                    self.problem(path, value, "is an operator; put it under an attribute");
                }
                let keys = key.split('.').map(Box::from).collect();
                Node::Attribute(keys, self.expected(path, value))
            }
        }
    }

    fn conditions(&mut self, path: &str, value: &Value) -> Option<Vec<Node>> {
        let Value::Array(conditions) = value else { return None };
        let compiled = conditions.iter().enumerate().map(|(index, value)| {
            let path = format!("{path}[{index}]");
            match value {
                Value::Object(condition) => self.condition(&path, condition),
                _ => {
                    let node = self.refuse(&path, value, "must be an object: a condition");
                    if value.is_null() { node } else { Node::Constant(false) }
                }
            }
        });
        Some(compiled.collect())
    }

    fn not_a_list(&mut self, path: &str, value: &Value) -> Node {
        let node = self.refuse(path, value, "must be an array of conditions");
        if value.is_null() { node } else { Node::Constant(false) }
    }

    /// What stands after an attribute: operators, or a value to be equal to.
    fn expected(&mut self, path: &str, value: &Value) -> Test {
        match value {
            Value::Object(members) if members.keys().all(|key| key.starts_with('$')) => {
                self.operators(path, members)
            }
            Value::Object(members) => {
                if let Some(key) = members.keys().find(|key| key.starts_with('$')) {
                    let rule = format!("must have only operators, or no {key}");
                    self.problem(path, value, &rule);
                }
                Test::Equals(value.clone())
            }
            Value::Array(_) => Test::Equals(value.clone()),
            _ => Test::Is(value.clone()),
        }
    }

    fn operators(&mut self, path: &str, operators: &Map<String, Value>) -> Test {
        let tests = operators
            .iter()
            .map(|(operator, value)| self.operator(&member(path, operator), operator, value));
        let mut tests: Vec<Test> = tests.collect();
        if tests.len() == 1 { tests.swap_remove(0) } else { Test::All(tests) }
    }

    fn operator(&mut self, path: &str, operator: &str, value: &Value) -> Test {
        self.nodes += 1;
        match operator {
            "$eq" | "$ne" => {
                let test = if value.is_array() || value.is_object() {
                    let rule = "must be a text, a number, true, false or null";
                    self.refuse_test(path, value, rule, Test::Constant(false))
                } else {
                    Test::Is(value.clone())
                };
                negated(operator == "$ne", test)
            }
            "$in" | "$nin" | "$ini" | "$nini" => {
                let Value::Array(members) = value else {
                    let rule = "must be an array of values";
                    return self.refuse_test(path, value, rule, Test::Constant(false));
                };
                let test = Test::In(Members::new(members, operator.ends_with("ini")));
                negated(operator.starts_with("$n"), test)
            }
            "$inGroup" | "$notInGroup" => {
                let group = value.as_str().and_then(|name| self.groups.get(name));
                let members = match group {
                    Some(members) => members.as_slice(),
                    None => {
                        self.problem(path, value, "is not supported: list the values with $in");
                        &[]
                    }
                };
                negated(operator == "$notInGroup", Test::In(Members::new(members, false)))
            }
            "$gt" => self.order(path, OrderOperator::Above, value),
            "$gte" => self.order(path, OrderOperator::AtLeast, value),
            "$lt" => self.order(path, OrderOperator::Below, value),
            "$lte" => self.order(path, OrderOperator::AtMost, value),
            "$vgt" => self.version(path, VersionOperator::Above, value),
            "$vgte" => self.version(path, VersionOperator::AtLeast, value),
            "$vlt" => self.version(path, VersionOperator::Below, value),
            "$vlte" => self.version(path, VersionOperator::AtMost, value),
            "$veq" => self.version(path, VersionOperator::Equal, value),
            "$vne" => negated(true, self.version(path, VersionOperator::Equal, value)),
            "$exists" => match value {
                Value::Bool(exists) => Test::Exists(*exists),
                _ => self.refuse_test(path, value, "must be true or false", Test::Constant(true)),
            },
            "$type" => match value.as_str() {
                Some(name) if TYPES.contains(&name) => Test::HasType(name.into()),
                _ => {
                    let rule = format!("must be one of {}", TYPES.join(", "));
                    self.refuse_test(path, value, &rule, Test::Constant(false))
                }
            },
            "$regex" => self.pattern(path, value, false),
            "$regexi" => self.pattern(path, value, true),
            "$notRegex" => negated(true, self.pattern(path, value, false)),
            "$notRegexi" => negated(true, self.pattern(path, value, true)),
            "$size" => Test::Size(Box::new(self.expected(path, value))),
            "$all" | "$alli" => {
                let Value::Array(members) = value else {
                    let rule = "must be an array of values";
                    return self.refuse_test(path, value, rule, Test::Constant(false));
                };
                let tests = members.iter().enumerate().map(|(index, value)| match value {
                    Value::String(text) if operator == "$alli" => {
                        Test::IsIgnoringCase(text.to_lowercase().into())
                    }
                    _ => self.expected(&format!("{path}[{index}]"), value),
                });
                Test::ContainsAll(tests.collect())
            }
            "$elemMatch" => self.any_element(path, value),
            "$not" => negated(true, self.expected(path, value)),
            "$and" | "$or" | "$nor" | "$savedGroup" | "$savedGroups" => {
                let rule = "combines conditions; put it outside of the attribute";
                self.refuse_test(path, value, rule, Test::Constant(false))
            }
            _ => self.refuse_test(path, value, "is not a known operator", Test::Unknown),
        }
    }

    fn order(&mut self, path: &str, operator: OrderOperator, value: &Value) -> Test {
        match value {
            Value::String(_) | Value::Number(_) => Test::Order(operator, value.clone()),
            _ => self.refuse_test(path, value, "must be a number or a text", Test::Constant(false)),
        }
    }

    fn version(&mut self, path: &str, operator: VersionOperator, value: &Value) -> Test {
        if !value.is_string() {
            self.problem(path, value, "must be a version as a text, for example \"1.2.3\"");
        }
        Test::Version(operator, value.clone())
    }

    fn pattern(&mut self, path: &str, value: &Value, ignore_case: bool) -> Test {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            let rule = format!("is one pattern too many; use at most {MAX_PATTERNS}");
            return self.refuse_test(path, value, &rule, Test::Constant(false));
        }
        let Value::String(pattern) = value else {
            return self.refuse_test(path, value, "must be a pattern", Test::Constant(false));
        };
        match pattern::compile(pattern, ignore_case) {
            Ok(regex) => Test::Matches(regex),
            Err(rule) => self.refuse_test(path, value, &rule, Test::Constant(false)),
        }
    }

    fn any_element(&mut self, path: &str, value: &Value) -> Test {
        let Value::Object(members) = value else {
            let rule = "must be an object: operators or a condition";
            return self.refuse_test(path, value, rule, Test::Constant(false));
        };
        let operators = members.keys().all(|key| key.starts_with('$'))
            && !members.keys().any(|key| CONNECTIVES.contains(&key.as_str()));
        if operators {
            Test::AnyElement(Box::new(self.operators(path, members)))
        } else {
            Test::AnyObject(Box::new(self.condition(path, members)))
        }
    }
}

fn negated(negate: bool, test: Test) -> Test {
    if negate { Test::Not(Box::new(test)) } else { test }
}

fn is_operator(key: &str) -> bool {
    const OPERATORS: [&str; 31] = [
        "$eq",
        "$ne",
        "$in",
        "$nin",
        "$ini",
        "$nini",
        "$inGroup",
        "$notInGroup",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$vgt",
        "$vgte",
        "$vlt",
        "$vlte",
        "$veq",
        "$vne",
        "$exists",
        "$type",
        "$regex",
        "$regexi",
        "$notRegex",
        "$notRegexi",
        "$size",
        "$all",
        "$alli",
        "$elemMatch",
        "$savedGroups",
        "$groups",
        "$where",
    ];
    OPERATORS.contains(&key)
}

fn member(path: &str, key: &str) -> String {
    if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        format!("{path}.{key}")
    } else {
        format!("{path}[{}]", Value::from(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(condition: Value) -> Vec<String> {
        let problems = Condition::new(condition.as_object().unwrap()).err().unwrap_or_default();
        problems.into_iter().map(|problem| format!("{} {}", problem.path, problem.rule)).collect()
    }

    #[test]
    fn a_condition_that_cannot_be_used_is_refused_with_its_place() {
        let cases = [
            (json!({"a": {"$regx": "x"}}), r#".a["$regx"] is not a known operator"#),
            (json!({"a": {"$in": 1}}), r#".a["$in"] must be an array"#),
            (json!({"a": {"$regex": "("}}), r#".a["$regex"] must be a regular expression"#),
            (json!({"a": {"$gt": true}}), r#".a["$gt"] must be a number"#),
            (json!({"a": {"$vgt": 2}}), r#".a["$vgt"] must be a version"#),
            (json!({"a": {"$type": "undefined"}}), r#".a["$type"] must be one of"#),
            (json!({"a": {"$exists": 1}}), r#".a["$exists"] must be true"#),
            (json!({"$or": [{"b": {"$size": {"$regx": 1}}}]}), r#"["$or"][0].b["$size"]["$regx"]"#),
            (json!({"$or": null}), r#"["$or"] must be an array"#),
            (json!({"$and": [1]}), r#"["$and"][0] must be an object"#),
            (json!({"$gt": 5}), r#"["$gt"] is an operator"#),
            (json!({"a": {"$or": []}}), r#".a["$or"] combines conditions"#),
            (json!({"a": {"$eq": [1]}}), r#".a["$eq"] must be a text"#),
            (json!({"a": {"$inGroup": "g"}}), r#".a["$inGroup"] is not supported"#),
            (json!({"a": {"$gt": 1, "b": 2}}), ".a must have only operators"),
        ];
        for (condition, start) in cases {
            let found = problems(condition.clone());
            assert!(found.iter().any(|text| text.starts_with(start)), "{condition}: {found:?}");
        }
        assert!(
            problems(json!({"a": {"$gt": 1, "$lt": 5}, "b.c": "x", "$not": {"d": null}}))
                .is_empty()
        );
    }

    #[test]
    fn depth_size_and_patterns_are_limited() {
        let deep = (0..30).fold(json!({"a": 1}), |condition, _| json!({"$not": condition}));
        assert!(problems(deep)[0].contains("at most 20 levels"));
        let wide: Vec<Value> = (0..1_001).map(|n| json!({"a": n})).collect();
        assert!(problems(json!({"$or": wide}))[0].contains("at most 1000 tests"));
        let patterns: Vec<Value> = (0..51).map(|_| json!({"a": {"$regex": "x"}})).collect();
        assert!(problems(json!({"$or": patterns}))[0].contains("at most 50"));
        let long_list: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
        assert!(problems(json!({"id": {"$in": long_list}})).is_empty());
    }
}
