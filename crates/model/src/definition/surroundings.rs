//! Rules that span the namespace, and warnings before a definition is saved.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rule::Violation;
use super::{Definition, NewName, Seed};

/// What else a namespace has. Names are compared, so the definition itself may be in the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// Each layer with its id.
    pub layers: Vec<(NewName, Seed)>,
    /// Each experiment with its id and salt.
    pub experiments: Vec<(String, Seed, Seed)>,
}

impl Surroundings {
    /// The rules that the definition called `name` breaks: its layer exists, its id is unique among
    /// experiments and layers, and its salt differs from every id and every other salt. (Equal
    /// seeds correlate splits or destroy them.)
    #[must_use]
    pub fn violations(&self, name: &str, definition: &Definition) -> Vec<Violation> {
        let mut violations = Vec::new();
        if let Some(layer) = &definition.layer
            && !self.layers.iter().any(|(known, _)| known == layer)
        {
            let rule = "must be an existing layer; create it first";
            violations.push(Violation::new("layer", &json!(layer), rule));
        }
        let layer_ids = self.layers.iter().map(|(layer, id)| (format!("the layer {layer}"), id));
        let others = self.experiments.iter().filter(|(other, _, _)| other != name);
        let experiment_ids =
            others.clone().map(|(other, id, _)| (format!("the experiment {other}"), id));
        let ids: Vec<(String, &Seed)> = layer_ids.chain(experiment_ids).collect();
        let salts: Vec<(String, &Seed)> =
            others.map(|(other, _, salt)| (format!("the experiment {other}"), salt)).collect();
        let pairs = [
            ("id", &definition.id, &ids, "id"),
            ("id", &definition.id, &salts, "salt"),
            ("salt", &definition.salt, &ids, "id"),
            ("salt", &definition.salt, &salts, "salt"),
        ];
        for (member, seed, taken, what) in pairs {
            if let Some((holder, _)) = taken.iter().find(|(_, other)| *other == seed) {
                let rule = format!("must differ from the {what} of {holder}");
                violations.push(Violation::new(member, &json!(seed), rule));
            }
        }
        violations
    }
}

/// Something that is allowed but worth a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warning {
    /// The path of the member.
    pub member: String,
    /// What may be wrong, and what to do.
    pub message: String,
}

impl Definition {
    /// Overrides and targeting values that look like e-mail addresses and would be public.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        if self.server_only {
            return Vec::new();
        }
        let in_overrides = self.overrides.keys().any(|unit| unit.as_str().contains('@'));
        let in_targeting = self.targeting.as_ref().is_some_and(|condition| {
            condition.iter().any(|(key, value)| key.contains('@') || has_address(value))
        });
        [(in_overrides, "overrides"), (in_targeting, "targeting")]
            .into_iter()
            .filter(|(found, _)| *found)
            .map(|(_, member)| Warning {
                member: member.to_owned(),
                message: format!(
                    "{member} has a text with @ and everybody can read it; use ids without \
                     personal data, or set server_only to true"
                ),
            })
            .collect()
    }
}

fn has_address(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('@'),
        Value::Array(elements) => elements.iter().any(has_address),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('@') || has_address(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::testing::full;

    fn seed(text: &str) -> Seed {
        text.parse().unwrap()
    }

    #[test]
    fn seeds_are_unique_in_the_namespace_and_the_layer_exists() {
        let definition = Definition::parse(&full(), None).unwrap();
        let mut around = Surroundings {
            layers: vec![("checkout".parse().unwrap(), seed("layer-1"))],
            experiments: vec![
                ("button".to_owned(), definition.id.clone(), definition.salt.clone()),
                ("other".to_owned(), seed("o1"), seed("o2")),
            ],
        };
        assert_eq!(around.violations("button", &definition), []);
        let members = |around: &Surroundings| -> Vec<String> {
            let violations = around.violations("button", &definition);
            violations.into_iter().map(|violation| violation.member).collect()
        };
        around.experiments[1].1 = definition.id.clone();
        assert_eq!(members(&around), ["id"]);
        around.experiments[1] = ("other".to_owned(), seed("o1"), definition.salt.clone());
        assert_eq!(members(&around), ["salt"]);
        around.experiments[1] = ("other".to_owned(), definition.salt.clone(), seed("o2"));
        assert_eq!(members(&around), ["salt"]);
        around.experiments.pop();
        around.layers = vec![("search".parse().unwrap(), definition.salt.clone())];
        assert_eq!(members(&around), ["layer", "salt"]);
    }

    #[test]
    fn addresses_that_would_be_public_are_warned_about() {
        let mut value = full();
        value["overrides"] = json!({"a@example.com": "green"});
        value["targeting"] = json!({"email": {"$regex": "@example.com$"}});
        let members = |value: &Value| -> Vec<String> {
            let warnings = Definition::parse(value, None).unwrap().warnings();
            warnings.into_iter().map(|warning| warning.member).collect()
        };
        assert_eq!(members(&value), ["overrides", "targeting"]);
        assert!(members(&full()).is_empty());
        value["server_only"] = json!(true);
        assert!(members(&value).is_empty());
    }
}
