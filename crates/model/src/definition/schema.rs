//! The JSON Schema of the experiment document, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use super::Definition;
use super::read::SERVER_OWNED;

/// The JSON Schema (draft 2020-12) of what `PUT …/definition` takes. Only `variants` is required.
#[must_use]
pub fn experiment_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Definition>().to_value();
    relax(&mut schema);
    require(&mut schema, &["variants"]);
    for (definition, members) in [
        ("DefinedVariant", &["name"][..]),
        ("DefinedGoal", &["name"]),
        ("RampStep", &["at", "traffic"]),
    ] {
        if let Some(part) = schema.pointer_mut(&format!("/$defs/{definition}")) {
            require(part, members);
        }
    }
    if let Some(Value::Object(properties)) = schema.pointer_mut("/properties") {
        for member in SERVER_OWNED {
            let text = "The server writes it and ignores it on input.";
            properties.insert(member.to_owned(), json!({"readOnly": true, "description": text}));
        }
        for member in ["name", "namespace"] {
            let text =
                format!("The {member} of the experiment, in files for `abtest experiments apply`.");
            properties.insert(member.to_owned(), json!({"type": "string", "description": text}));
        }
        properties.insert("$schema".to_owned(), json!({"type": "string"}));
    }
    schema["title"] = json!("abtest experiment");
    schema
}

/// Makes every member optional and forbids unknown ones.
fn relax(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("required");
            if members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(relax);
        }
        Value::Array(elements) => elements.iter_mut().for_each(relax),
        _ => {}
    }
}

fn require(schema: &mut Value, members: &[&str]) {
    if let Value::Object(object) = schema {
        object.insert("required".to_owned(), json!(members));
    }
}

pub(super) struct SeedText;

impl JsonSchema for SeedText {
    fn schema_name() -> Cow<'static, str> {
        "Seed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"})
    }
}

pub(super) struct TimeText;

impl JsonSchema for TimeText {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

pub(super) struct CountingName;

impl JsonSchema for CountingName {
    fn schema_name() -> Cow<'static, str> {
        "Counting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ["hll", "exact"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::testing::{full, generated, minimal};

    #[test]
    fn the_schema_has_each_member_with_a_description_and_only_variants_are_required() {
        let schema = experiment_schema();
        let definition = Definition::parse(&minimal(), Some(&generated())).unwrap();
        for member in definition.to_members().keys() {
            let description = &schema["properties"][member]["description"];
            assert!(description.is_string(), "{member}: {description}");
        }
        assert_eq!(schema["required"], json!(["variants"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["version"]["readOnly"], json!(true));
        assert_eq!(schema["$schema"], json!("https://json-schema.org/draft/2020-12/schema"));
    }

    #[test]
    fn members_of_parts_are_in_the_schema() {
        let schema = experiment_schema();
        let properties = |part: &str| schema["$defs"][part]["properties"].clone();
        for goal in full()["goals"].as_array().unwrap() {
            for member in goal.as_object().unwrap().keys() {
                assert!(properties("DefinedGoal").get(member).is_some(), "{member}");
            }
        }
        for (part, member) in [
            ("Analysis", "minimum_lift"),
            ("Bandit", "burn_in"),
            ("Schedule", "ramp"),
            ("RampStep", "traffic"),
            ("DefinedVariant", "payload"),
        ] {
            assert!(properties(part).get(member).is_some(), "{part}.{member}");
        }
    }
}
